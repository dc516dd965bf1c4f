//! The command line of the dashboard.

use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, ValueEnum};

use crate::error::Error;

/// Where the dashboard listens, what it shows, and who may look.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The port; 0: any free one.
    #[arg(long, default_value_t = 8089, value_name = "NUMBER")]
    pub(crate) port: u16,
    /// The address to listen at. Any but a loopback address needs --authentication.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    pub(crate) address: IpAddr,
    /// Who may look; unset: whoever has the address that is printed, with its key.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) authentication: Option<Authentication>,
    /// A name that browsers reach it by, besides loopback names; may be repeated. Requests for other names are refused.
    #[arg(long = "host", value_name = "NAME", value_parser = host_name)]
    pub(crate) hosts: Vec<String>,
    /// Show only this namespace; may be repeated.
    #[arg(long = "watch-namespace", value_name = "NAME", value_parser = crate::cli::object_name, conflicts_with_all = ["namespace", "all_namespaces"])]
    pub(crate) watch_namespaces: Vec<String>,
}

/// Who may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Authentication {
    /// Whoever sends a bearer token of somebody who may list what is shown. The API server checks it.
    Token,
    /// Everybody who reaches the address.
    None,
}

impl Options {
    /// Refuses to open a door that nobody asked for.
    ///
    /// # Errors
    /// When others than this machine could look, and the command line does not say who may.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.address.is_loopback() || self.authentication.is_some() {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "at {} others could look with your rights: add --authentication token, or --authentication none where something in front of the dashboard decides who may look",
            self.address
        )))
    }
}

/// A name without a port.
fn host_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match !text.is_empty() && text.len() <= 253 && text.chars().all(fits) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("a name has only letters, digits, '-' and '.', and no port".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

    fn options(args: &[&str]) -> super::Options {
        let args = ["kubectl-complaints", "dashboard"].iter().chain(args);
        match Cli::try_parse_from(args).expect("a command line").command {
            Command::Dashboard(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_loopback_is_open_without_saying_who_may_look() {
        for (args, opens) in [
            (vec![], true),
            (vec!["--address", "127.8.9.1"], true),
            (vec!["--address", "::1"], true),
            (vec!["--address", "0.0.0.0"], false),
            (vec!["--address", "::"], false),
            (vec!["--address", "192.168.1.4"], false),
            (vec!["--address", "0.0.0.0", "--authentication", "token"], true),
            (vec!["--address", "0.0.0.0", "--authentication", "none"], true),
        ] {
            assert_eq!(options(&args).check().is_ok(), opens, "{args:?}");
        }
    }

    #[test]
    fn wrong_command_lines_are_refused() {
        for wrong in [
            vec!["--host", "a:80"],
            vec!["--host", ""],
            vec!["--port", "70000"],
            vec!["--address", "localhost"],
            vec!["--watch-namespace", "a", "-n", "b"],
            vec!["--watch-namespace", "a", "-A"],
            vec!["--watch-namespace", "A/b"],
        ] {
            let args = ["kubectl-complaints", "dashboard"].iter().chain(&wrong);
            assert!(Cli::try_parse_from(args).is_err(), "{wrong:?}");
        }
    }
}
