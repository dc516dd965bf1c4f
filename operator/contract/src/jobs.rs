//! Requests and results of the trainer's short Jobs: `compare`, `delete`, `expire` and `record`.
//!
//! The operator writes a request as one JSON object into an argument, and reads the result from the termination message.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::message::{parts_left_out, to_json};
use crate::{
    ChampionSettings, Comparison, DatasetSettings, EvaluationSettings, HoldoutResult, MESSAGE_BYTES, Sha256Digest,
    VersionEvaluation,
};

/// Most bytes of a request.
pub const REQUEST_BYTES: usize = 1 << 20;
/// Most digests of one deletion.
pub const DELETED_DIGESTS: usize = 1000;
/// Promotions that `champion.json` keeps.
pub const PROMOTIONS: usize = 100;

/// A version, and the champion if there is one, are to answer the same held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompareRequest {
    /// Digest of the version's artifact.
    pub sha256: Sha256Digest,
    /// The champion. Without one the version is only evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionSettings>,
    /// The data set that the version was trained on, as the training read it; its digest is required. With a holdout it is
    /// not read, and may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetSettings>,
    /// The split, the metric and the holdout.
    pub evaluation: EvaluationSettings,
}

/// What a version, and the champion, did on the held-out rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareResult {
    /// Digest of the version's artifact.
    pub sha256: Sha256Digest,
    /// The version's evaluation.
    pub evaluation: VersionEvaluation,
    /// The comparison with the champion, if the request names one. In it, `sameSplit` tells whether both models were trained
    /// with the split of these rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Name of the split that these rows are the test part of, as in a training's result.
    pub split: String,
    /// Whether the version was trained with this split, so that it saw none of these rows.
    pub same_split: bool,
    /// Rows with a label that the version does not have. Each counts as a wrong answer.
    #[serde(default)]
    pub unknown_label_rows: u64,
    /// What became of the holdout's rows, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldoutResult>,
}

/// Artifacts to delete from one classifier's part of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteRequest {
    /// The first level of the store.
    pub namespace: String,
    /// The second level.
    pub classifier: String,
    /// The artifacts to delete.
    pub digests: Vec<Sha256Digest>,
    /// Artifacts that stay, whatever `digests` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Sha256Digest>,
    /// So many artifacts that were promoted last, by the store's own record, stay too.
    #[serde(default = "champion_and_previous")]
    pub keep_promotions: usize,
    /// Whether only to say what would be deleted.
    #[serde(default)]
    pub dry_run: bool,
}

/// `keepPromotions` where a request leaves it out.
fn champion_and_previous() -> usize {
    2
}

/// What was deleted, or would be with `dryRun`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteResult {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Artifacts that were deleted.
    pub deleted_count: usize,
    /// Bytes of all their files.
    pub deleted_bytes: u64,
    /// Artifacts that stay.
    pub kept_count: usize,
    /// Artifacts that were not there.
    pub missing_count: usize,
    /// Those that were deleted. This list and the next ones are left out where the message would be too long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<DeletedArtifact>,
    /// Those that stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptArtifact>,
    /// Those that were not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Sha256Digest>,
}

/// An artifact that was deleted with its report and record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedArtifact {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Bytes of its files.
    pub bytes: u64,
}

/// An artifact that was asked for, and stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptArtifact {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Why.
    pub reason: KeptReason,
}

/// Why an artifact stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptReason {
    /// `champion.json` names it among the last promotions.
    Promoted,
    /// The request lists it under `keep`.
    Listed,
}

/// Old corrections and captured answers to delete from one classifier's part of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpireRequest {
    /// The first level of the store.
    pub namespace: String,
    /// The second level.
    pub classifier: String,
    /// Corrections of days before this one (`YYYY-MM-DD`, in UTC) are deleted. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_before: Option<String>,
    /// Captured answers of days before this one are deleted. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_before: Option<String>,
    /// Whether only to say what would be deleted.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was deleted, or would be with `dryRun`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExpireResult {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Corrections.
    pub feedback: ExpiredRows,
    /// Captured answers.
    pub capture: ExpiredRows,
}

/// Numbers of what was deleted of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExpiredRows {
    /// Days.
    pub days: usize,
    /// Files.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// A promotion to record in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordRequest {
    /// The first level of the store.
    pub namespace: String,
    /// The second level.
    pub classifier: String,
    /// The promotion.
    pub promotion: StoredPromotion,
}

/// Whether a promotion was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordResult {
    /// `false` if the record had it already.
    pub written: bool,
    /// Promotions on record now.
    pub promotions: usize,
}

/// `champion.json`: the promotions of one classifier, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Promotions {
    /// At most [`PROMOTIONS`].
    pub promotions: Vec<StoredPromotion>,
}

/// One promotion, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPromotion {
    /// The ModelVersion that became champion.
    pub version: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
    /// The champion before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Why, in one CamelCase word.
    pub reason: String,
    /// When the rollout was complete (RFC 3339).
    pub time: String,
}

impl Promotions {
    /// The artifacts that were promoted last, at most `most`; the champion's comes first.
    pub fn last(&self, most: usize) -> Vec<Sha256Digest> {
        let mut last = Vec::new();
        for promotion in &self.promotions {
            if last.len() < most && !last.contains(&promotion.sha256) {
                last.push(promotion.sha256);
            }
        }
        last
    }

    /// The termination message: the newest promotions that fit.
    pub fn message(&self) -> String {
        let mut short = self.clone();
        let mut message = to_json(&short);
        while message.len() > MESSAGE_BYTES && short.promotions.pop().is_some() {
            message = to_json(&short);
        }
        message
    }
}

impl CompareResult {
    /// The termination message; where it would be too long, without the weakest classes, then without the levels.
    pub fn message(&self) -> String {
        parts_left_out(
            self,
            &[
                |result| result.evaluation.weakest_classes.clear(),
                |result| result.evaluation.levels.clear(),
            ],
        )
    }
}

impl DeleteResult {
    /// The termination message; where it would be too long, without the missing digests, then without the deleted ones, then
    /// without those that stay. The counts remain.
    pub fn message(&self) -> String {
        parts_left_out(
            self,
            &[
                |result| result.missing.clear(),
                |result| result.deleted.clear(),
                |result| result.kept.clear(),
            ],
        )
    }
}

impl ExpireResult {
    /// The termination message.
    pub fn message(&self) -> String {
        to_json(self)
    }
}

impl RecordResult {
    /// The termination message.
    pub fn message(&self) -> String {
        to_json(self)
    }
}

/// A request or result that is read from JSON.
macro_rules! messages {
    (requests $($request:ty),+; results $($result:ty),+ $(,)?) => {
        $(impl $request {
            /// The text of the argument `--request`.
            pub fn to_json(&self) -> String {
                to_json(self)
            }
        })+
        $(impl $result {
            /// Reads the termination message of a pod that succeeded.
            ///
            /// # Errors
            /// If the message is not this result; the error names the position.
            pub fn read(message: &str) -> Result<Self, serde_json::Error> {
                read(message)
            }
        })+
    };
}

messages!(requests CompareRequest, DeleteRequest, ExpireRequest, RecordRequest;
          results CompareResult, DeleteResult, ExpireResult, RecordResult, Promotions);

fn read<T: DeserializeOwned>(message: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WeakClass;

    fn digest(number: u8) -> Sha256Digest {
        Sha256Digest::of_bytes(&[number])
    }

    fn promotion(number: u8) -> StoredPromotion {
        StoredPromotion {
            version: format!("cards-{number}"),
            sha256: digest(number % 3),
            previous: Some(format!("cards-{}", number.wrapping_sub(1))),
            reason: "Better".into(),
            time: "2026-11-29T03:00:00Z".into(),
        }
    }

    #[test]
    fn the_newest_promotions_fit_into_a_message() {
        let promotions = Promotions {
            promotions: (0..100).rev().map(promotion).collect(),
        };
        let message = promotions.message();
        assert!(message.len() <= MESSAGE_BYTES, "{}", message.len());
        let read = Promotions::read(&message).unwrap();
        assert!(read.promotions.len() > 10);
        assert_eq!(read.promotions[..], promotions.promotions[..read.promotions.len()]);
        assert_eq!(promotions.last(2), [digest(0), digest(2)]);
        assert_eq!(promotions.last(9).len(), 3);
        assert_eq!(Promotions::default().message(), r#"{"promotions":[]}"#);
    }

    #[test]
    fn thirty_digests_of_a_deletion_are_named_and_a_thousand_are_counted() {
        let result = |digests: usize| DeleteResult {
            deleted_count: digests,
            deleted: (0..digests)
                .map(|number| DeletedArtifact {
                    sha256: Sha256Digest::of_bytes(&number.to_be_bytes()),
                    bytes: u64::MAX,
                })
                .collect(),
            kept_count: 1,
            kept: vec![KeptArtifact {
                sha256: digest(1),
                reason: KeptReason::Promoted,
            }],
            ..DeleteResult::default()
        };
        assert_eq!(DeleteResult::read(&result(30).message()).unwrap(), result(30));
        let long = DeleteResult::read(&result(1000).message()).unwrap();
        assert_eq!((long.deleted_count, long.deleted.len(), long.kept.len()), (1000, 0, 1));
    }

    #[test]
    fn a_comparison_with_long_labels_fits() {
        let weak = WeakClass {
            label: "ä".repeat(500),
            recall: 0.5,
            support: 40,
        };
        let result = CompareResult {
            sha256: digest(1),
            evaluation: VersionEvaluation {
                weakest_classes: vec![weak; 5],
                rows: 400,
                ..VersionEvaluation::default()
            },
            comparison: None,
            split: "v1/seed=42/testFraction=0.2".into(),
            same_split: true,
            unknown_label_rows: 0,
            holdout: None,
        };
        let read = CompareResult::read(&result.message()).unwrap();
        assert!(read.evaluation.weakest_classes.is_empty());
        assert_eq!(read.evaluation.rows, 400);
    }

    #[test]
    fn a_request_is_read_strictly_and_its_defaults_are_safe() {
        let json = format!(
            r#"{{"namespace":"default","classifier":"cards","digests":["{}"]}}"#,
            digest(1)
        );
        let request: DeleteRequest = serde_json::from_str(&json).unwrap();
        assert_eq!((request.keep_promotions, request.dry_run), (2, false));
        let misspelt = json.replace("digests", "digest");
        assert!(serde_json::from_str::<DeleteRequest>(&misspelt).is_err());
    }
}
