//! Tables as kubectl prints them.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets};

use super::words::{Tone, Words};

/// The most characters of a cell in a list, unless the column says otherwise.
const WIDEST: usize = 48;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Words, cut where they are too long.
    Short(&'static str),
    /// Words that are never cut: names that people copy, and sentences.
    Whole(&'static str),
    /// Numbers, aligned right.
    Number(&'static str),
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Short(heading) | Self::Whole(heading) | Self::Number(heading) => heading,
        }
    }
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Words>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, row: Vec<Words>) {
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// With marks for tones. A `width` wraps the last column.
    pub(super) fn marked(&self, width: Option<u16>, indent: usize) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        if let Some(width) = width {
            let room = width.saturating_sub(u16::try_from(indent).unwrap_or(0)).max(40);
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(room);
        }
        if self.columns.iter().any(|column| !column.heading().is_empty()) {
            table.set_header(
                self.columns
                    .iter()
                    .map(|column| Words::toned(Tone::Strong, column.heading()).marked().to_owned()),
            );
        }
        for row in &self.rows {
            let cells = row.iter().zip(&self.columns);
            table.add_row(cells.map(|(cell, column)| match column {
                Column::Short(_) => cut(cell.marked()),
                Column::Whole(_) | Column::Number(_) => cell.marked().to_owned(),
            }));
        }
        let last = self.columns.len().saturating_sub(1);
        for (place, (shown, column)) in table.column_iter_mut().zip(&self.columns).enumerate() {
            shown.set_padding((0, 3));
            if width.is_some() && place < last {
                shown.set_constraint(ColumnConstraint::ContentWidth);
            }
            if matches!(column, Column::Number(_)) {
                shown.set_cell_alignment(CellAlignment::Right);
            }
        }
        let indent = " ".repeat(indent);
        let lines: Vec<String> = table
            .to_string()
            .lines()
            .map(|line| format!("{indent}{line}").trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}

/// At most [`WIDEST`] characters. A tone that is cut is ended.
fn cut(marked: &str) -> String {
    let shown = marked.chars().filter(|c| !is_mark(*c)).count();
    if shown <= WIDEST {
        return marked.to_owned();
    }
    let mut left = WIDEST - 1;
    let mut out = String::new();
    for c in marked.chars() {
        if is_mark(c) {
            out.push(c);
        } else if left > 0 {
            out.push(c);
            left -= 1;
            if left == 0 {
                out.push('…');
            }
        }
    }
    out
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{2061}'..='\u{2064}' | '\u{206a}' | '\u{206b}')
}

#[cfg(test)]
mod tests {
    use super::super::words::finish;
    use super::*;

    #[test]
    fn columns_keep_their_widths_with_and_without_colours() {
        let mut table = Table::new(vec![
            Column::Whole("NAME"),
            Column::Short("STATE"),
            Column::Number("ROWS"),
        ]);
        table.add(vec!["a".into(), Words::toned(Tone::Good, "Ready"), "1".into()]);
        table.add(vec![
            "long-name".into(),
            Words::toned(Tone::Bad, "x".repeat(60)),
            "1263".into(),
        ]);
        let marked = table.marked(None, 0);
        let plain = finish(&marked, false);
        let lines: Vec<&str> = plain.lines().collect();
        let columns: Vec<usize> = lines[1..].iter().map(|line| line.chars().count()).collect();
        assert_eq!(columns[0], columns[1], "{plain}");
        assert!(lines[2].contains("x…"), "{plain}");
        assert!(!plain.contains('\u{1b}'));
        let coloured = finish(&marked, true);
        assert_eq!(coloured.matches("\u{1b}[0m").count(), 5, "{coloured:?}");
    }
}
