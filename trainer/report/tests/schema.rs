//! The published schema of `report.json`, and the page that lists its fields.
//!
//! `UPDATE=1 cargo test -p complaint-report --test schema` rewrites the committed files.

use std::path::{Path, PathBuf};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

#[test]
fn the_committed_schema_matches_the_program() {
    let path = docs("report.schema.json");
    let schema = format!(
        "{}\n",
        serde_json::to_string_pretty(&complaint_report::schema()).unwrap()
    );
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
    let table = format!("{}\n", complaint_report::field_table());
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
