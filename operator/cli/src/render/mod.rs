//! How things look: words that are safe for a terminal, tables, pages, JSON and YAML. Pure.

mod data;
mod page;
mod table;
mod time;
mod words;

pub(crate) use data::{Format, data};
pub(crate) use page::{Look, Page};
pub(crate) use table::{Column, Table};
pub(crate) use time::{age, instant, when};
pub(crate) use words::{Tone, Words, visible};
