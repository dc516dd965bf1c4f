//! `dossier`: what has to be known about a version, from its report and from the cluster.

use std::path::Path;

use complaint_api::{
    ComplaintClassifier, EstimatedShare, ModelVersion, MonitoringStatus, PromotionRecord,
    condition::{self, DRIFTED},
    labels,
};
use complaint_report::{
    Dossier, MeasuredShare, Report,
    dossier::{
        Approval, ClusterFacts, ProductionFacts, PromotionDifference, PromotionFacts, VersionFacts, WindowFacts,
    },
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{report, show::Subject};
use crate::{
    cluster::Cluster,
    console::Console,
    error::Error,
    render::{Format, data, instant},
};

pub(super) async fn dossier(
    cluster: &Cluster,
    console: &Console,
    name: &str,
    file: Option<&Path>,
    out: Option<&Path>,
) -> Result<(), Error> {
    let subject = Subject::of(cluster, name).await?;
    report::is_for_a_file(console, out, "dossier", name)?;
    let found = match file {
        Some(file) => read(file, &subject.version)?,
        None => report::find(cluster, &subject, name)
            .await
            .map_err(|error| Error::Other(format!("{error}. Then give it with --report FILE")))?,
    };
    let dossier = of(&subject.version, subject.classifier.as_ref(), found, Timestamp::now());
    let text = match console.format {
        Format::Table => dossier.page(),
        format => data(&dossier, format == Format::Yaml).map_err(Error::Other)?,
    };
    report::write(console, out, &text, &format!("the dossier of ModelVersion {name}"))
}

/// The version's report in a file.
fn read(file: &Path, version: &ModelVersion) -> Result<Report, Error> {
    let json =
        std::fs::read(file).map_err(|error| Error::Other(format!("{} can't be read: {error}", file.display())))?;
    report::of_version(&json, version, &file.display().to_string())
}

/// The dossier of a version. Pure; the clock is an argument.
pub(crate) fn of(
    version: &ModelVersion,
    classifier: Option<&ComplaintClassifier>,
    report: Report,
    now: Timestamp,
) -> Dossier {
    let facts = VersionFacts {
        name: version.name_any(),
        classifier: version.spec.classifier_ref.name.clone(),
        namespace: version.namespace().unwrap_or_default(),
        sha256: report.artifact_sha256,
    };
    let documentation = classifier.and_then(|classifier| classifier.spec.documentation.clone());
    let cluster = cluster_facts(version, classifier);
    Dossier::new(
        facts,
        documentation.unwrap_or_default(),
        report,
        Some(cluster),
        instant(now),
    )
}

fn cluster_facts(version: &ModelVersion, classifier: Option<&ComplaintClassifier>) -> ClusterFacts {
    let status = version.status.as_ref();
    let is_this = |name: &str, sha256: &str| version.name_any() == name && version.spec.artifact.sha256 == sha256;
    let record = classifier.and_then(|classifier| classifier.status.as_ref());
    let promotions = record.into_iter().flat_map(|status| &status.promotions);
    let is_champion = record
        .and_then(|status| status.champion.as_ref())
        .is_some_and(|champion| is_this(&champion.name, &champion.sha256));
    let rejection = status.and_then(|status| status.rejection());
    ClusterFacts {
        recorded: version.creation_timestamp().map(|created| instant(created.0)),
        stage: status.and_then(|status| status.stage).map(|stage| format!("{stage:?}")),
        rejected: rejection.map(|rejected| format!("{}: {}", rejected.reason, rejected.message)),
        approval: approval(version),
        promotions: promotions
            .filter(|promotion| is_this(&promotion.version, &promotion.sha256))
            .map(promotion_facts)
            .collect(),
        production: record.filter(|_| is_champion).and_then(|status| {
            let drift = condition::find(&status.conditions, DRIFTED);
            let figures = status.monitoring.as_ref();
            let figures = figures.filter(|figures| figures.sha256 == version.spec.artifact.sha256)?;
            Some(production(
                figures,
                drift.map(|drift| format!("{}: {} ({})", drift.status, drift.message, drift.reason)),
            ))
        }),
    }
}

/// Who approved the version, and when the annotation was last written.
fn approval(version: &ModelVersion) -> Option<Approval> {
    let by = version.annotations().get(labels::APPROVED_BY)?.clone();
    let written = version.managed_fields().iter().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        let field = format!("f:{}", labels::APPROVED_BY);
        fields.is_some_and(|fields| !fields["f:metadata"]["f:annotations"][&field].is_null())
    });
    Some(Approval {
        by,
        time: written
            .filter_map(|entry| entry.time.as_ref())
            .map(|at| at.0)
            .max()
            .map(instant),
    })
}

fn promotion_facts(promotion: &PromotionRecord) -> PromotionFacts {
    PromotionFacts {
        time: instant(promotion.time.0),
        reason: format!("{:?}", promotion.reason),
        replaced: promotion.from.clone(),
        comparison: promotion.comparison.map(|comparison| PromotionDifference {
            metric: comparison.metric,
            difference: comparison.difference,
            confidence_interval: comparison.confidence_interval,
        }),
    }
}

fn production(figures: &MonitoringStatus, drift: Option<String>) -> ProductionFacts {
    let share = |share: EstimatedShare| MeasuredShare {
        value: share.value,
        confidence_interval: [share.lower, share.upper],
    };
    ProductionFacts {
        window: figures.window.clone(),
        estimated_accuracy: figures.estimated_accuracy.map(share),
        measured_accuracy: figures.measured_accuracy.map(share),
        drift,
        windows: figures
            .windows
            .iter()
            .map(|window| WindowFacts {
                end: instant(window.end_time.0),
                answers: window.answers,
                judged: window.judged,
                reasons: window.reasons.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn version(sha256: &str, metadata: Value) -> ModelVersion {
        let mut object = json!({
            "metadata": { "name": "cards-2", "namespace": "default", "creationTimestamp": "2026-11-01T08:00:00Z" },
            "spec": { "classifierRef": { "name": "cards" },
                      "artifact": { "uri": "pvc://cards/model.safetensors", "sha256": sha256 } },
            "status": { "stage": "Champion" },
        });
        for (name, value) in metadata.as_object().expect("an object") {
            object["metadata"][name] = value.clone();
        }
        serde_json::from_value(object).expect("a ModelVersion")
    }

    fn classifier() -> ComplaintClassifier {
        let promotion = |version: &str, sha256: &str, time: &str| json!({ "version": version, "sha256": sha256, "reason": "Better", "time": time });
        serde_json::from_value(json!({
            "metadata": { "name": "cards", "namespace": "default" },
            "spec": {},
            "status": {
                "champion": { "name": "cards-2", "sha256": "b" },
                "promotions": [promotion("cards-2", "b", "2026-11-03T00:00:00Z"), promotion("cards-2", "old", "2026-11-02T00:00:00Z"),
                               promotion("cards-1", "a", "2026-11-01T00:00:00Z")],
                "monitoring": { "sha256": "b", "window": "24h", "estimatedAccuracy": { "value": 0.8, "lower": 0.7, "upper": 0.9 },
                                "windows": [{ "endTime": "2026-11-04T00:00:00Z", "answers": 9, "judged": false }] },
                "conditions": [{ "type": "Drifted", "status": "False", "reason": "AsTrained", "message": "no window has drifted",
                                 "lastTransitionTime": "2026-11-04T00:00:00Z" }],
            },
        }))
        .expect("a ComplaintClassifier")
    }

    #[test]
    fn facts_are_those_of_the_bytes_and_not_of_the_name() {
        let classifier = classifier();
        let facts = cluster_facts(&version("b", json!({})), Some(&classifier));
        assert_eq!(facts.promotions.len(), 1, "another version once had the name");
        let production = facts.production.expect("it is champion");
        assert_eq!(
            production.drift.as_deref(),
            Some("False: no window has drifted (AsTrained)")
        );
        assert_eq!(
            production.estimated_accuracy.map(|share| share.confidence_interval),
            Some([0.7, 0.9])
        );
        assert_eq!((facts.stage.as_deref(), facts.approval), (Some("Champion"), None));
        let other = cluster_facts(&version("c", json!({})), Some(&classifier));
        assert!(other.promotions.is_empty() && other.production.is_none());
        assert!(cluster_facts(&version("b", json!({})), None).promotions.is_empty());
    }

    #[test]
    fn an_approval_has_the_time_of_its_annotation() {
        let wrote = |field: &str, time: &str| {
            let mut fields = json!({ "f:metadata": { "f:annotations": {} } });
            fields["f:metadata"]["f:annotations"][format!("f:{field}")] = json!({});
            json!({ "manager": "kubectl-annotate", "operation": "Update", "apiVersion": "complaints.dev/v1alpha1", "time": time, "fieldsV1": fields })
        };
        let approved = json!({
            "annotations": { "complaints.dev/approved-by": "jane" },
            "managedFields": [wrote("complaints.dev/approved-by", "2026-11-02T10:00:00Z"), wrote("team", "2026-11-05T10:00:00Z")],
        });
        let approval = approval(&version("b", approved)).expect("it is approved");
        assert_eq!(
            (approval.by.as_str(), approval.time.as_deref()),
            ("jane", Some("2026-11-02T10:00:00Z"))
        );
    }
}
