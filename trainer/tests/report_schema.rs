//! `report.json` and its published schema.

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Job, csv, rows};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn printed(form: &str) -> String {
    let output = support::trainer()
        .args(["report-schema", "--format", form])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_command_prints_the_published_schema() {
    let published = |name: &str| std::fs::read_to_string(docs(name)).unwrap();
    assert_eq!(printed("json"), published("report.schema.json"));
    let table = printed("table");
    assert!(table.starts_with("| field |") && published("report.md").ends_with(&table));
}

#[test]
fn a_written_report_matches_the_schema() {
    let schema: Value = serde_json::from_str(&printed("json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let first = job.run(&data);
    let champion = job
        .path("store")
        .join(first.message["artifact"]["path"].as_str().unwrap());
    let mut next = Job::new();
    next.config["champion"] = json!({ "name": "cards-0", "sha256": first.message["artifact"]["sha256"] });
    let second = next.run_with(&data, &["--champion", champion.to_str().unwrap()], "2");
    for (job, ended) in [(&job, first), (&next, second)] {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = job
            .path("store")
            .join(ended.message["report"]["path"].as_str().unwrap());
        let mut report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        // The schema rejects a report with a wrong type.
        report["metrics"]["macroF1"] = json!("good");
        assert!(!validator.is_valid(&report));
        report.as_object_mut().unwrap().remove("metrics");
        assert!(!validator.is_valid(&report));
    }
}
