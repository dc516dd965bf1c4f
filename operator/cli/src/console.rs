//! Standard output and standard error.

use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    error::Error,
    render::{Format, Look, Page, data, visible},
};

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    pub(crate) format: Format,
    /// Whether standard output is a terminal.
    pub(crate) is_terminal: bool,
    colours: bool,
}

impl Console {
    /// Colours only on a terminal, and not with NO_COLOR (no-color.org) or a terminal that has none.
    pub(crate) fn of(format: Format) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            format,
            is_terminal,
            colours: is_terminal && !unwanted && !dumb,
        }
    }

    /// What a page looks like now.
    pub(crate) fn look(&self) -> Look {
        let width = terminal_size::terminal_size().map(|(width, _)| width.0);
        Look {
            colours: self.colours,
            width: width.filter(|_| self.is_terminal),
            now: Timestamp::now(),
        }
    }

    /// The page for people, or the value for programs.
    ///
    /// # Errors
    /// When the value can't be written as data.
    pub(crate) fn text(&self, page: impl FnOnce(Timestamp) -> Page, value: &impl Serialize) -> Result<String, Error> {
        let look = self.look();
        match self.format {
            Format::Table => Ok(page(look.now).text(&look)),
            format => data(value, format == Format::Yaml).map_err(Error::Other),
        }
    }

    /// Prints the page for people, or the value for programs.
    pub(crate) fn show(&self, page: impl FnOnce(Timestamp) -> Page, value: &impl Serialize) -> Result<(), Error> {
        self.print(&self.text(page, value)?)
    }

    /// Prints text that is safe, and ends with a line feed where it should.
    pub(crate) fn print(&self, text: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Something to know beside the output.
    pub(crate) fn note(&self, text: &str) {
        // Nobody is there to be told that nobody can be told.
        let _ = writeln!(io::stderr(), "{}", visible(text));
    }

    /// Something that may go wrong.
    pub(crate) fn warning(&self, text: &str) {
        self.note(&format!("warning: {text}"));
    }

    /// Why the command failed.
    pub(crate) fn error(&self, error: &Error) {
        self.note(&format!("error: {error}"));
    }
}
