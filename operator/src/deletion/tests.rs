//! Fates of files over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    build,
    finalizer::{Decision, decide},
    finalizers,
    gather::{Named, Seen},
    plan::{Fate, Plan, plan},
    status,
};
use crate::{
    change::{Change, steps},
    object::{digest_of, owner_reference},
    settings::Settings,
    store_job,
};

fn sha(name: &str) -> String {
    digest_of(&name)
}

fn deleted_at() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().expect("a time")
}

fn after(seconds: i64) -> Timestamp {
    deleted_at() + SignedDuration::from_secs(seconds)
}

fn classifier() -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid" }, "spec": {},
    }))
    .expect("a ComplaintClassifier")
}

fn uri(name: &str) -> String {
    format!("pvc://cards-artifacts/default/cards/{}/model.safetensors", sha(name))
}

/// A version whose files go with it.
fn version(name: &str) -> ModelVersion {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-uid"), "resourceVersion": "7",
                      "finalizers": ["example.com/theirs", "complaints.dev/artifact"] },
        "spec": { "classifierRef": { "name": "cards" }, "deletionPolicy": "Delete",
                  "artifact": { "uri": uri(name), "sha256": sha(name) } },
    }))
    .expect("a ModelVersion")
}

/// That version while it is being deleted.
fn deleted(name: &str) -> ModelVersion {
    edited(version(name), |version| {
        version["metadata"]["deletionTimestamp"] = json!(deleted_at())
    })
}

fn edited(version: ModelVersion, edit: impl Fn(&mut Value)) -> ModelVersion {
    let mut value = json!(version);
    edit(&mut value);
    serde_json::from_value(value).expect("a ModelVersion")
}

fn seen(names: &[&str]) -> Seen {
    Seen {
        deleted: names.iter().map(|name| deleted(name)).collect(),
        ..Seen::default()
    }
}

/// The Job that a plan starts, as the cache keeps it.
fn job(plan: &Plan<'_>) -> Job {
    let owner = owner_reference(&classifier()).expect("a uid");
    let request = plan.start.as_ref().expect("a Job starts");
    let Change::CreateOwned(manifest, _) = build::job(&classifier(), request, &owner, &Settings::default()) else {
        panic!("a Job is made");
    };
    let mut job: Job = serde_json::from_value(manifest.body).expect("a Job");
    job.metadata.uid = Some("job-uid".into());
    job
}

/// The Job with an end, and its pod.
fn ended(job: Job, condition: &str, exit_code: i32, message: &Value) -> (Job, Vec<Pod>) {
    let (job, pod) = store_job::tests::ended(job, condition, exit_code, &message.to_string());
    (job, vec![pod])
}

fn fates(plan: &Plan<'_>) -> Vec<(String, Fate)> {
    let released = plan.released.iter();
    released
        .map(|(version, fate)| (version.name_any(), fate.clone()))
        .collect()
}

fn why(fate: &Fate) -> &str {
    match fate {
        Fate::Left { why } => why,
        other => panic!("{other:?}"),
    }
}

fn only_fate(seen: &Seen, seconds: i64) -> Fate {
    let mut fates = fates(&plan(&classifier(), seen, after(seconds)));
    assert_eq!(fates.len(), 1, "{fates:?}");
    fates.remove(0).1
}

#[test]
fn a_job_deletes_the_artifacts_of_all_versions_that_go() {
    let mut seen = seen(&["a", "b"]);
    // The same artifact under another name.
    seen.deleted
        .push(edited(deleted("a"), |version| version["metadata"]["name"] = json!("c")));
    let planned = plan(&classifier(), &seen, after(1));
    assert_eq!((planned.released.len(), planned.waiting.len()), (0, 3));
    let job = job(&planned);
    let pod = job
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
        .expect("a pod");
    let args = pod.containers[0].args.as_ref().expect("arguments");
    assert_eq!(args[..2], ["delete", "--request"]);
    let request: Value = serde_json::from_str(&args[2]).expect("a request");
    assert_eq!(
        request,
        json!({ "namespace": "default", "classifier": "cards", "digests": [sha("a"), sha("b")], "keepPromotions": 2, "dryRun": false })
    );
    let mount = &pod.containers[0].volume_mounts.as_ref().expect("mounts")[0];
    assert_eq!((mount.name.as_str(), mount.read_only), ("store", None), "it writes");
    assert_eq!(job.owner_references()[0].uid, "cc-uid");

    // While it works, versions wait.
    seen.job = Some(job.clone());
    let working = plan(&classifier(), &seen, after(2));
    assert!(working.released.is_empty() && working.start.is_none() && working.finished.is_none());
    // Its answer lets them go, and then it goes itself.
    let answer = json!({ "deletedCount": 1, "deletedBytes": 10, "deleted": [{ "sha256": sha("a"), "bytes": 10 }],
                         "missingCount": 1, "missing": [sha("b")] });
    (seen.job, seen.pods) = {
        let (job, pods) = ended(job, "Complete", 0, &answer);
        (Some(job), pods)
    };
    let answered = plan(&classifier(), &seen, after(3));
    let expected = [
        ("a".to_owned(), Fate::Deleted { bytes: 10 }),
        ("b".to_owned(), Fate::Absent),
        ("c".to_owned(), Fate::Deleted { bytes: 10 }),
    ];
    assert_eq!(fates(&answered), expected);
    let changes = build::build(&answered);
    assert_eq!(
        steps(&changes),
        [
            "change ModelVersion a",
            "change ModelVersion b",
            "change ModelVersion c",
            "delete Job cards-delete"
        ]
    );
    let Change::Merge(target, patch) = &changes[0] else {
        panic!("a patch");
    };
    assert_eq!(*patch, json!({ "metadata": { "finalizers": ["example.com/theirs"] } }));
    assert_eq!(target.resource_version.as_deref(), Some("7"));
    let told = status::deleted(&answered).expect("an Event");
    assert_eq!(
        told.note,
        "the files of 1 artifact were deleted from the store (10 bytes)"
    );
}

#[test]
fn what_something_else_names_is_kept() {
    let named = |sha256: String, uri: Option<&str>| Named {
        by: "ModelVersion other in namespace default".into(),
        sha256,
        uri: uri.map(str::to_owned),
    };
    let here = uri("a");
    let cases = [
        (named(sha("a"), Some(&here)), true),
        // A record that does not say where, and the same place under another name.
        (named(sha("a"), None), true),
        (named(sha("a"), Some(&here.replace("cards-artifacts", "shared"))), true),
        (
            named(
                sha("a"),
                Some(&here.replace("pvc://cards-artifacts", "s3://models/prod")),
            ),
            true,
        ),
        // The same bytes, which are another file.
        (named(sha("a"), Some(&here.replace("/default/", "/staging/"))), false),
        (named(sha("b"), Some(&here)), false),
    ];
    for (other, keeps) in cases {
        let mut seen = seen(&["a"]);
        seen.named = vec![other.clone()];
        let planned = plan(&classifier(), &seen, after(1));
        assert_eq!(planned.start.is_none(), keeps, "{other:?}");
        if keeps {
            let by = other.by.clone();
            assert_eq!(fates(&planned), [("a".into(), Fate::Kept { by })]);
            let told = status::notice(&seen.deleted[0], &only_fate(&seen, 1)).expect("an Event");
            assert!(
                told.reason == "FilesKept" && told.note.contains(&other.by),
                "{}",
                told.note
            );
        }
    }
    // The store's own record knows more than this cluster.
    let mut seen = seen(&["a"]);
    let job = job(&plan(&classifier(), &seen, after(1)));
    let answer = json!({ "keptCount": 1, "kept": [{ "sha256": sha("a"), "reason": "Promoted" }] });
    let (job, pods) = ended(job, "Complete", 0, &answer);
    (seen.job, seen.pods) = (Some(job), pods);
    let by = "the store's champion.json".into();
    assert_eq!(only_fate(&seen, 2), Fate::Kept { by });
}

#[test]
fn a_job_stops_when_something_names_what_it_deletes() {
    let mut seen = seen(&["a", "b"]);
    seen.job = Some(job(&plan(&classifier(), &seen, after(1))));
    seen.named = vec![Named {
        by: "ModelVersion new in namespace default".into(),
        sha256: sha("b"),
        uri: Some(uri("b")),
    }];
    let planned = plan(&classifier(), &seen, after(2));
    assert_eq!(
        steps(&build::build(&planned)),
        ["change ModelVersion b", "delete Job cards-delete"]
    );
    assert_eq!(planned.waiting.len(), 1);
    // The next one is made for the rest.
    seen.job = None;
    let request = plan(&classifier(), &seen, after(3)).start.expect("a Job");
    assert_eq!(
        request.digests.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [sha("a")]
    );
}

#[test]
fn nothing_outside_the_folder_of_its_digest_is_deleted() {
    let outside = [
        "pvc://other/default/cards/DIGEST/model.safetensors",
        "s3://cards-artifacts/default/cards/DIGEST/model.safetensors",
        "pvc://cards-artifacts/default/loans/DIGEST/model.safetensors",
        "pvc://cards-artifacts/staging/cards/DIGEST/model.safetensors",
        "pvc://cards-artifacts/default/cards/../cards/DIGEST/model.safetensors",
        "pvc://cards-artifacts/default/cards/DIGEST/other.safetensors",
        "pvc://cards-artifacts/cards/model.safetensors",
    ];
    for uri in outside {
        let uri = uri.replace("DIGEST", &sha("a"));
        let version = edited(deleted("a"), |version| version["spec"]["artifact"]["uri"] = json!(uri));
        let seen = Seen {
            deleted: vec![version],
            ..Seen::default()
        };
        assert!(why(&only_fate(&seen, 1)).contains("not in the folder"), "{uri}");
        let told = status::notice(&seen.deleted[0], &only_fate(&seen, 1)).expect("an Event");
        let folder = uri.rsplit_once('/').expect("a folder").0;
        assert!(told.warning && told.note.contains(folder), "{}", told.note);
    }
}

#[test]
fn a_version_goes_when_its_files_can_not_be_deleted() {
    let mut missing = seen(&["a"]);
    missing.is_store_missing = true;
    assert!(why(&only_fate(&missing, 1)).contains("PersistentVolumeClaim"));

    let mut seen = seen(&["a"]);
    let made = job(&plan(&classifier(), &seen, after(1)));
    // A final failure says why; one that may pass is tried again for as long as there is time.
    let failure = |reason: &str| json!({ "error": { "reason": reason, "message": "m" } });
    let (job, pods) = ended(made.clone(), "Failed", 65, &failure("StoreForbidden"));
    (seen.job, seen.pods) = (Some(job), pods);
    assert_eq!(why(&only_fate(&seen, 2)), "StoreForbidden: m");
    let (job, pods) = ended(made.clone(), "Failed", 1, &failure("StoreUnavailable"));
    (seen.job, seen.pods) = (Some(job), pods);
    let again = plan(&classifier(), &seen, after(2));
    assert_eq!(steps(&build::build(&again)), ["delete Job cards-delete"]);
    // So is an answer that went with its pod.
    let (job, _) = ended(made.clone(), "Complete", 0, &json!({}));
    (seen.job, seen.pods) = (Some(job), vec![]);
    assert_eq!(
        steps(&build::build(&plan(&classifier(), &seen, after(2)))),
        ["delete Job cards-delete"]
    );
    // After ten minutes it goes in any case.
    (seen.job, seen.pods) = (Some(made.clone()), vec![]);
    assert!(plan(&classifier(), &seen, after(599)).released.is_empty());
    let late = plan(&classifier(), &seen, after(600));
    assert_eq!(
        steps(&build::build(&late)),
        ["change ModelVersion a", "delete Job cards-delete"]
    );
    assert!(why(&only_fate(&seen, 600)).contains("did not end within ten minutes"));
    seen.job = None;
    assert!(why(&only_fate(&seen, 600)).contains("no Job could be made"));
    // And at once in a namespace that goes.
    let planned = plan(&classifier(), &seen, after(1));
    let left = planned.left("the namespace is being deleted");
    assert_eq!(why(&fates(&left)[0].1), "the namespace is being deleted");
}

#[test]
fn a_pod_that_does_not_start_is_the_reason_in_the_end() {
    let mut seen = seen(&["a"]);
    let made = job(&plan(&classifier(), &seen, after(1)));
    let (_, mut pods) = ended(made.clone(), "Complete", 0, &json!({}));
    pods[0].status = serde_json::from_value(json!({ "phase": "Pending", "containerStatuses": [{
        "name": "trainer", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "CreateContainerConfigError", "message": "secret \"keys\" not found" } } }] }))
    .expect("a status");
    (seen.job, seen.pods) = (Some(made), pods);
    assert!(plan(&classifier(), &seen, after(599)).released.is_empty());
    assert!(why(&only_fate(&seen, 600)).contains("secret \"keys\" not found"));
}

#[test]
fn a_job_that_nobody_waits_for_goes() {
    let first = seen(&["a"]);
    let made = job(&plan(&classifier(), &first, after(1)));
    for names in [&[][..], &["b"]] {
        let mut other = seen(names);
        other.job = Some(made.clone());
        let planned = plan(&classifier(), &other, after(2));
        assert_eq!(steps(&build::build(&planned)), ["delete Job cards-delete"], "{names:?}");
        assert!(planned.start.is_none(), "the name is free only then");
    }
}

#[test]
fn a_job_names_no_more_than_its_answer_can() {
    let names: Vec<String> = (0..70).map(|number| format!("v{number}")).collect();
    let seen = seen(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let planned = plan(&classifier(), &seen, after(1));
    assert_eq!(planned.start.as_ref().map(|request| request.digests.len()), Some(30));
    assert_eq!(planned.waiting.len(), 70);
}

#[test]
fn the_finalizer_follows_the_policy() {
    let cards = classifier();
    let orphan = |version: ModelVersion| edited(version, |version| version["spec"]["deletionPolicy"] = json!("Orphan"));
    let bare = |version: ModelVersion| edited(version, |version| version["metadata"]["finalizers"] = json!([]));
    let going = deleted("a");
    let is_left = |decision: &Decision| matches!(decision, Decision::Release(Fate::Left { .. }));
    assert_eq!(decide(&version("a"), Some(&cards)), Decision::Keep);
    assert_eq!(decide(&bare(version("a")), None), Decision::Set);
    assert_eq!(
        finalizers(&bare(version("a"))),
        Some(vec!["complaints.dev/artifact".into()])
    );
    assert_eq!(decide(&orphan(version("a")), Some(&cards)), Decision::Set);
    assert_eq!(
        finalizers(&orphan(version("a"))),
        Some(vec!["example.com/theirs".into()])
    );
    assert_eq!(decide(&bare(orphan(version("a"))), Some(&cards)), Decision::Keep);
    // While it is being deleted none can be added.
    assert_eq!(decide(&bare(going.clone()), Some(&cards)), Decision::Keep);
    assert_eq!(decide(&going, Some(&cards)), Decision::Keep);
    assert_eq!(
        decide(&orphan(going.clone()), Some(&cards)),
        Decision::Release(Fate::Orphaned)
    );
    assert!(is_left(&decide(&going, None)));
    let mut leaving = cards;
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!(deleted_at())).expect("a time");
    assert!(is_left(&decide(&going, Some(&leaving))));
}
