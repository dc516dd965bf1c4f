//! Tables for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::terminal::visible;

/// Maximum width of a cell. Longer cells are cut.
const WIDEST: usize = 60;

/// A column and its heading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column<'h> {
    /// Words, aligned left.
    Words(&'h str),
    /// Numbers, aligned right.
    Number(&'h str),
}

/// A table for people.
pub(super) fn table<const COLUMNS: usize>(
    columns: [Column<'_>; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    let heading = columns.map(|column| match column {
        Column::Words(heading) | Column::Number(heading) => heading,
    });
    table.load_style(presets::NOTHING).set_header(heading);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| shortened(&cell))));
    for (shown, column) in table.column_iter_mut().zip(columns) {
        shown.set_padding((0, 2));
        if matches!(column, Column::Number(_)) {
            shown.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The cell on one line, cut if it is too long. Characters that a terminal would interpret are escaped, so columns keep
/// their widths.
pub(super) fn shortened(cell: &str) -> String {
    let line = visible(&cell.replace(['\n', '\r', '\t'], " ")).into_owned();
    if line.chars().count() <= WIDEST {
        return line;
    }
    line.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// A bar for a share from 0 to 1.
pub(super) fn bar(share: f64, width: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}
