//! `report.json` and its published schema.
//!
//! `UPDATE=1 cargo test -p complaint-trainer --test report_schema` rewrites the committed files.

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

fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

#[test]
fn the_committed_schema_matches_the_program() {
    let path = docs("report.schema.json");
    let schema = printed("json");
    if update() {
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == schema,
        "docs/report.schema.json is out of date: run this test with UPDATE=1"
    );
}

#[test]
fn the_page_about_the_report_lists_every_field() {
    let path = docs("report.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, _) = page
        .split_once("| field |")
        .expect("docs/report.md ends with the table of fields");
    let table = printed("table");
    if update() {
        std::fs::write(&path, format!("{head}{table}")).unwrap();
        return;
    }
    assert!(
        page == format!("{head}{table}"),
        "docs/report.md is out of date: run this test with UPDATE=1"
    );
    assert!(table.contains("`profile.suspiciousRows[].examples[].row`"), "{table}");
    let undescribed: Vec<&str> = table.lines().skip(2).filter(|line| line.ends_with("|  |")).collect();
    assert_eq!(undescribed, Vec::<&str>::new(), "every field has a description");
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
