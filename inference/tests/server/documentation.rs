//! The tables of `docs/serving.md` say what the code does.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::client::{get, post};
use crate::model;
use crate::running::program;
use crate::started::Started;

fn text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/serving.md")).unwrap()
}

/// The names in the first column of the table under a heading.
fn column(heading: &str) -> BTreeSet<String> {
    let text = text();
    let section = text.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let cells = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_flag_is_in_the_table() {
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags: BTreeSet<String> = help
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .trim_start_matches("-h, ")
                .trim_start_matches("-V, ")
                .strip_prefix("--")
        })
        .map(|rest| format!("--{}", rest.split([' ', '\n']).next().unwrap()))
        .filter(|flag| flag != "--help" && flag != "--version")
        .collect();
    assert_eq!(column("Flags"), flags);
}

#[tokio::test]
async fn every_metric_is_in_the_table() {
    let server = Started::estimating().await;
    post(server.address, "/predict", &json!({ "text": model::CARDS })).await;
    let metrics = get(server.address, "/metrics").await;
    let real: BTreeSet<String> = metrics
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("complaint_inference_")?.split(['{', ' ']).next())
        .map(|name| {
            let histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            histogram.unwrap_or(name).to_owned()
        })
        .collect();
    assert_eq!(column("Metrics"), real);
}

#[test]
fn every_error_is_in_the_table_with_its_status() {
    use complaint_inference::http::ApiError;

    let text = text();
    let errors = ApiError::examples();
    let codes: BTreeSet<String> = errors.iter().map(|error| error.code().to_owned()).collect();
    let documented: BTreeSet<String> = column("Errors")
        .into_iter()
        .filter(|name| !name.starts_with('/'))
        .collect();
    assert_eq!(documented, codes);
    for error in errors {
        let row = format!("| `{}` | {} |", error.code(), error.status().as_u16());
        assert!(text.contains(&row), "no {row}");
    }
}
