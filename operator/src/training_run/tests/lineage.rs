//! What a version records of its training, so that its held-out rows can be read again.

use complaint_contract::{SplitName, TrainingResult};
use serde_json::json;

use super::{build, outcome, run};
use crate::store::Store;

#[test]
fn a_version_records_where_its_rows_were_and_how_they_were_read() {
    let run = run(json!({ "dataset": {
        "source": { "uri": "s3://data/cards.csv.gz", "secretRef": { "name": "keys" } }, "format": "JsonLines",
        "textField": "said", "labelFields": ["meant"], "labelMap": { "old": "new" }, "minSamplesPerClass": 7,
        "splitField": "part" } }));
    let result: TrainingResult = serde_json::from_value(outcome()).expect("a result");
    let version = build::model_version(&run, &Store::Claim("cards-artifacts".into()), None, &result);
    let lineage = version.spec.lineage.expect("a lineage");
    assert_eq!(
        json!(lineage.dataset),
        json!({ "source": { "uri": "s3://data/cards.csv.gz" }, "format": "JsonLines",
                "fields": { "text": "said", "labels": ["meant"] }, "labelMap": { "old": "new" },
                "minSamplesPerClass": 7, "splitField": "part", "sha256": "cc".repeat(32) })
    );
    let split = SplitName::Key {
        version: "v1".into(),
        seed: 42,
        test_fraction: 0.2,
    };
    assert_eq!(lineage.split.parse(), Ok(split));
}
