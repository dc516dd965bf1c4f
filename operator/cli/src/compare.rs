//! Two versions side by side. Pure.

use complaint_api::{Comparison, LineageDataset};
use serde::Serialize;

use crate::info::VersionInfo;

/// Two versions, and what was measured of both on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SideBySide<'a> {
    /// The two versions.
    pub(crate) versions: [&'a VersionInfo; 2],
    /// Whether their evaluations are of the same rows: by their records, if these tell.
    pub(crate) same_test_rows: Option<bool>,
    /// What the operator measured of both on the same rows.
    pub(crate) paired: Option<Paired<'a>>,
}

/// A comparison on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Paired<'a> {
    /// The version that was new.
    pub(crate) newcomer: &'a str,
    /// The version that was champion.
    pub(crate) champion: &'a str,
    /// Its figures: `value`, `championValue` and `difference` from the newcomer's side.
    #[serde(flatten)]
    pub(crate) figures: &'a Comparison,
}

impl<'a> SideBySide<'a> {
    pub(crate) fn of(left: &'a VersionInfo, right: &'a VersionInfo) -> Self {
        Self {
            versions: [left, right],
            same_test_rows: same_test_rows(left, right),
            paired: paired(left, right).or_else(|| paired(right, left)),
        }
    }
}

/// The comparison of `newcomer` with `champion`. The digest decides: a name can be given to other bytes.
fn paired<'a>(newcomer: &'a VersionInfo, champion: &'a VersionInfo) -> Option<Paired<'a>> {
    let figures = newcomer.comparison.as_ref()?;
    (figures.champion_sha256.to_string() == champion.sha256).then_some(Paired {
        newcomer: &newcomer.name,
        champion: &champion.name,
        figures,
    })
}

/// Rows of one holdout are the same; those of a data set are if data set and split are.
fn same_test_rows(left: &VersionInfo, right: &VersionInfo) -> Option<bool> {
    let split = |version: &'_ VersionInfo| version.evaluation.as_ref()?.split.clone();
    let (one, other) = (split(left)?, split(right)?);
    if one != other {
        return Some(false);
    }
    if one.starts_with("holdout/") {
        return Some(true);
    }
    let rows = |version: &VersionInfo| {
        let dataset = version.lineage.as_ref().map(|lineage| lineage.dataset.clone())?;
        // Where the bytes are says nothing about them, and corrections are never held out.
        Some(LineageDataset {
            source: None,
            feedback_sha256: None,
            ..dataset
        })
    };
    Some(rows(left)? == rows(right)?)
}
