//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{error::EXIT_CODES, render::Format};

/// Show, explain and change complaint classifiers.
///
/// Everything that is shown stands in the custom resources. Commands that change something print the manifest for Git, and change
/// the cluster only with --apply.
#[derive(Debug, Parser)]
#[command(name = "kubectl-complaints", bin_name = "kubectl complaints", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of all commands, as kubectl has them.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The kubeconfig file; unset: KUBECONFIG, then ~/.kube/config, then the pod's service account.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) context: Option<String>,
    /// The namespace; unset: the context's.
    #[arg(short, long, global = true, value_parser = object_name, value_name = "NAME", help_heading = "Global options")]
    pub(crate) namespace: Option<String>,
    /// All namespaces.
    #[arg(
        short = 'A',
        long,
        global = true,
        conflicts_with = "namespace",
        help_heading = "Global options"
    )]
    pub(crate) all_namespaces: bool,
    /// What is printed.
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub(crate) output: Format,
    /// Act as this user.
    #[arg(long = "as", global = true, value_name = "USER", help_heading = "Global options")]
    pub(crate) r#as: Option<String>,
    /// Act as a member of this group; may be repeated.
    #[arg(
        long,
        global = true,
        value_name = "GROUP",
        requires = "as",
        help_heading = "Global options"
    )]
    pub(crate) as_group: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show who serves, what waits and why, what production says, and what blocks.
    Status {
        /// The classifier; unset: one line for each.
        #[arg(value_parser = object_name)]
        name: Option<String>,
        /// Show it again whenever something changes.
        #[arg(short, long)]
        watch: bool,
        /// End with 5 unless the classifier is ready, for scripts.
        #[arg(long, requires = "name", conflicts_with = "watch")]
        exit_code: bool,
    },
    /// List versions with their figures, the newest first.
    Versions {
        /// Only those of this classifier.
        #[arg(value_parser = object_name)]
        classifier: Option<String>,
        /// Show them again whenever something changes.
        #[arg(short, long)]
        watch: bool,
    },
    /// List trainings, the newest first.
    Runs {
        /// Only those for this classifier.
        #[arg(value_parser = object_name)]
        classifier: Option<String>,
        /// Show them again whenever something changes.
        #[arg(short, long)]
        watch: bool,
    },
    /// Show two versions side by side, and what was measured of both on the same rows.
    Compare {
        /// A version.
        #[arg(value_parser = object_name)]
        a: String,
        /// Another.
        #[arg(value_parser = object_name)]
        b: String,
    },
    /// Say why a version is, or is not, the champion: each rule of promotion with its figure.
    Why {
        /// The version.
        #[arg(value_parser = object_name)]
        version: String,
    },
    /// Pin a version: it serves whatever the rules say, and nothing is promoted automatically.
    Promote {
        /// The version.
        #[arg(value_parser = object_name)]
        version: String,
        #[command(flatten)]
        write: Write,
    },
    /// Pin the champion of before, or another version.
    Rollback {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        /// The version; unset: status.previousChampion.
        #[arg(long, value_name = "VERSION", value_parser = object_name)]
        to: Option<String>,
        #[command(flatten)]
        write: Write,
    },
    /// Remove the pin, so that the policy decides again.
    Unpin {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        #[command(flatten)]
        write: Write,
    },
    /// Train now, from spec.retraining.template.
    Retrain {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        #[command(flatten)]
        write: Write,
    },
    /// Stop everything but the servers: nothing is promoted, rolled out, changed or trained.
    Pause {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        #[command(flatten)]
        write: Write,
    },
    /// Go on after a pause.
    Resume {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        #[command(flatten)]
        write: Write,
    },
    /// Print the log of a training's newest pod.
    Logs {
        /// The run.
        #[arg(value_parser = object_name)]
        run: String,
        /// Go on until the pod ends; wait for it if it has not started.
        #[arg(short, long)]
        follow: bool,
    },
    /// Get the training report of a version, from the champion's server or the version's bucket, as a page (or with -o json as data).
    Report {
        /// The version.
        #[arg(value_parser = object_name)]
        version: String,
        /// Where to write it; unset: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write the dossier of a version: purpose, data, method, evaluation, promotions, production and software, as a page that prints (or
    /// with -o json as data). It holds the training report, which is found as by `report`.
    Dossier {
        /// The version.
        #[arg(value_parser = object_name)]
        version: String,
        /// The version's report.json, for one that neither a server nor a bucket gives.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// Where to write it; unset: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Ask a classifier for the category of a text.
    Predict {
        /// The classifier.
        #[arg(value_parser = object_name)]
        classifier: String,
        /// The text; unset or `-`: standard input, which keeps it out of the list of processes.
        text: Option<String>,
        /// How many categories are shown.
        #[arg(long, default_value_t = 5, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        top: u32,
    },
    /// Review captured answers that need a person, one at a time; decisions become corrections. Files of Label Studio.
    Review(crate::review::Options),
    /// Show everything as pages in a browser, kept up to date. It changes no object.
    Dashboard(crate::dashboard::Options),
    /// Print a script that completes the command line in a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
}

/// How a change is made.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Write {
    /// Change the cluster; without it the manifest is printed, and nothing is changed.
    #[arg(long)]
    pub(crate) apply: bool,
    /// `server`: let the API server check the change without making it.
    #[arg(long, value_name = "WHERE", value_enum)]
    pub(crate) dry_run: Option<DryRun>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// By the API server.
    Server,
}

/// A name that an object can have, so that nothing else gets into a request's path.
pub(crate) fn object_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    match !text.is_empty() && text.len() <= 253 && text.chars().all(fits) && !text.starts_with(['-', '.']) {
        true => Ok(text.to_owned()),
        false => {
            Err("a name has only lower-case letters, digits, '-' and '.', and begins with a letter or digit".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_may_follow_the_command_as_kubectl_passes_them() {
        let cli = Cli::try_parse_from(["kubectl-complaints", "versions", "cards", "-n", "a", "-o", "json"]).unwrap();
        assert_eq!(cli.global.namespace.as_deref(), Some("a"));
        assert_eq!(cli.global.output, Format::Json);
        for wrong in [
            vec!["kubectl-complaints", "status", "-A", "-n", "a"],
            vec!["kubectl-complaints", "status", "--exit-code"],
            vec!["kubectl-complaints", "compare", "one"],
            vec!["kubectl-complaints", "predict", "cards", "--top", "0"],
            vec!["kubectl-complaints", "promote", "v1", "--dry-run", "client"],
            vec!["kubectl-complaints", "status", ""],
            vec!["kubectl-complaints", "why", "../../pods"],
            vec!["kubectl-complaints", "status", "-n", "a/b"],
            vec!["kubectl-complaints", "rollback", "cards", "--to", "V1"],
            vec!["kubectl-complaints", "review", "cards", "--limit", "201"],
            vec!["kubectl-complaints", "review", "cards", "--which", "some"],
            vec!["kubectl-complaints", "review", "cards", "--by", " "],
            vec![
                "kubectl-complaints",
                "review",
                "cards",
                "--export",
                "a",
                "--import",
                "b",
            ],
        ] {
            let error = Cli::try_parse_from(&wrong).expect_err("a wrong command line");
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
    }
}
