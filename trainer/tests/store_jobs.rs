//! What short Jobs do with a store on a volume: delete, expire, record, show; and a training that is not needed.

mod support;

use std::path::{Path, PathBuf};

use complaint_contract::{DeleteRequest, DeleteResult, ExpireResult, ExpiredRows, KeptReason, Promotions, RunResult};
use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use support::{Ended, Job, csv, rows};

fn digest(number: usize) -> Sha256Digest {
    Sha256Digest::of_bytes(&number.to_be_bytes())
}

/// A store with some versions' folders, and what must not be touched.
struct Versions {
    job: Job,
    root: PathBuf,
}

impl Versions {
    fn new(count: usize) -> Self {
        let job = Job::new();
        let root = job.path("store");
        let versions = Self { job, root };
        for number in 0..count {
            versions.file(&format!("default/cards/{}/model.safetensors", digest(number)), "model");
            versions.file(&format!("default/cards/{}/results/cards-1.json", digest(number)), "{}");
            versions.file(&format!("default/cards/{}/modelversion.yaml", digest(number)), "record");
            versions.file(&format!("default/loans/{}/modelversion.yaml", digest(number)), "record");
        }
        versions.file("default/cards/feedback/2026-11-29/a.jsonl", "kept");
        versions
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn run(&self, command: &str, request: &Value) -> Ended {
        let json = request.to_string();
        let store = self.root.display().to_string();
        self.job.short(&[command, "--store", &store, "--request", &json])
    }

    fn record(&self, number: usize, minute: usize) -> Ended {
        self.run(
            "record",
            &json!({ "namespace": "default", "classifier": "cards", "promotion": {
                "version": format!("cards-{number}"), "sha256": digest(number), "previous": "cards-0", "reason": "Better",
                "time": format!("2026-11-29T03:{minute:02}:00Z") } }),
        )
    }

    fn delete(&self, digests: &[usize], more: Value) -> Ended {
        let mut request = json!({ "namespace": "default", "classifier": "cards",
                                  "digests": digests.iter().map(|&number| digest(number)).collect::<Vec<_>>() });
        for (key, value) in more.as_object().unwrap() {
            request[key] = value.clone();
        }
        self.run("delete", &request)
    }

    /// Those versions that are still there, of `count`.
    fn left(&self, classifier: &str, count: usize) -> Vec<usize> {
        let folder = self.root.join("default").join(classifier);
        (0..count)
            .filter(|&number| folder.join(digest(number).to_string()).exists())
            .collect()
    }
}

fn deleted(ended: &Ended) -> DeleteResult {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    DeleteResult::read(&ended.message.to_string()).unwrap()
}

#[test]
fn artifacts_are_deleted_unless_something_names_them() {
    let versions = Versions::new(8);
    for (number, minute) in [(1, 1), (2, 2), (3, 3)] {
        assert_eq!(versions.record(number, minute).message["written"], true);
    }
    let all = [0, 1, 2, 3, 4, 5, 6, 99];
    let dry = deleted(&versions.delete(&all, json!({ "keep": [digest(5)], "dryRun": true })));
    assert_eq!(versions.left("cards", 8).len(), 8);
    let result = deleted(&versions.delete(&all, json!({ "keep": [digest(5)] })));
    assert_eq!(result, DeleteResult { dry_run: false, ..dry });
    assert_eq!(
        versions.left("cards", 8),
        [2, 3, 5, 7],
        "champion, previous champion, listed, not asked for"
    );
    assert_eq!(versions.left("loans", 8).len(), 8);
    assert!(versions.root.join("default/cards/feedback/2026-11-29/a.jsonl").exists());
    let mut reasons: Vec<_> = result.kept.iter().map(|kept| (kept.sha256, kept.reason)).collect();
    reasons.sort_by_key(|(sha256, _)| *sha256);
    let mut expected = vec![
        (digest(2), KeptReason::Promoted),
        (digest(3), KeptReason::Promoted),
        (digest(5), KeptReason::Listed),
    ];
    expected.sort_by_key(|(sha256, _)| *sha256);
    assert_eq!(reasons, expected);
    assert_eq!(
        (result.deleted_count, result.kept_count, result.missing),
        (4, 3, vec![digest(99)])
    );
    assert_eq!(
        result.deleted_bytes,
        4 * ("model".len() + "{}".len() + "record".len()) as u64
    );

    // Again: nothing is there any more.
    let again = deleted(&versions.delete(&all, json!({ "keep": [digest(5)] })));
    assert_eq!((again.deleted_count, again.missing_count), (0, 5));
    let none = deleted(&versions.delete(&[2, 3], json!({ "keepPromotions": 0 })));
    assert_eq!(none.deleted_count, 2);
}

#[test]
fn a_store_that_is_not_there_has_nothing_to_delete() {
    let mut versions = Versions::new(0);
    versions.root = versions.job.path("nowhere");
    let result = deleted(&versions.delete(&[1, 2], json!({})));
    assert_eq!((result.deleted_count, result.missing_count), (0, 2));
    assert!(!versions.root.exists());
}

#[test]
fn a_deletion_never_leaves_the_classifiers_folder() {
    let versions = Versions::new(2);
    for (field, value) in [
        ("namespace", "../default"),
        ("classifier", "cards/.."),
        ("classifier", ".."),
        ("namespace", ""),
    ] {
        versions
            .delete(&[0], json!({ field: value }))
            .fails(64, "InvalidConfiguration", &[field]);
    }
    versions
        .delete(&[0], json!({ "digests": ["../cards"] }))
        .fails(64, "InvalidConfiguration", &["digests"]);
    versions
        .delete(&[0], json!({ "digests": vec![digest(1); 1001] }))
        .fails(64, "InvalidConfiguration", &["1001", "1000"]);
    versions
        .delete(&[0], json!({ "force": true }))
        .fails(64, "InvalidConfiguration", &["force"]);
    assert_eq!(versions.left("cards", 2), [0, 1]);

    // Without a readable record of the promotions nobody knows what serves.
    versions.file("default/cards/champion.json", "{ half");
    versions
        .delete(&[0], json!({}))
        .fails(65, "PromotionsUnreadable", &["champion.json", "nothing was changed"]);
    versions
        .record(1, 1)
        .fails(65, "PromotionsUnreadable", &["champion.json"]);
    let content = std::fs::read_to_string(versions.root.join("default/cards/champion.json")).unwrap();
    assert_eq!(content, "{ half");
    assert_eq!(versions.left("cards", 2), [0, 1]);

    // A link in place of a folder: what it leads to stays.
    let versions = Versions::new(1);
    let link = versions.root.join("default/cards").join(digest(7).to_string());
    std::os::unix::fs::symlink(versions.root.join("default/loans").join(digest(0).to_string()), &link).unwrap();
    let result = versions.delete(&[7], json!({}));
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(
        versions
            .root
            .join(format!("default/loans/{}/modelversion.yaml", digest(0)))
            .exists()
    );
}

/// The files below a folder of the classifier `cards`, by path.
fn files(versions: &Versions, kind: &str) -> Vec<String> {
    let root = versions.root.join("default/cards").join(kind);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(&root).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn days_before_a_date_expire_and_nothing_else() {
    let versions = Versions::new(1);
    for kind in ["feedback", "capture"] {
        for path in [
            "2026-09-30/a-000001.jsonl.gz",
            "2026-10-01/a-000001.jsonl.gz",
            "2026-10-01/a-000002.jsonl.gz",
            "2026-10-02/b-000001.jsonl.gz",
        ] {
            versions.file(&format!("default/cards/{kind}/{path}"), "rows");
            versions.file(&format!("default/loans/{kind}/{path}"), "rows");
        }
    }
    // What no server wrote.
    let others = [
        "2026-09-30/notes.txt",
        "2026-09-30/more/a-000001.jsonl.gz",
        "old/a-000001.jsonl.gz",
        "2020-01-01.jsonl.gz",
    ];
    for path in others {
        versions.file(&format!("default/cards/feedback/{path}"), "mine");
    }
    let request = |more: Value| {
        let mut request = json!({ "namespace": "default", "classifier": "cards" });
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        request
    };
    let expire = |more: Value| {
        let ended = versions.run("expire", &request(more));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ExpireResult::read(&ended.message.to_string()).unwrap()
    };
    let before = files(&versions, "feedback");
    let expected = ExpireResult {
        dry_run: true,
        feedback: ExpiredRows {
            days: 2,
            segments: 3,
            bytes: 12,
        },
        capture: ExpiredRows::default(),
    };
    assert_eq!(
        expire(json!({ "feedbackBefore": "2026-10-02", "dryRun": true })),
        expected
    );
    assert_eq!(files(&versions, "feedback"), before);
    let result = expire(json!({ "feedbackBefore": "2026-10-02" }));
    assert_eq!(
        result,
        ExpireResult {
            dry_run: false,
            ..expected
        }
    );
    let mut left = ["2026-10-02/b-000001.jsonl.gz", "2026-11-29/a.jsonl"].to_vec();
    left.extend(others);
    left.sort_unstable();
    assert_eq!(files(&versions, "feedback"), left);
    assert!(
        !versions.root.join("default/cards/feedback/2026-10-01").exists(),
        "no empty folder stays"
    );
    assert_eq!(files(&versions, "capture").len(), 4);
    assert_eq!(
        expire(json!({ "feedbackBefore": "2026-10-02" })),
        ExpireResult::default(),
        "again"
    );

    let both = expire(json!({ "feedbackBefore": "2026-10-01", "captureBefore": "2026-10-01" }));
    assert_eq!((both.feedback.segments, both.capture.segments), (0, 1));
    assert_eq!(expire(json!({})), ExpireResult::default());
    let of_loans = versions
        .root
        .join("default/loans/feedback/2026-09-30/a-000001.jsonl.gz");
    assert!(of_loans.exists() && versions.left("cards", 1) == [0]);

    // A day that is none, and one whose rows a server may still write.
    let today = jiff::Timestamp::now().to_string()[..10].to_owned();
    for day in [
        "yesterday",
        "2026-13-01",
        "2026-10-1",
        "2026-10-02T00:00:00Z",
        "",
        &today,
        "9999-12-31",
    ] {
        for field in ["feedbackBefore", "captureBefore"] {
            versions
                .run("expire", &request(json!({ field: day })))
                .fails(64, "InvalidConfiguration", &[field]);
        }
    }
    versions
        .run(
            "expire",
            &request(json!({ "classifier": "../cards", "feedbackBefore": "2026-10-02" })),
        )
        .fails(64, "InvalidConfiguration", &["classifier"]);
    versions
        .run("expire", &request(json!({ "before": "2026-10-02" })))
        .fails(64, "InvalidConfiguration", &["before"]);
    assert_eq!(files(&versions, "feedback"), left);
}

#[test]
fn promotions_are_recorded_once_in_their_order() {
    let versions = Versions::new(0);
    let show = || {
        let ended = show(&versions.job, &["--champion"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        Promotions::read(&ended.message.to_string()).unwrap().promotions
    };
    assert_eq!(show(), []);
    assert_eq!(
        versions.record(2, 2).message,
        json!({ "written": true, "promotions": 1 })
    );
    let file = versions.root.join("default/cards/champion.json");
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(
        versions.record(2, 2).message,
        json!({ "written": false, "promotions": 1 })
    );
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), before);
    // One that comes late, and a return to it.
    versions.record(1, 1);
    versions.record(1, 3);
    let names: Vec<String> = show().into_iter().map(|promotion| promotion.version).collect();
    assert_eq!(names, ["cards-1", "cards-2", "cards-1"]);
    assert_eq!(
        std::fs::read_dir(file.parent().unwrap()).unwrap().count(),
        2,
        "no partial file stays"
    );

    let wrong = |field: &str, value: &str| {
        let mut request = json!({ "namespace": "default", "classifier": "cards", "promotion": {
            "version": "cards-1", "sha256": digest(1), "reason": "Better", "time": "2026-11-29T03:00:00Z" } });
        request["promotion"][field] = value.into();
        versions.run("record", &request)
    };
    wrong("time", "yesterday").fails(64, "InvalidConfiguration", &["promotion.time"]);
    wrong("reason", "a long story").fails(64, "InvalidConfiguration", &["promotion.reason"]);
    wrong("version", "../x").fails(64, "InvalidConfiguration", &["promotion.version"]);
    wrong("sha256", "abc").fails(64, "InvalidConfiguration", &["promotion.sha256"]);
}

/// What `show` says of the classifier `cards`.
fn show(job: &Job, arguments: &[&str]) -> Ended {
    let store = job.path("store").display().to_string();
    let place = [
        "show",
        "--store",
        &store,
        "--namespace",
        "default",
        "--classifier",
        "cards",
    ];
    job.short(&[&place[..], arguments].concat())
}

#[test]
fn a_lost_message_is_read_again() {
    let mut job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let hash = "ab".repeat(32);
    let first = job.run_with(&data, &["--run-uid", "uid-1"], "2");
    assert_eq!(first.code, 0, "{}", first.stderr);
    let run = ["--run", "cards-1", "--spec-hash", &hash];
    assert_eq!(show(&job, &run).message, first.message);
    assert_eq!(
        show(&job, &[&run[..], &["--run-uid", "uid-1"]].concat()).message,
        first.message
    );
    let sha256 = first.message["artifact"]["sha256"].as_str().unwrap();
    assert_eq!(show(&job, &["--digest", sha256]).message, first.message);

    // Another run that makes the same model has its own result.
    job.config["name"] = "cards-2".into();
    let second = job.run(&data);
    assert_eq!(second.message["artifact"], first.message["artifact"]);
    assert_eq!(
        show(&job, &["--run", "cards-2", "--spec-hash", &hash]).message,
        second.message
    );

    // One of this name with changed data: the last one counts.
    job.config["name"] = "cards-1".into();
    let third = job.run_with(&job.file("more.csv", csv(&rows()[..200])), &["--run-uid", "uid-3"], "2");
    assert_eq!(show(&job, &run).message, third.message);
    assert_eq!(
        show(&job, &[&run[..], &["--run-uid", "uid-1"]].concat()).message,
        first.message
    );

    let others = [
        &["--run", "cards-3", "--spec-hash", hash.as_str()][..],
        &["--run", "cards-1", "--spec-hash", "other"],
        &["--run", "cards-1", "--spec-hash", hash.as_str(), "--run-uid", "uid-2"],
    ];
    for other in others {
        show(&job, other).fails(65, "ResultNotFound", &["default/cards"]);
    }
    show(&job, &["--digest", &"0".repeat(64)]).fails(65, "ResultNotFound", &["0000"]);
    // An incomplete folder has no result.
    let record = job
        .path("store")
        .join(format!("default/cards/{sha256}/modelversion.yaml"));
    std::fs::remove_file(record).unwrap();
    show(&job, &["--digest", sha256]).fails(65, "ResultNotFound", &[sha256]);
    assert_eq!(show(&job, &run).message, third.message);
    assert_eq!(show(&job, &["--run", "../x", "--spec-hash", "a"]).code, 64);
}

#[test]
fn manifests_are_imported_from_a_store() {
    let mut job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    job.run(&data);
    job.config["namespace"] = "other".into();
    job.config["dataset"]["minSamplesPerClass"] = 6.into();
    job.run(&data);
    let store = job.path("store");
    std::fs::create_dir_all(store.join("default/cards").join(digest(1).to_string())).unwrap();
    std::fs::write(
        store
            .join("default/cards")
            .join(digest(1).to_string())
            .join("modelversion.yaml"),
        "{}",
    )
    .unwrap();
    let manifests = |arguments: &[&str]| {
        let output = support::trainer()
            .args(["show", "--modelversions", "--store", store.to_str().unwrap()])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let documents = text.split("---\n").filter(|document| !document.trim().is_empty());
        let versions: Vec<Value> = documents
            .map(|document| serde_saphyr::from_str(document).unwrap())
            .collect();
        (versions, String::from_utf8(output.stderr).unwrap())
    };
    let (all, said) = manifests(&["--claim", "models"]);
    assert_eq!(all.len(), 2);
    assert!(said.contains(&digest(1).to_string()), "{said}");
    for version in &all {
        let (namespace, sha256) = (
            &version["metadata"]["namespace"],
            &version["spec"]["artifact"]["sha256"],
        );
        let uri = version["spec"]["artifact"]["uri"].as_str().unwrap();
        let path = uri.strip_prefix("pvc://models/").unwrap();
        assert_eq!(
            Sha256Digest::of_bytes(&std::fs::read(store.join(path)).unwrap()).to_string(),
            *sha256
        );
        assert!(path.starts_with(namespace.as_str().unwrap()));
        assert!(version["spec"]["lineage"]["dataset"]["minSamplesPerClass"].is_number());
    }
    let (one, _) = manifests(&["--namespace", "other", "--classifier", "cards"]);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["metadata"]["namespace"], "other");
    assert_eq!(manifests(&["--namespace", "nobody"]).0.len(), 0);
}

#[test]
fn a_known_data_set_is_not_trained_on_again() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let known = Sha256Digest::of_bytes(&std::fs::read(&data).unwrap());
    let ended = job.run_with(&data, &["--known-dataset", &known.to_string()], "2");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message, json!({ "unchanged": { "datasetSha256": known } }));
    let RunResult::Unchanged(unchanged) = RunResult::read(&ended.message.to_string()).unwrap() else {
        panic!("{}", ended.message);
    };
    assert_eq!(unchanged.dataset_sha256, known);
    assert!(!Path::new(&job.path("store")).exists(), "nothing is written");
    assert!(
        !ended.stdout.contains("Preprocessing") && ended.stdout.contains("did not change"),
        "{}",
        ended.stdout
    );

    let changed = job.run_with(&data, &["--known-dataset", &"0".repeat(64)], "2");
    let RunResult::Trained(result) = RunResult::read(&changed.message.to_string()).unwrap() else {
        panic!("{}", changed.message);
    };
    assert_eq!(result.dataset.sha256, known);
    assert!(result.evaluation().calibration_error.is_some());
}

#[test]
fn requests_are_bounded_and_one_is_needed() {
    let job = Job::new();
    let store = job.path("store").display().to_string();
    let file = job.file("request.json", " ".repeat((1 << 20) + 1));
    job.short(&["delete", "--store", &store, "--request-file", file.to_str().unwrap()])
        .fails(64, "InvalidConfiguration", &["--request-file", "1048576"]);
    job.short(&["delete", "--store", &store, "--request-file", "/nowhere"])
        .fails(64, "InvalidConfiguration", &["/nowhere"]);
    let request = DeleteRequest {
        namespace: "default".into(),
        classifier: "cards".into(),
        digests: vec![],
        keep: vec![],
        keep_promotions: 2,
        dry_run: false,
    }
    .to_json();
    job.short(&["delete", "--store", &store, "--request", &format!("{request} x")])
        .fails(64, "InvalidConfiguration", &["--request"]);
    assert_eq!(job.short(&["delete", "--store", &store]).code, 64);
    let both = [
        "delete",
        "--store",
        &store,
        "--request",
        &request,
        "--request-file",
        "/nowhere",
    ];
    assert_eq!(job.short(&both).code, 64);
    assert_eq!(job.short(&["delete", "--store", &store, "--request", &request]).code, 0);
}
