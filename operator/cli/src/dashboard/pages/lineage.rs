//! Where versions come from: data set, training, version, promotions, as a list in lists.

use complaint_api::{LineageDataset, LineageSource};
use maud::{Markup, html};

use super::{
    Page,
    text::{Path, ago, counted, instant_of, short, stage, text},
};
use crate::{
    info::{Info, RunInfo, VersionInfo},
    why::in_words,
};

/// Where the bytes of a data set were, in words.
pub(super) fn source(source: &LineageSource) -> Option<String> {
    if let Some(uri) = &source.uri {
        return Some(text(uri));
    }
    if let Some(map) = &source.config_map {
        return Some(text(&format!("ConfigMap {}, key {}", map.name, map.key)));
    }
    let volume = source.persistent_volume_claim.as_ref()?;
    Some(text(&format!(
        "PersistentVolumeClaim {}, {}",
        volume.claim_name, volume.path
    )))
}

/// A data set in a line.
pub(super) fn dataset(dataset: &LineageDataset) -> Markup {
    html! {
        code { (short(&dataset.sha256)) }
        @if let Some(source) = dataset.source.as_ref().and_then(source) { " from " (source) }
        @if let Some(fields) = &dataset.fields {
            ", text " code { (text(&fields.text)) } ", category " code { (text(&fields.labels.join(" + "))) }
        }
        @if let Some(corrections) = &dataset.feedback_sha256 { ", with corrections " code { (short(corrections)) } }
    }
}

/// Versions of one data set, in the order of the list.
struct Origin<'a> {
    dataset: Option<&'a LineageDataset>,
    versions: Vec<&'a VersionInfo>,
}

fn origins(versions: &[VersionInfo]) -> Vec<Origin<'_>> {
    let mut origins: Vec<Origin<'_>> = Vec::new();
    for version in versions {
        let dataset = version.lineage.as_ref().map(|lineage| &lineage.dataset);
        let bytes = |dataset: Option<&LineageDataset>| {
            dataset.map(|dataset| (dataset.sha256.clone(), dataset.feedback_sha256.clone()))
        };
        match origins
            .iter_mut()
            .find(|origin| bytes(origin.dataset) == bytes(dataset))
        {
            Some(origin) => origin.versions.push(version),
            None => origins.push(Origin {
                dataset,
                versions: vec![version],
            }),
        }
    }
    origins
}

/// The lists: data sets, below each its trainings, below each the version and its promotions.
pub(super) fn tree(page: &Page, info: &Info) -> Markup {
    html! {
        ul.tree {
            @for origin in origins(&info.versions) {
                li {
                    @match origin.dataset {
                        Some(data) => { strong { "Data set" } " " (dataset(data)) }
                        None => { strong { "Recorded by hand" } ", without a lineage" }
                    }
                    ul {
                        @for version in &origin.versions { li { (training(page, info, version)) } }
                    }
                }
            }
        }
    }
}

fn training(page: &Page, info: &Info, version: &VersionInfo) -> Markup {
    let lineage = version.lineage.as_ref();
    let name = lineage
        .map(|lineage| lineage.training_run.as_str())
        .filter(|name| !name.is_empty());
    let run = name.and_then(|name| info.runs.iter().find(|run| run.name == name));
    html! {
        @match name {
            Some(name) => { "Training " (run_link(name, run)) }
            None => "No training is named",
        }
        @if let Some(lineage) = lineage {
            ", " (counted(lineage.rows, "row", "rows"))
            @if let Some(parent) = &lineage.parent { ", beside champion " a href=(Path::version(&version.namespace, parent)) { (text(parent)) } }
        }
        @if version.adaptation.is_some() { ", adapted to the mix of the traffic" }
        ul {
            li {
                "Version " a href=(Path::version(&version.namespace, &version.name)) { (text(&version.name)) }
                " " code { (short(&version.sha256)) } " " (stage(version.stage))
                (promotions(page, info, version))
            }
        }
    }
}

/// A run that is gone has no page.
fn run_link(name: &str, run: Option<&RunInfo>) -> Markup {
    match run {
        Some(run) => html! { a href=(Path::run(&run.namespace, &run.name)) { (text(name)) } },
        None => html! { (text(name)) " (its record is gone)" },
    }
}

fn promotions(page: &Page, info: &Info, version: &VersionInfo) -> Markup {
    let all = info.classifiers.iter().flat_map(|classifier| &classifier.promotions);
    let own: Vec<_> = all
        .filter(|promotion| promotion.sha256 == version.sha256 && promotion.version == version.name)
        .collect();
    html! {
        @if !own.is_empty() {
            ul {
                @for promotion in own {
                    li { "Promoted " (instant_of(promotion.time)) " (" (ago(promotion.time, page.now)) "): " (in_words(promotion.reason)) }
                }
            }
        }
    }
}
