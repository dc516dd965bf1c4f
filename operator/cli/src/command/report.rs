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
    let service = service(&subject, name)?;
    is_for_a_file(console, out, "report", name)?;
    let report = fetch(cluster, &subject, &service, name).await?;
    let text = match console.format {
        Format::Table => complaint_report::page(&report),
        format => data(&report, format == Format::Yaml).map_err(Error::Other)?,
    };
    write(console, out, &text, &format!("the report of ModelVersion {name}"))
}

/// The Service of the classifier whose champion the version is.
pub(super) fn service(subject: &Subject, name: &str) -> Result<String, Error> {
    let version = &subject.version;
    let champion = subject.classifier.as_ref().and_then(|classifier| {
        let champion = classifier.status.as_ref()?.champion.as_ref()?;
        (champion.name == name && champion.sha256 == version.spec.artifact.sha256).then_some(classifier.name_any())
    });
    champion.ok_or_else(|| elsewhere(version))
}

/// The report that the Service's pods have of the version.
pub(super) async fn fetch(cluster: &Cluster, subject: &Subject, service: &str, name: &str) -> Result<Report, Error> {
    let body = success(service, cluster.ask(service, "report", None).await?)?;
    let report = parse(&body, name)?;
    let digest = report.artifact_sha256.to_string();
    if digest != subject.version.spec.artifact.sha256 {
        return Err(Error::Other(format!(
            "a server answered with the report of another model (sha256:{digest}): ModelVersion {name} is adapted from it, or a rollout is under way. Look at `kubectl complaints status {service}`, and try again after a rollout"
        )));
    }
    Ok(report)
}

pub(super) fn parse(json: &[u8], name: &str) -> Result<Report, Error> {
    serde_json::from_slice(json).map_err(|error| {
        Error::Other(format!(
            "the report of ModelVersion {name} can't be read: {error}. Use the plugin of the operator's release"
        ))
    })
}

/// A page is too much for a terminal.
pub(super) fn is_for_a_file(console: &Console, out: Option<&Path>, what: &str, name: &str) -> Result<(), Error> {
    match console.is_terminal && out.is_none() && console.format == Format::Table {
        true => Err(Error::Usage(format!(
            "the {what} is a page of several hundred kilobytes: write it to a file with --out {name}.html"
        ))),
        false => Ok(()),
    }
}

/// Writes `text` to the file, or to standard output.
pub(super) fn write(console: &Console, out: Option<&Path>, text: &str, what: &str) -> Result<(), Error> {
    let Some(out) = out else {
        return console.print(text);
    };
    std::fs::write(out, text)
        .map_err(|error| Error::Other(format!("{what} can't be written to {}: {error}", out.display())))?;
    console.note(&format!("{what} is in {}", out.display()));
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
