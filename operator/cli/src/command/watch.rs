//! `--watch`: a view that is printed again whenever an object changes.

use std::{collections::HashMap, pin::pin, time::Duration};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    ResourceExt,
    core::DeserializeGuard,
    runtime::watcher::{self, Event, watcher},
};

use super::show::View;
use crate::{
    cluster::{Cluster, Kind},
    console::Console,
    error::Error,
    info::{Info, Objects},
    render::Format,
};

/// Changes within so short a time are drawn once.
const TOGETHER: Duration = Duration::from_millis(150);
/// How often ages are drawn again on a terminal.
const AGEING: Duration = Duration::from_secs(5);
/// Clears a terminal from its upper left corner on.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// A change of one of the three kinds.
type Change = Box<dyn FnOnce(&mut Seen)>;

/// The objects of a kind that a watch has told of.
struct Kept<K: Kind> {
    objects: HashMap<(String, String), DeserializeGuard<K>>,
    /// Those of a list that is not complete.
    listed: HashMap<(String, String), DeserializeGuard<K>>,
    complete: bool,
}

impl<K: Kind> Default for Kept<K> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            listed: HashMap::new(),
            complete: false,
        }
    }
}

impl<K: Kind> Kept<K> {
    fn keep(&mut self, event: Event<DeserializeGuard<K>>) {
        let key = |object: &DeserializeGuard<K>| (object.namespace().unwrap_or_default(), object.name_any());
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => drop(self.listed.insert(key(&object), object)),
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listed);
                self.complete = true;
            }
            Event::Apply(object) => drop(self.objects.insert(key(&object), object)),
            Event::Delete(object) => drop(self.objects.remove(&key(&object))),
        }
    }

    fn all(&self) -> Vec<DeserializeGuard<K>> {
        self.objects.values().cloned().collect()
    }
}

#[derive(Default)]
struct Seen {
    classifiers: Kept<ComplaintClassifier>,
    versions: Kept<ModelVersion>,
    runs: Kept<TrainingRun>,
}

impl Seen {
    fn info(&self) -> Option<Info> {
        if !(self.classifiers.complete && self.versions.complete && self.runs.complete) {
            return None;
        }
        let mut objects = Objects::default();
        objects.add_classifiers(self.classifiers.all());
        objects.add_versions(self.versions.all());
        objects.add_runs(self.runs.all());
        Some(Info::of(&objects))
    }
}

/// Prints the view now and after each change, until the program is ended or the API server refuses.
pub(super) async fn watch(cluster: &Cluster, console: &Console, view: &View<'_>) -> Result<(), Error> {
    let changes = stream::select(
        changes(cluster, |seen| &mut seen.classifiers),
        stream::select(
            changes(cluster, |seen| &mut seen.versions),
            changes(cluster, |seen| &mut seen.runs),
        ),
    );
    let mut changes = pin!(changes);
    let redraws = console.is_terminal && console.format == Format::Table;
    let mut seen = Seen::default();
    let mut shown = String::new();
    loop {
        let ageing = tokio::time::sleep(AGEING);
        tokio::select! {
            change = changes.try_next() => match change? {
                Some(change) => change(&mut seen),
                None => return Ok(()),
            },
            () = ageing, if redraws => {}
        }
        let together = tokio::time::sleep(TOGETHER);
        let mut together = pin!(together);
        loop {
            tokio::select! {
                change = changes.try_next() => match change? {
                    Some(change) => change(&mut seen),
                    None => return Ok(()),
                },
                () = &mut together => break,
            }
        }
        let Some(info) = seen.info() else { continue };
        let text = view(&info)?;
        if redraws {
            console.print(&format!("{CLEAR}{text}"))?;
        } else if text != shown {
            // Documents of YAML need their mark; JSON's need none.
            let gap = match (console.format, shown.is_empty()) {
                (Format::Yaml, _) => "---\n",
                (_, true) => "",
                (_, false) => "\n",
            };
            console.print(&format!("{gap}{text}"))?;
        }
        shown = text;
    }
}

/// The changes of a kind. What the API server refuses ends them; a connection that breaks does not.
fn changes<K: Kind>(
    cluster: &Cluster,
    kept: fn(&mut Seen) -> &mut Kept<K>,
) -> impl futures::Stream<Item = Result<Change, Error>> + use<K> {
    let access = cluster.access::<K>("watch", "");
    kube::runtime::WatchStreamExt::default_backoff(watcher(cluster.api::<K>(), watcher::Config::default())).filter_map(
        move |event| {
            let found = match event {
                Ok(event) => {
                    let change: Change = Box::new(move |seen| kept(seen).keep(event));
                    Some(Ok(change))
                }
                Err(error) => refusal(error).map(|error| Err(Error::of_access(access.clone(), error))),
            };
            std::future::ready(found)
        },
    )
}

/// The error that trying again does not help against.
fn refusal(error: watcher::Error) -> Option<kube::Error> {
    let of = |code: u16| matches!(code, 401 | 403 | 404);
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
            if of(status.code) =>
        {
            Some(kube::Error::Api(status))
        }
        watcher::Error::WatchError(status) if of(status.code) => Some(kube::Error::Api(status)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str) -> DeserializeGuard<TrainingRun> {
        let object = json!({ "metadata": { "name": name, "namespace": "team-a" }, "spec": { "classifierRef": { "name": "cards" },
            "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv", "textField": "narrative", "labelFields": ["category"] } } });
        serde_json::from_value(object).expect("a run")
    }

    fn names(kept: &Kept<TrainingRun>) -> Vec<String> {
        let mut names: Vec<String> = kept.all().iter().map(ResourceExt::name_any).collect();
        names.sort();
        names
    }

    #[test]
    fn a_list_that_is_under_way_hides_nothing_and_replaces_all_at_its_end() {
        let mut kept = Kept::default();
        kept.keep(Event::Init);
        kept.keep(Event::InitApply(named("a")));
        assert!(!kept.complete && names(&kept).is_empty(), "half a list is not shown");
        kept.keep(Event::InitDone);
        kept.keep(Event::Apply(named("b")));
        assert!(kept.complete);
        assert_eq!(names(&kept), ["a", "b"]);
        // The watch broke, and `a` was deleted meanwhile.
        kept.keep(Event::Init);
        kept.keep(Event::InitApply(named("b")));
        assert_eq!(names(&kept), ["a", "b"]);
        kept.keep(Event::InitDone);
        assert_eq!(names(&kept), ["b"]);
        kept.keep(Event::Delete(named("b")));
        assert!(names(&kept).is_empty());
    }

    #[test]
    fn only_what_trying_again_does_not_help_against_ends_a_watch() {
        let failed = |code: u16| {
            let status =
                serde_json::from_value(json!({ "code": code, "message": "no", "reason": "R" })).expect("a status");
            refusal(watcher::Error::InitialListFailed(kube::Error::Api(status))).is_some()
        };
        assert_eq!(
            [401, 403, 404, 410, 429, 500, 503].map(failed),
            [true, true, true, false, false, false, false]
        );
    }
}
