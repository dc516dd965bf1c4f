//! `champion.json`: the promotions of one classifier, kept in its store so that they outlive the cluster.

use complaint_contract::{PROMOTIONS, Promotions, StoredPromotion};
use jiff::Timestamp;

/// Parses the file's bytes. A missing file means no promotions.
pub(crate) fn parse(bytes: Option<&[u8]>) -> Result<Promotions, serde_json::Error> {
    bytes.map_or_else(|| Ok(Promotions::default()), serde_json::from_slice)
}

/// The file's bytes.
pub(crate) fn to_bytes(promotions: &Promotions) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(promotions).expect("strings and lists are JSON");
    bytes.push(b'\n');
    bytes
}

/// Inserts a promotion by its time, newest first, and drops the oldest ones over the limit. Returns `false` if the
/// promotion is already on record, or is older than all that are kept. So recording a promotion twice or late gives the
/// same record.
pub(crate) fn insert(promotions: &mut Promotions, promotion: &StoredPromotion) -> bool {
    let list = &mut promotions.promotions;
    if list.iter().any(|known| same(known, promotion)) {
        return false;
    }
    let is_older = |known: &StoredPromotion| time(known) < time(promotion);
    let place = list.iter().position(is_older).unwrap_or(list.len());
    if place >= PROMOTIONS {
        return false;
    }
    list.insert(place, promotion.clone());
    list.truncate(PROMOTIONS);
    true
}

/// Whether both are the same event: a version becomes champion only once at a given time.
fn same(one: &StoredPromotion, other: &StoredPromotion) -> bool {
    one.version == other.version && one.sha256 == other.sha256 && time(one) == time(other)
}

/// The time of a promotion. An invalid time sorts before all others.
fn time(promotion: &StoredPromotion) -> Option<Timestamp> {
    promotion.time.parse().ok()
}

#[cfg(test)]
mod tests {
    use complaint_contract::Sha256Digest;

    use super::*;

    fn promotion(minute: usize) -> StoredPromotion {
        StoredPromotion {
            version: format!("cards-{minute}"),
            sha256: Sha256Digest::of_bytes(&minute.to_be_bytes()),
            previous: None,
            reason: "Better".into(),
            time: format!("2026-11-29T{:02}:{:02}:00Z", minute / 60, minute % 60),
        }
    }

    #[test]
    fn the_order_of_writing_does_not_matter() {
        let mut forth = Promotions::default();
        let mut back = Promotions::default();
        for minute in 0..120 {
            assert!(insert(&mut forth, &promotion(minute)));
            assert!(!insert(&mut forth, &promotion(minute)));
        }
        for minute in (0..120).rev() {
            insert(&mut back, &promotion(minute));
            insert(&mut back, &promotion(minute));
        }
        assert_eq!(forth, back);
        assert_eq!(forth.promotions.len(), PROMOTIONS);
        assert_eq!(forth.promotions[0], promotion(119));
        assert_eq!(parse(Some(&to_bytes(&forth))).unwrap(), forth);
    }

    #[test]
    fn one_time_has_many_spellings() {
        let mut promotions = Promotions::default();
        insert(&mut promotions, &promotion(60));
        let mut again = promotion(60);
        again.time = "2026-11-29T02:00:00+01:00".into();
        assert!(!insert(&mut promotions, &again));
    }
}
