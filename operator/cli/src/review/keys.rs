//! Single keys of a terminal.

use std::io::Write;

use crossterm::{
    event::{Event, KeyCode, KeyEventKind, KeyModifiers, read as next_event},
    terminal::{disable_raw_mode, enable_raw_mode},
};

use super::action::{self, Action, Typed};
use crate::error::Error;

/// A terminal that gives every key at once, without Enter and without showing it. As it was again when this is dropped.
///
/// It stays so between two keys: what is typed in the meantime would otherwise be noticed only with the next one.
pub(super) struct Keys(());

impl Keys {
    pub(super) fn open() -> Result<Self, Error> {
        enable_raw_mode().map_err(|error| failed(&error))?;
        Ok(Self(()))
    }

    /// Waits for a key, or for a number and Enter where a number may have more digits.
    pub(super) fn read(&self, categories: usize) -> Result<Typed, Error> {
        typed(categories).map_err(|error| failed(&error))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = disable_raw_mode();
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::Other(format!("the terminal's keys can't be read: {error}"))
}

/// Lines for such a terminal, which does not go back to the left by itself.
pub(super) fn lines(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn typed(categories: usize) -> std::io::Result<Typed> {
    let mut digits = String::new();
    loop {
        let Event::Key(key) = next_event()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return Ok(Typed::Abandon),
            KeyCode::Char(digit) if digit.is_ascii_digit() && digits.len() < 4 => {
                digits.push(digit);
                echo(digit)?;
                if categories <= 9 {
                    return Ok(number(&digits));
                }
            }
            KeyCode::Enter if !digits.is_empty() => {
                echo("\r\n")?;
                return Ok(number(&digits));
            }
            KeyCode::Backspace if digits.pop().is_some() => echo("\u{8} \u{8}")?,
            KeyCode::Char(key) if digits.is_empty() && !control => {
                return Ok(match action::of_key(key) {
                    Some(action) => Typed::Action(action),
                    None => Typed::Unknown("No such key; ? shows them."),
                });
            }
            _ => {}
        }
    }
}

fn number(digits: &str) -> Typed {
    Typed::Action(Action::Number(digits.parse().unwrap_or_default()))
}

fn echo(text: impl std::fmt::Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{text}")?;
    out.flush()
}
