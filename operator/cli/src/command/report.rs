//! `report`: the training report of a champion, from its server through the API server.

use std::path::Path;

use complaint_api::ModelVersion;
use complaint_report::Report;
use kube::ResourceExt;

use super::{predict::success, show::Subject};
use crate::{
    cluster::Cluster,
    console::Console,
    error::Error,
    render::{Format, data},
};

pub(super) async fn report(cluster: &Cluster, console: &Console, name: &str, out: Option<&Path>) -> Result<(), Error> {
    let subject = Subject::of(cluster, name).await?;
    let version = &subject.version;
    let champion = subject.classifier.as_ref().and_then(|classifier| {
        let champion = classifier.status.as_ref()?.champion.as_ref()?;
        (champion.name == name && champion.sha256 == version.spec.artifact.sha256).then_some(classifier.name_any())
    });
    let Some(service) = champion else {
        return Err(elsewhere(version));
    };
    if console.is_terminal && out.is_none() && console.format == Format::Table {
        return Err(Error::Usage(format!(
            "the report is a page of several hundred kilobytes: write it to a file with --out {name}.html"
        )));
    }
    let body = success(&service, cluster.ask(&service, "report", None).await?)?;
    let report: Report = serde_json::from_slice(&body).map_err(|error| {
        Error::Other(format!(
            "the report of ModelVersion {name} can't be read: {error}. Use the plugin of the operator's release"
        ))
    })?;
    let digest = report.artifact_sha256.to_string();
    if digest != version.spec.artifact.sha256 {
        return Err(Error::Other(format!(
            "a server answered with the report of another model (sha256:{digest}): ModelVersion {name} is adapted from it, or a rollout is under way. Look at `kubectl complaints status {service}`, and try again after a rollout"
        )));
    }
    let text = match console.format {
        Format::Table => complaint_report::page(&report),
        format => data(&report, format == Format::Yaml).map_err(Error::Other)?,
    };
    let Some(out) = out else {
        return console.print(&text);
    };
    std::fs::write(out, text)
        .map_err(|error| Error::Other(format!("the report can't be written to {}: {error}", out.display())))?;
    console.note(&format!("the report of ModelVersion {name} is in {}", out.display()));
    Ok(())
}

/// Where the report of a version is that no server serves.
fn elsewhere(version: &ModelVersion) -> Error {
    let (name, spec) = (version.name_any(), &version.spec);
    let place = match &spec.report {
        Some(report) => format!("The report is at {}", report.uri),
        None => format!("The record names no report; the artifact is at {}", spec.artifact.uri),
    };
    let why = match spec.artifact.uri.starts_with("pvc://") {
        true => {
            "a volume is read only by pods that mount its claim: copy the file with a pod in this namespace, or make the version champion"
        }
        false => {
            "a bucket is read with its own keys, which this command does not have: fetch the file with a client of the bucket"
        }
    };
    Error::Other(format!(
        "ModelVersion {name} is not the champion of ComplaintClassifier {}, and a server has the report of its own model only. {place}: {why}",
        spec.classifier_ref.name
    ))
}
