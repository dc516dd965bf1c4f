//! The chart is in step with the code: its copies of the CRDs, and the flags that it gives the operator.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

fn chart(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../charts/complaint-operator", path]
        .iter()
        .collect()
}

/// Helm reads no file outside the chart's folder, so the manifests stand there once more.
#[test]
fn the_charts_crds_are_in_step_with_the_code() {
    let folder = chart("crd-manifests");
    let stored: BTreeMap<String, String> = std::fs::read_dir(&folder)
        .expect("the chart has a folder of CRDs")
        .map(|entry| {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text file"))
        })
        .collect();
    let generated: BTreeMap<String, String> = complaint_operator::cli::crd_manifests()
        .expect("CRDs are YAML")
        .into_iter()
        .collect();
    assert!(
        stored == generated,
        "{} differs from the code: run `cargo run --bin complaint-operator -- crds --out charts/complaint-operator/crd-manifests`",
        folder.display()
    );
}

/// The template inserts labels and the annotation that keeps the CRD behind this line, which must be the only one.
#[test]
fn a_crd_manifest_has_one_place_for_the_charts_metadata() {
    for (name, text) in complaint_operator::cli::crd_manifests().expect("CRDs are YAML") {
        assert_eq!(text.matches("\nmetadata:\n  name: ").count(), 1, "{name}");
    }
}

#[test]
fn every_flag_of_the_operator_is_set_by_the_chart_and_no_other() {
    let command = <complaint_operator::cli::RunArgs as clap::Args>::augment_args(clap::Command::new("run"));
    let taken: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let template = std::fs::read_to_string(chart("templates/deployment.yaml")).expect("the chart's Deployment");
    let mut given: BTreeSet<&str> = template
        .split_whitespace()
        .filter_map(|word| word.trim_start_matches('"').strip_prefix("--")?.split('=').next())
        .collect();
    // Set by the environment: only the pod knows its namespace.
    assert!(template.contains("name: POD_NAMESPACE"));
    given.insert("lease-namespace");
    assert_eq!(given, taken, "left: the chart's flags; right: the operator's");
}
