//! A page: headings, fields, lines and tables, from top to bottom.

use jiff::Timestamp;

use super::{
    table::{Column, Table},
    words::{Tone, Words, finish},
};

/// What a page looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Whether it has colours.
    pub(crate) colours: bool,
    /// The terminal's width, if there is one.
    pub(crate) width: Option<u16>,
    /// The time of now, from which ages are counted.
    pub(crate) now: Timestamp,
}

enum Block {
    Line(Words),
    Fields(Vec<(&'static str, Words)>),
    Table { table: Table, indent: usize, wrapped: bool },
}

/// A page.
#[derive(Default)]
pub(crate) struct Page(Vec<Block>);

impl Page {
    /// A heading, with an empty line in front where something precedes it.
    pub(crate) fn heading(&mut self, text: impl AsRef<str>) {
        if !self.0.is_empty() {
            self.line("");
        }
        self.line(Words::toned(Tone::Strong, text));
    }

    /// A line.
    pub(crate) fn line(&mut self, words: impl Into<Words>) {
        self.0.push(Block::Line(words.into()));
    }

    /// A field: its name and what it is. Fields in a row are aligned.
    pub(crate) fn field(&mut self, name: &'static str, words: impl Into<Words>) {
        match self.0.last_mut() {
            Some(Block::Fields(fields)) => fields.push((name, words.into())),
            _ => self.0.push(Block::Fields(vec![(name, words.into())])),
        }
    }

    /// A list, whose lines are never wrapped.
    pub(crate) fn list(&mut self, table: Table) {
        self.0.push(Block::Table {
            table,
            indent: 0,
            wrapped: false,
        });
    }

    /// A table below a heading, wrapped to the terminal's width.
    pub(crate) fn table(&mut self, table: Table) {
        self.0.push(Block::Table {
            table,
            indent: 2,
            wrapped: true,
        });
    }

    /// The text, which ends with a line feed.
    pub(crate) fn text(&self, look: &Look) -> String {
        let mut out = String::new();
        for block in &self.0 {
            let marked = match block {
                Block::Line(words) => words.marked().to_owned(),
                Block::Fields(fields) => {
                    let mut table = Table::new(vec![Column::Whole(""), Column::Whole("")]);
                    for (name, words) in fields {
                        table.add(vec![Words::toned(Tone::Dim, name), words.clone()]);
                    }
                    table.marked(look.width, 2)
                }
                Block::Table { table, indent, wrapped } => table.marked(look.width.filter(|_| *wrapped), *indent),
            };
            out.push_str(&finish(&marked, look.colours));
            out.push('\n');
        }
        out
    }
}
