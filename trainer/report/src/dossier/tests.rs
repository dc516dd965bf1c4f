use complaint_contract::Documentation;
use serde_json::json;

use super::*;
use crate::page::tests::report;

fn documentation() -> Documentation {
    Documentation {
        purpose: Some("Routes complaints to a desk.\n<b>Nobody</b> is refused by it.".into()),
        owner: Some("Complaints <script>alert(1)</script> team".into()),
        contact: None,
        limitations: Some("Not for letters in other languages.".into()),
    }
}

fn dossier() -> Dossier {
    let report = report(&["Card".into(), "Loan & \"mortgage\"".into()]);
    let version = VersionFacts {
        name: "cards-2".into(),
        classifier: "cards".into(),
        namespace: "default".into(),
        sha256: report.artifact_sha256,
    };
    let cluster = ClusterFacts {
        recorded: Some("2026-11-01T08:00:00Z".into()),
        stage: Some("Champion".into()),
        rejected: None,
        approval: Some(Approval {
            by: "jane@example.com".into(),
            time: Some("2026-11-01T09:00:00Z".into()),
        }),
        promotions: vec![PromotionFacts {
            time: "2026-11-01T09:05:00Z".into(),
            reason: "Pinned".into(),
            replaced: Some("cards-1".into()),
            comparison: Some(PromotionDifference {
                metric: Metric::MacroF1,
                difference: 0.02,
                confidence_interval: [0.01, 0.03],
            }),
        }],
        production: Some(ProductionFacts {
            window: "24h".into(),
            estimated_accuracy: Some(MeasuredShare {
                value: 0.81,
                confidence_interval: [0.79, 0.83],
            }),
            measured_accuracy: None,
            drift: Some("False: AsTrained".into()),
            windows: vec![WindowFacts {
                end: "2026-11-02T00:00:00Z".into(),
                answers: 12_345,
                judged: true,
                reasons: Vec::new(),
            }],
        }),
    };
    Dossier::new(
        version,
        documentation(),
        report,
        Some(cluster),
        "2026-11-03T00:00:00Z".into(),
    )
}

#[test]
fn the_page_has_every_part_and_shows_markup_as_text() {
    let page = dossier().page();
    for part in [
        "Routes complaints to a desk.",
        "Complaints &lt;script&gt;alert(1)&lt;/script&gt; team",
        "jane@example.com, 2026-11-01T09:00:00Z",
        "macroF1 +0.0200 (+0.0100 to +0.0300)",
        "81.0 % (79.0 % to 83.0 %)",
        "12,345",
        "as in training",
        "not stated",
        "complaint-trainer",
        "id=\"confusion\"",
        "id=\"labels\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("<script") && !page.contains("<b>Nobody") && !page.contains("://"),
        "{page}"
    );
}

#[test]
fn a_dossier_is_read_as_it_was_written_and_nothing_else_is() {
    let dossier = dossier();
    let read = Dossier::read(dossier.to_json().as_bytes()).expect("it is one");
    assert_eq!(read.to_json(), dossier.to_json());
    let mut other = json!(dossier);
    other["format"] = json!("something/v2");
    let told = Dossier::read(other.to_string().as_bytes()).expect_err("another format");
    assert!(told.contains("something/v2"), "{told}");
    assert!(Dossier::read(b"{}").expect_err("nothing").contains("no dossier"));
}

#[test]
fn the_bill_of_materials_is_valid_cyclonedx_with_a_model_card() {
    let dossier = dossier();
    let text = dossier.bill_of_materials.to_string();
    let bom = cyclonedx_bom::prelude::Bom::parse_from_json_v1_5(text.as_bytes()).expect("CycloneDX 1.5");
    let result = cyclonedx_bom::prelude::Validate::validate_version(&bom, cyclonedx_bom::prelude::SpecVersion::V1_5);
    assert!(result.passed(), "{result:?}");
    let components = bom.components.expect("it has some").0;
    let find = |name: &str| components.iter().find(|component| component.name.to_string() == name);
    for part in [
        "dataset",
        "complaint-trainer",
        "complaint-model",
        "smartcore",
        "rust-stemmers",
    ] {
        assert!(find(part).is_some(), "{part}");
    }
    for other in ["kube", "axum", "complaint-operator"] {
        assert!(find(other).is_none(), "the trainer has no {other}");
    }
    assert!(find("smartcore").is_some_and(|component| component.hashes.is_some()));
    let model = &dossier.bill_of_materials["metadata"]["component"];
    assert_eq!(
        model["modelCard"]["considerations"]["technicalLimitations"][0],
        "Not for letters in other languages."
    );

    // Of another release only its own name is known.
    let mut report = dossier.report.clone();
    report.trainer_version = "9.9.9".into();
    let other = bill_of_materials(&dossier.version, &dossier.documentation, &report);
    let names: Vec<_> = other["components"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| part["name"].clone())
        .collect();
    assert_eq!(names, ["dataset", "complaint-trainer"]);
}
