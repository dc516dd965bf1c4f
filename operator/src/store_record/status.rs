//! The part of a classifier's status that this controller owns, and the Events about it. Pure.

use complaint_api::{ComplaintClassifier, StoreRecord, VersionDigest};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;

use super::plan::{Learnt, Plan};
use crate::{context::Notice, status::Owned};

/// What the store has of the promotions, and what it had of those before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store_record: Option<StoreRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_champion: Option<VersionDigest>,
}

impl Owned for RecordStatus {
    const FIELDS: &'static [&'static str] = &["storeRecord", "restoredTime", "restoredChampion"];
    const CONDITIONS: &'static [&'static str] = &[];
}

/// The next status and the Events about the change.
pub(crate) fn next(classifier: &ComplaintClassifier, plan: &Plan<'_>, now: Timestamp) -> (RecordStatus, Vec<Notice>) {
    let old = classifier.status.clone().unwrap_or_default();
    let mut status = RecordStatus {
        store_record: old.store_record,
        restored_time: old.restored_time,
        restored_champion: old.restored_champion,
    };
    let Some(learnt) = &plan.learnt else {
        return (status, Vec::new());
    };
    let record = status.store_record.get_or_insert_default();
    let before = record.clone();
    let mut notices = Vec::new();
    match learnt {
        Learnt::Recorded(promotion) => {
            record.promotion_time = Some(promotion.time.clone());
            record.refused_time = None;
        }
        Learnt::Refused(promotion, error) => {
            let newest = old.promotions.first().unwrap_or(promotion);
            record.refused_time = Some(newest.time.clone());
            if before.refused_time.is_none() {
                let note = format!(
                    "the promotion of ModelVersion {} could not be recorded in the store, so that another cluster will not know of it: {}: {}",
                    promotion.version, error.reason, error.message
                );
                notices.push(Notice::warning("PromotionNotRecorded", note).about(&promotion.version));
            }
        }
        Learnt::Restored(champion) => {
            record.unreadable = None;
            status.restored_time = Some(Time(now));
            status.restored_champion = champion.clone();
            notices.extend(champion.as_ref().map(|champion| {
                let note = format!(
                    "the store's record names ModelVersion {} (sha256:{}) as the last champion",
                    champion.name, champion.sha256
                );
                Notice::normal("ChampionFound", note).about(&champion.name)
            }));
        }
        Learnt::Unreadable(error) => {
            let told = format!("{}: {}", error.reason, error.message);
            if before.unreadable.as_ref() != Some(&told) {
                let note = format!(
                    "the store's record of promotions can't be read, and is asked again later: {told}; spec.promotion.modelVersion serves a version without it"
                );
                notices.push(Notice::warning("StoreRecordUnreadable", note));
            }
            record.unreadable = Some(told);
        }
    }
    status.store_record = status.store_record.filter(|record| *record != StoreRecord::default());
    (status, notices)
}
