//! `report`: the training report of a version, from the champion's server through the API server, or from its bucket.

use std::path::Path;

use complaint_api::{ModelVersion, ReportRef, Sha256Digest};
use complaint_report::Report;
use complaint_store::Store;
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
    is_for_a_file(console, out, "report", name)?;
    let report = find(cluster, &subject, name).await?;
    let text = match console.format {
        Format::Table => complaint_report::page(&report),
        format => data(&report, format == Format::Yaml).map_err(Error::Other)?,
    };
    write(console, out, &text, &format!("the report of ModelVersion {name}"))
}

/// The report of the version: a server has that of the champion, and a bucket those of all its versions.
pub(super) async fn find(cluster: &Cluster, subject: &Subject, name: &str) -> Result<Report, Error> {
    let version = &subject.version;
    let champion = subject.classifier.as_ref().and_then(|classifier| {
        let champion = classifier.status.as_ref()?.champion.as_ref()?;
        (champion.name == name && champion.sha256 == version.spec.artifact.sha256).then_some(classifier.name_any())
    });
    match (champion, &version.spec.report) {
        (Some(service), _) => fetch(cluster, subject, &service, name).await,
        (None, Some(report)) if report.uri.starts_with("s3://") => stored(version, report).await,
        (None, _) => Err(elsewhere(version)),
    }
}

/// The report in a bucket, read with the keys of this process's environment. Its digest is the one of the record.
async fn stored(version: &ModelVersion, record: &ReportRef) -> Result<Report, Error> {
    let name = version.name_any();
    let failed = |problem: String| Error::Other(format!("the report of ModelVersion {name} is not read: {problem}"));
    let (folder, file) = record.uri.rsplit_once('/').unwrap_or_default();
    let read = async { Store::open(folder)?.read(file).await };
    let json = read.await.map_err(|error| {
        failed(format!(
            "{error}. It is read with the keys of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL)"
        ))
    })?;
    let json = json.ok_or_else(|| failed(format!("there is no {} (any more)", record.uri)))?;
    let found = Sha256Digest::of_bytes(&json).to_string();
    if found != record.sha256 {
        return Err(failed(format!(
            "{} has the digest sha256:{found}, and the record sha256:{}: somebody has changed it",
            record.uri, record.sha256
        )));
    }
    of_version(&json, version, &record.uri)
}

/// The report in `json`, which has to be that of the version.
pub(super) fn of_version(json: &[u8], version: &ModelVersion, place: &str) -> Result<Report, Error> {
    let name = version.name_any();
    let report = parse(json, &name)?;
    match report.artifact_sha256.to_string() == version.spec.artifact.sha256 {
        true => Ok(report),
        false => Err(Error::Other(format!(
            "{place} is the report of another model (sha256:{}); that of ModelVersion {name} is sha256:{}",
            report.artifact_sha256, version.spec.artifact.sha256
        ))),
    }
}

/// The report that the Service's pods have of the version.
async fn fetch(cluster: &Cluster, subject: &Subject, service: &str, name: &str) -> Result<Report, Error> {
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

fn parse(json: &[u8], name: &str) -> Result<Report, Error> {
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

/// Where the report of a version is that neither a server nor a bucket gives.
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
        false => "this command reads reports from s3:// buckets: fetch the file with another client",
    };
    Error::Other(format!(
        "ModelVersion {name} is not the champion of ComplaintClassifier {}, and a server has the report of its own model only. {place}: {why}",
        spec.classifier_ref.name
    ))
}
