//! The commands: what each reads, and what it prints.

mod change;
mod dossier;
mod logs;
mod predict;
mod report;
mod show;
mod watch;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    cli::{Cli, Command},
    cluster::Cluster,
    console::Console,
    error::Error,
};

pub(crate) use predict::{Prediction, success};

/// Runs a command.
pub(crate) async fn run(cli: Cli, console: &Console) -> Result<(), Error> {
    if let Command::Completion { shell } = cli.command {
        return completion(shell, console);
    }
    let cluster = Cluster::connect(&cli.global).await?;
    match cli.command {
        Command::Status {
            name: Some(name),
            watch,
            exit_code,
        } => show::status_of(&cluster, console, &name, watch, exit_code).await,
        Command::Status { name: None, watch, .. } => show::status(&cluster, console, watch).await,
        Command::Versions { classifier, watch } => show::versions(&cluster, console, classifier, watch).await,
        Command::Runs { classifier, watch } => show::runs(&cluster, console, classifier, watch).await,
        Command::Compare { a, b } => show::compare(&cluster, console, &a, &b).await,
        Command::Why { version } => show::why(&cluster, console, &version).await,
        Command::Promote { version, write } => change::promote(&cluster, console, &version, write).await,
        Command::Rollback { classifier, to, write } => {
            change::rollback(&cluster, console, &classifier, to.as_deref(), write).await
        }
        Command::Unpin { classifier, write } => change::unpin(&cluster, console, &classifier, write).await,
        Command::Retrain { classifier, write } => change::retrain(&cluster, console, &classifier, write).await,
        Command::Pause { classifier, write } => change::pause(&cluster, console, &classifier, true, write).await,
        Command::Resume { classifier, write } => change::pause(&cluster, console, &classifier, false, write).await,
        Command::Logs { run, follow } => logs::logs(&cluster, console, &run, follow).await,
        Command::Report { version, out } => report::report(&cluster, console, &version, out.as_deref()).await,
        Command::Dossier { version, report, out } => {
            dossier::dossier(&cluster, console, &version, report.as_deref(), out.as_deref()).await
        }
        Command::Predict { classifier, text, top } => {
            predict::predict(&cluster, console, &classifier, text.as_deref(), top).await
        }
        Command::Review(options) => crate::review::run(&cluster, console, &options).await,
        Command::Dashboard(options) => {
            crate::dashboard::run(&cluster, console, &options, cli.global.namespace.is_some()).await
        }
        Command::Completion { .. } => Ok(()),
    }
}

fn completion(shell: Shell, console: &Console) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kubectl-complaints", &mut script);
    console.print(&String::from_utf8_lossy(&script))
}
