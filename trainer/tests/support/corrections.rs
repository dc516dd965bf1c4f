//! Corrections, as servers write them.

use complaint_contract::segments::{Correction, Kind, segment_path, text_id};
use complaint_model::Sha256Digest;
use serde_json::{Value, json};

use super::{Job, gzip};

/// A correction of a day's `minute`, whose id is that of its text.
pub fn correction(text: &str, category: &str, minute: u32) -> Value {
    json!(Correction {
        time: format!("2026-11-28T{:02}:{:02}:00.5Z", minute / 60, minute % 60),
        id: text_id(text).to_string(),
        text: text.to_owned(),
        category: category.to_owned(),
        also: None,
        by: None,
        digest: Sha256Digest::of_bytes(b"a model"),
        answer: "Card".to_owned(),
        drawn: false,
    })
}

/// A correction with an id of its own.
pub fn named(id: &str, text: &str, category: &str, minute: u32) -> Value {
    let mut row = correction(text, category, minute);
    row["id"] = id.into();
    row
}

/// A segment with a member for each list of rows.
pub fn segment(members: &[&[Value]]) -> Vec<u8> {
    let member = |rows: &&[Value]| {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        gzip(lines.as_bytes())
    };
    members.iter().flat_map(member).collect()
}

/// The path of a segment from the store's root.
pub fn path(day: &str, instance: &str) -> String {
    let folder = Kind::Feedback.path("default", "cards");
    format!("{folder}/{}", segment_path(day, instance, 1))
}

impl Job {
    /// Lets trainings read corrections.
    pub fn with_feedback(mut self) -> Self {
        self.config["feedback"] = "Include".into();
        self
    }

    /// Writes a file into the store.
    pub fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path("store").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Writes the corrections as one segment.
    pub fn correct(&self, rows: &[Value]) {
        self.put(&path("2026-11-28", "a"), segment(&[rows]));
    }
}
