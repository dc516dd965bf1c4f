//! Examples of rows that are copies of each other.

use complaint_report::{Contradiction, Duplicate};

/// Maximum number of pairs to keep of each kind.
const REMEMBERED: usize = 50;

/// The first copies found. [`RecordCounts`](complaint_contract::RecordCounts) has the number of all copies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// Copies with one label.
    pub duplicates: Vec<Duplicate>,
    /// Copies with different labels.
    pub contradictions: Vec<Contradiction>,
}

/// Copies, with label numbers.
#[derive(Debug, Default)]
pub(super) struct Found {
    duplicates: Vec<Duplicate>,
    contradictions: Vec<[(u64, u32); 2]>,
}

impl Found {
    pub(super) fn duplicate(&mut self, first: u64, copy: u64) {
        if self.duplicates.len() < REMEMBERED {
            self.duplicates.push(Duplicate { first, copy });
        }
    }

    /// Adds a contradiction. Each record is given as its number and its label's number.
    pub(super) fn contradiction(&mut self, first: (u64, u32), second: (u64, u32)) {
        if self.contradictions.len() < REMEMBERED {
            self.contradictions.push([first, second]);
        }
    }

    /// The same copies, with label names.
    pub(super) fn named(&self, names: &[&str]) -> Copies {
        let contradictions = self.contradictions.iter().map(|pair| Contradiction {
            rows: pair.map(|(number, _)| number),
            labels: pair.map(|(_, label)| names[label as usize].to_owned()),
        });
        Copies {
            duplicates: self.duplicates.clone(),
            contradictions: contradictions.collect(),
        }
    }
}
