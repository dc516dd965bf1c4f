//! kubectl-complaints: a kubectl plugin that shows, explains and changes complaint classifiers.
//!
//! It reads custom resources and holds no state. A command gathers objects once ([`info`], which is pure), draws a view of them, and
//! prints it as a table, JSON or YAML. Changes are manifests of one field: printed for Git, or written with `--apply`.
//!
//! | folder | what is there |
//! |---|---|
//! | [`info`] | the model of everything that is shown |
//! | `view` | pages for people, from the model |
//! | `render` | tables, JSON and YAML, safe for a terminal |
//! | `change` | changes of one field: manifest, ownership |
//! | `command` | the commands: what is read, and what is printed |
//! | `review` | captured answers that need a person, one at a time |
//! | `dashboard` | the same model as pages in a browser, kept up to date |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod change;
mod cli;
mod cluster;
mod command;
mod compare;
mod console;
mod dashboard;
mod error;
pub mod info;
mod render;
mod review;
mod view;
mod why;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

/// Runs the program with these arguments, the first being its own name.
pub fn main_from(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = cli::Cli::parse_from(args);
    let console = console::Console::of(cli.global.output);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command::run(cli, &console)),
        Err(error) => Err(error::Error::Other(format!("the program can't start: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `kubectl complaints runs | head -1` is no failure.
        Err(error::Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.exit() as u8)
        }
    }
}
