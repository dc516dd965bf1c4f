//! Files of Label Studio: written for its import, and read from its export.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use complaint_contract::captured::{CapturedKind, CapturedList};

use super::{Options, desk::Desk, label_studio};
use crate::{
    console::Console,
    error::Error,
    render::{Page, Words},
};

/// The largest export that is read.
const FILE_BYTES: u64 = 256 << 20;

/// Writes the list as tasks.
pub(super) fn export(console: &Console, list: &CapturedList, file: &Path) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::Other(format!("the tasks can't be written to {}: {error}", file.display()))
    };
    let mut text = serde_json::to_string_pretty(&label_studio::tasks(list)).map_err(|error| failed(&error))?;
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // It has texts of complaints.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(&error))?;
    console.note(&format!(
        "{} of {} captured answers that wait are in {}, with their texts: import it into a project of Label Studio (docs/review.md)",
        list.rows.len(),
        list.waiting,
        file.display()
    ));
    Ok(())
}

/// Sends what the annotations of a file say.
pub(super) async fn import(desk: &Desk, console: &Console, options: &Options, file: &Path) -> Result<(), Error> {
    let unusable = |problem: String| Error::Usage(format!("{} can't be imported: {problem}", file.display()));
    let size = std::fs::metadata(file)
        .map_err(|error| unusable(error.to_string()))?
        .len();
    if size > FILE_BYTES {
        return Err(unusable(format!(
            "it has more than {FILE_BYTES} bytes; export fewer tasks"
        )));
    }
    let json = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let list = desk.list(CapturedKind::All, 1).await?;
    let by = desk.decider(options.by.as_deref()).await?;
    let known = |category: &str| list.new_categories || list.categories.iter().any(|known| known == category);
    let read = label_studio::read(&json, known, &by).map_err(unusable)?;
    desk.send(&read.rows).await?;
    let mut page = Page::default();
    page.line(format!("{} corrections were sent, imported by {by}.", read.rows.len()));
    for (count, reason) in read.left.reasons() {
        if count > 0 {
            page.line(Words::from(format!("Left out: {count} {reason}.")));
        }
    }
    console.print(&page.text(&console.look()))
}
