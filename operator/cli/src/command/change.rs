//! `promote`, `rollback`, `unpin`, `retrain`, `pause` and `resume`.

use complaint_api::{ComplaintClassifier, ModelVersion};
use jiff::Timestamp;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::show::Subject;
use crate::{
    change::{self, Change, Done, Pinned},
    cli::{DryRun, Write},
    cluster::Cluster,
    console::Console,
    error::Error,
    render::{Format, Page, data},
};

pub(super) async fn promote(cluster: &Cluster, console: &Console, version: &str, write: Write) -> Result<(), Error> {
    let subject = Subject::of(cluster, version).await?;
    let Some(classifier) = &subject.classifier else {
        return Err(Error::NotFound {
            kind: "ComplaintClassifier".into(),
            name: subject.version.spec.classifier_ref.name.clone(),
            namespace: cluster.namespace()?.into(),
            hint: format!("ModelVersion {version} belongs to it; apply it first"),
        });
    };
    let change = change::promote(classifier, &subject.version, Pinned::Promotion)?;
    make(cluster, console, classifier, change, write).await
}

pub(super) async fn rollback(
    cluster: &Cluster,
    console: &Console,
    classifier: &str,
    to: Option<&str>,
    write: Write,
) -> Result<(), Error> {
    let classifier: ComplaintClassifier = cluster.get(classifier).await?;
    let target = match to {
        Some(version) => version.to_owned(),
        None => change::rollback_target(&classifier)?,
    };
    let version: ModelVersion = cluster.get(&target).await?;
    let change = change::promote(&classifier, &version, Pinned::Rollback)?;
    make(cluster, console, &classifier, change, write).await
}

pub(super) async fn unpin(cluster: &Cluster, console: &Console, name: &str, write: Write) -> Result<(), Error> {
    let classifier: ComplaintClassifier = cluster.get(name).await?;
    let change = Change::unpin(&classifier);
    make(cluster, console, &classifier, change, write).await
}

pub(super) async fn retrain(cluster: &Cluster, console: &Console, name: &str, write: Write) -> Result<(), Error> {
    let classifier: ComplaintClassifier = cluster.get(name).await?;
    let change = Change::retrain(&classifier, Timestamp::now())?;
    make(cluster, console, &classifier, change, write).await
}

pub(super) async fn pause(
    cluster: &Cluster,
    console: &Console,
    name: &str,
    paused: bool,
    write: Write,
) -> Result<(), Error> {
    let classifier: ComplaintClassifier = cluster.get(name).await?;
    make(cluster, console, &classifier, Change::pause(paused), write).await
}

/// Prints the manifest, or writes the field.
async fn make(
    cluster: &Cluster,
    console: &Console,
    classifier: &ComplaintClassifier,
    change: Change,
    write: Write,
) -> Result<(), Error> {
    change.warnings.iter().for_each(|warning| console.warning(warning));
    let dry_run = write.dry_run == Some(DryRun::Server);
    if !write.apply && !dry_run {
        let manifest = change.manifest(classifier);
        let text = match console.format {
            Format::Json => data(&manifest, false),
            Format::Table | Format::Yaml => data(&manifest, true).map(|yaml| change.comment(classifier) + &yaml),
        };
        console.print(&text.map_err(Error::Other)?)?;
        console.note("nothing was changed: --apply changes the cluster, --dry-run=server only asks it");
        return Ok(());
    }
    let name = classifier.name_any();
    let before = change.field.of(&json!(classifier)).cloned();
    let unchanged = change.is_made(classifier);
    if !unchanged {
        change
            .ownership(classifier)
            .iter()
            .for_each(|warning| console.warning(warning));
        let params = PatchParams {
            dry_run,
            field_manager: Some(change.field.manager().into()),
            // The manifest has one field: nothing else is forced.
            force: change.value.is_some(),
            ..PatchParams::default()
        };
        let patch = match change.value {
            Some(_) => Patch::Apply(change.apply(classifier)),
            None => Patch::Merge(change.merge_patch()),
        };
        cluster.patch::<ComplaintClassifier>(&name, &params, &patch).await?;
    }
    let done = Done {
        namespace: classifier.namespace().unwrap_or_default(),
        classifier: name,
        field: change.field.dotted(),
        from: before,
        to: change.value.clone(),
        dry_run,
        unchanged,
    };
    console.show(|_| told(&done), &done)?;
    if !unchanged && !dry_run && console.format == Format::Table {
        console.note(&format!(
            "{}; `kubectl complaints status {} --watch` shows it",
            change.then, done.classifier
        ));
    }
    Ok(())
}

fn told(done: &Done) -> Page {
    let shown = |value: &Option<Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "unset".into(),
    };
    let (verb, dry) = match (done.unchanged, done.dry_run) {
        (true, _) => ("is already", ""),
        (false, true) => ("would be", " (server dry run)"),
        (false, false) => ("is now", ""),
    };
    let was = match done.unchanged {
        true => String::new(),
        false => format!(", and was {}", shown(&done.from)),
    };
    let mut page = Page::default();
    page.line(format!(
        "complaintclassifier.complaints.dev/{}: {} {verb} {}{was}{dry}",
        done.classifier,
        done.field,
        shown(&done.to)
    ));
    page
}
