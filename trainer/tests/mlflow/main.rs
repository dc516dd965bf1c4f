//! Versions in a tracking server: a real one, read with MLflow's own client.

mod gate;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use complaint_contract::{TrackResult, TrackedOutcome};
use complaint_harness::{MlflowServer, PythonWithMlflow, tests};
use complaint_model::Sha256Digest;
use gate::{Gate, Verdict, json as answered};
use serde_json::{Value, json};
use support::{Ended, Job, csv, rows};

const MODEL: &str = "default.cards";
/// Everything that may not reach a message holds it.
const MARK: &str = "marked";
const TOKEN: (&str, &str) = ("TRACKING_MLFLOW_TRACKING_TOKEN", "marked-token");

/// A store with a trained version.
struct Trained {
    job: Job,
    sha256: String,
    report: Value,
}

impl Trained {
    fn new() -> Self {
        let job = Job::new();
        let data = job.file("cards.csv", csv(&rows()));
        let ended = job.run(&data);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let sha256 = ended.message["artifact"]["sha256"].as_str().unwrap().to_owned();
        let mut trained = Self {
            job,
            sha256,
            report: Value::Null,
        };
        trained.report = serde_json::from_slice(&std::fs::read(trained.file("report.json")).unwrap()).unwrap();
        trained
    }

    fn file(&self, name: &str) -> PathBuf {
        self.job
            .path("store")
            .join("default/cards")
            .join(&self.sha256)
            .join(name)
    }

    fn version(&self, name: &str) -> Value {
        json!({ "name": name, "sha256": self.sha256, "folder": format!("default/cards/{}", self.sha256),
                "time": "2026-11-29T03:00:00Z" })
    }

    fn request(&self, uri: &str, names: &[&str], aliases: Value) -> Value {
        let versions: Vec<Value> = names.iter().map(|name| self.version(name)).collect();
        json!({ "namespace": "default", "classifier": "cards", "versions": versions, "aliases": aliases,
                "mlflow": { "uri": uri, "experiment": "complaints", "registeredModel": MODEL } })
    }

    fn alias(&self, name: &str) -> Value {
        json!({ "name": name, "sha256": self.sha256 })
    }

    fn track(&self, request: &Value, variables: &[(&str, &str)]) -> Ended {
        self.track_within("anywhere", request, variables)
    }

    fn track_within(&self, reach: &str, request: &Value, variables: &[(&str, &str)]) -> Ended {
        let store = self.job.path("store").display().to_string();
        let json = request.to_string();
        let ended = self.job.short_in(
            &["track", "--reach", reach, "--store", &store, "--request", &json],
            variables,
        );
        let all = format!("{}{}{}", ended.message, ended.stdout, ended.stderr);
        assert!(!all.contains(MARK), "{all}");
        ended
    }
}

/// Reads the server.
fn read(server: &MlflowServer, more: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mlflow/read.py");
    let arguments = [&["complaints", MODEL], more].concat();
    let printed = server.read(script.as_ref(), &arguments);
    serde_json::from_str(&printed).unwrap_or(Value::Null)
}

fn outcome(ended: &Ended) -> TrackedOutcome {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    TrackResult::read(&ended.message.to_string())
        .unwrap()
        .versions
        .remove(0)
}

/// Numbers of runs, trials, logged models and registered versions.
fn counts(found: &Value) -> [usize; 4] {
    let trials = found["trials"].as_array().unwrap();
    [
        found["runCount"].as_u64().unwrap() as usize,
        trials.len(),
        found["models"].as_array().unwrap().len(),
        found["versions"].as_object().unwrap().len(),
    ]
}

fn a_server_has_what_its_own_client_would_log(python: PythonWithMlflow) {
    let mut server = MlflowServer::start(&python);
    let trained = Trained::new();
    let first = everything_is_there(&server, &trained);
    a_second_attempt_changes_nothing_and_completes_the_first(&server, &trained, &first);
    aliases_follow(&server, &trained);
    a_database_may_refuse_for_a_moment(&server, &trained);
    an_attempt_may_end_anywhere(&server, &trained);
    credentials_open_the_server(&server, &trained);
    a_broken_version_holds_no_other_up(&server, &trained);

    let request = trained.request(&server.uri(), &["cards-1"], json!({}));
    server.stop();
    trained
        .track(&request, &[])
        .fails(1, "TrackingUnreachable", &[&server.uri(), "NetworkPolicy"]);
    server.restart();
    assert_eq!(outcome(&trained.track(&request, &[])).run_id, first.run_id);
}

fn everything_is_there(server: &MlflowServer, trained: &Trained) -> TrackedOutcome {
    let aliases = json!({ "champion": trained.alias("cards-1") });
    let ended = trained.track(&trained.request(&server.uri(), &["cards-1"], aliases), &[]);
    let logged = outcome(&ended);
    assert_eq!(logged.registered_version.as_deref(), Some("1"), "{}", ended.stderr);

    let found = read(server, &["files"]);
    let report = &trained.report;
    let run = &found["runs"]["cards-1"];
    assert_eq!(run["id"], json!(logged.run_id));
    assert_eq!(
        (&run["status"], &run["start"]),
        (&json!("FINISHED"), &json!(1_795_921_200_000_i64))
    );
    assert_eq!(
        (&run["params"]["algorithm"], &run["params"]["features.wordNgrams"]),
        (&report["algorithm"], &json!("[1,2]"))
    );
    assert_eq!(run["metrics"]["macroF1"], report["metrics"]["macroF1"]);
    for class in report["perClass"].as_array().unwrap() {
        let label = class["label"].as_str().unwrap();
        for metric in ["f1", "precision", "recall"] {
            assert_eq!(
                run["metrics"][format!("class/{label}/{metric}")],
                class[metric],
                "{label} {metric}"
            );
        }
    }
    let lineage = [
        ("complaints.sha256", json!(trained.sha256)),
        ("complaints.trainingRun", json!("cards-1")),
        ("complaints.datasetSha256", report["dataset"]["sha256"].clone()),
        ("complaints.specHash", report["specHash"].clone()),
    ];
    for (tag, value) in lineage {
        assert_eq!(run["tags"][tag], value, "{tag}");
    }

    let trials = report["trials"].as_array().unwrap();
    assert_eq!(counts(&found), [1, trials.len(), 1, 1]);
    for (number, trial) in trials.iter().enumerate() {
        let number = json!(number.to_string());
        let mut logged = found["trials"].as_array().unwrap().iter();
        let logged = logged.find(|run| run["tags"]["complaints.trial"] == number).unwrap();
        assert_eq!(
            (&logged["status"], &logged["tags"]["mlflow.parentRunId"]),
            (&json!("FINISHED"), &run["id"])
        );
        assert_eq!(logged["params"]["algorithm"], trial["algorithm"]);
        assert_eq!(
            logged["metrics"]["crossValidation.mean"],
            trial["crossValidation"]["mean"]
        );
    }

    let digest = |name: &str| json!(Sha256Digest::of_bytes(&std::fs::read(trained.file(name)).unwrap()).to_string());
    for name in ["report.json", "report.html", "modelversion.yaml"] {
        assert_eq!(found["runFiles"]["cards-1"][name], digest(name), "{name}");
    }
    assert_eq!(found["champion"]["model.safetensors"], json!(trained.sha256));
    assert_eq!(found["flavors"]["complaint_classifier"]["data"], "model.safetensors");
    let model = &found["models"][0];
    assert_eq!((&model["run"], &model["id"]), (&run["id"], &json!(logged.model_id)));
    assert_eq!(model["metrics"]["macroF1"], report["metrics"]["macroF1"]);
    assert!(model["status"].as_str().unwrap().contains("READY"), "{model}");
    assert_eq!(run["outputs"], json!([logged.model_id]));
    let source = format!("models:/{}", logged.model_id.as_deref().unwrap());
    assert_eq!(found["versions"]["1"]["source"], source);
    assert_eq!(found["aliases"], json!({ "champion": "1" }));
    logged
}

fn a_second_attempt_changes_nothing_and_completes_the_first(
    server: &MlflowServer,
    trained: &Trained,
    first: &TrackedOutcome,
) {
    let aliases = json!({ "champion": trained.alias("cards-1") });
    let request = trained.request(&server.uri(), &["cards-1"], aliases);
    let before = read(server, &[]);
    assert_eq!(outcome(&trained.track(&request, &[])), *first);
    assert_eq!(read(server, &[]), before);

    read(server, &["undo", first.run_id.as_deref().unwrap()]);
    let completed = outcome(&trained.track(&request, &[]));
    assert_eq!(
        (&completed.run_id, &completed.model_id),
        (&first.run_id, &first.model_id)
    );
    let after = read(server, &[]);
    assert_eq!(counts(&after), counts(&before));
    let finished = |run: &Value| run["status"] == "FINISHED";
    assert!(finished(&after["runs"]["cards-1"]) && after["trials"].as_array().unwrap().iter().all(finished));
    assert_eq!(
        after["runs"]["cards-1"]["history"],
        before["runs"]["cards-1"]["history"]
    );
    assert_eq!(after["aliases"], json!({ "champion": completed.registered_version }));
}

fn aliases_follow(server: &MlflowServer, trained: &Trained) {
    let set = |names: &[&str], aliases: Value| {
        let ended = trained.track(&trained.request(&server.uri(), names, aliases), &[]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        (
            ended.message["missingAliases"].clone(),
            read(server, &[])["aliases"].clone(),
        )
    };
    let (missing, aliases) = set(
        &["cards-2"],
        json!({ "champion": trained.alias("cards-1"), "challenger": trained.alias("cards-2") }),
    );
    let number = |alias: &str| aliases[alias].as_str().unwrap().parse::<u32>().unwrap();
    assert!(
        missing.is_null() && number("challenger") > number("champion"),
        "{aliases}"
    );
    let (_, moved) = set(&[], json!({ "champion": trained.alias("cards-2") }));
    assert_eq!(moved, json!({ "champion": aliases["challenger"] }));
    // An alias never names what is not meant.
    let (missing, none) = set(&[], json!({ "champion": trained.alias("cards-0") }));
    assert_eq!((missing, none), (json!(["champion"]), json!({})));
}

/// Two clients that set one alias at the same moment: the server's database refuses one of them, which tries again.
fn a_database_may_refuse_for_a_moment(server: &MlflowServer, trained: &Trained) {
    let refusing = |times: usize| {
        let refused = AtomicUsize::new(0);
        let gate = Gate::start(server.address, move |_, head| {
            let is_alias = head.starts_with("post ") && head.contains("registered-models/alias");
            if is_alias && refused.fetch_add(1, Ordering::SeqCst) < times {
                return answered(
                    "400 Bad Request",
                    r#"{"error_code":"BAD_REQUEST","message":"marked (sqlite3.IntegrityError) UNIQUE constraint failed"}"#,
                );
            }
            Verdict::Pass
        });
        trained.track(
            &trained.request(&gate.uri(), &[], json!({ "challenger": trained.alias("cards-1") })),
            &[],
        )
    };
    let ended = refusing(usize::MAX);
    ended.fails(65, "TrackingRefused", &["registered-models/alias", "400 BAD_REQUEST"]);
    let ended = refusing(2);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(read(server, &[])["aliases"]["challenger"].is_string());
}

/// Wherever an attempt ends, before or after the server did what it was asked to, the next one completes it.
fn an_attempt_may_end_anywhere(server: &MlflowServer, trained: &Trained) {
    let whole = Gate::start(server.address, |_, _| Verdict::Pass);
    let aliases = json!({ "champion": trained.alias("whole") });
    outcome(&trained.track(&trained.request(&whole.uri(), &["whole"], aliases), &[]));
    let requests = whole.requests.load(Ordering::SeqCst);
    assert!(requests > 20, "{requests}");
    let before = counts(&read(server, &[]));
    let trials = trained.report["trials"].as_array().unwrap().len();
    let name = "killed";
    // Each attempt gets a little further, since the one before left something.
    for end in (6..requests).step_by(2) {
        let gate = Gate::start(server.address, move |number, _| match number {
            number if number < end => Verdict::Pass,
            // Every second time the server did it.
            number if number == end && end % 4 == 0 => Verdict::DropAnswer,
            _ => Verdict::Drop,
        });
        let aliases = json!({ "champion": trained.alias(name) });
        let ended = trained.track(&trained.request(&gate.uri(), &[name], aliases), &[]);
        if ended.code == 0 {
            break;
        }
        ended.fails(1, "TrackingUnreachable", &[]);
    }
    let aliases = json!({ "champion": trained.alias(name) });
    outcome(&trained.track(&trained.request(&server.uri(), &[name], aliases), &[]));
    let after = read(server, &[]);
    let added: Vec<usize> = counts(&after)
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    assert_eq!(added, [1, trials, 1, 1]);
    assert_eq!(after["runs"][name]["status"], "FINISHED");
    assert_eq!(after["runs"][name]["metrics"], after["runs"]["whole"]["metrics"]);
}

fn credentials_open_the_server(server: &MlflowServer, trained: &Trained) {
    let login = |expected: &'static str| {
        Gate::start(server.address, move |_, head| {
            if head.contains(&format!("authorization: {expected}")) {
                return Verdict::Pass;
            }
            // It says what it was sent.
            let headers = format!("www-authenticate: {}\r\n", head.lines().last().unwrap_or_default());
            Verdict::Answer("401 Unauthorized", headers, head.to_owned())
        })
    };
    let bearer = login("bearer marked-token");
    // `marked-user:marked-password`, in lower case.
    let basic = login("basic bwfya2vklxvzzxi6bwfya2vklxbhc3n3b3jk");
    let by_token = trained.request(&bearer.uri(), &["cards-1"], json!({}));
    let by_password = trained.request(&basic.uri(), &["cards-1"], json!({}));
    let user = [
        ("MLFLOW_TRACKING_USERNAME", "marked-user"),
        ("MLFLOW_TRACKING_PASSWORD", "marked-password"),
    ];
    outcome(&trained.track(&by_token, &[TOKEN]));
    outcome(&trained.track(&by_password, &user));
    let fix = ["401", "MLFLOW_TRACKING_TOKEN", "secretRef"];
    trained
        .track(&by_password, &[TOKEN])
        .fails(65, "TrackingForbidden", &fix);
    trained.track(&by_token, &[]).fails(65, "TrackingForbidden", &fix);
    // The prefix excludes what else is in the environment.
    outcome(&trained.track(&by_token, &[TOKEN, user[0], user[1]]));
}

fn a_broken_version_holds_no_other_up(server: &MlflowServer, trained: &Trained) {
    let mut request = trained.request(&server.uri(), &["gone", "cards-1"], json!({}));
    let other = "0".repeat(64);
    request["versions"][0]["sha256"] = json!(other);
    let ended = trained.track(&request, &[]);
    let broken = outcome(&ended);
    assert_eq!(
        broken.error.as_ref().map(|error| error.reason.as_str()),
        Some("ModelUnreadable")
    );
    let second = TrackResult::read(&ended.message.to_string())
        .unwrap()
        .versions
        .remove(1);
    assert!(second.registered_version.is_some(), "{}", ended.message);
}

/// A server that keeps files elsewhere gets the rest.
fn files_that_do_not_go_through_the_server_are_left_out(python: PythonWithMlflow) {
    let server = MlflowServer::start_without_files(&python);
    let trained = Trained::new();
    let request = trained.request(&server.uri(), &["cards-1"], json!({}));
    let logged = outcome(&trained.track(&request, &[]));
    let error = logged.error.unwrap();
    assert_eq!(error.reason, "ArtifactsNotProxied");
    assert!(error.message.contains("--serve-artifacts"), "{}", error.message);
    let found = read(&server, &[]);
    assert_eq!(found["runs"]["cards-1"]["id"], json!(logged.run_id));
    assert_eq!(counts(&found)[2..], [0, 0]);
}

/// Servers that are none, too old, or repeat what they are sent.
fn answers_are_never_quoted() {
    let trained = Trained::new();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let ask = |judge: fn(usize, &str) -> Verdict| {
        let gate = Gate::start(nowhere, judge);
        let uri = format!("{}/base", gate.uri());
        trained.track(&trained.request(&uri, &["cards-1"], json!({})), &[TOKEN])
    };
    const EXPERIMENT: &str = r#"{"experiment":{"experiment_id":"1","lifecycle_stage":"active"}}"#;
    let ended = ask(|_, head| answered("500 Oops", format!(r#"{{"error_code":"{head}","message":"marked"}}"#)));
    ended.fails(1, "TrackingFailed", &["500", "experiments/get-by-name"]);
    let ended = ask(|_, head| answered("400 Bad", head));
    ended.fails(65, "TrackingRefused", &["400"]);
    let ended = ask(|_, _| answered("404 Not Found", "marked"));
    ended.fails(1, "TrackingFailed", &["404", "path"]);
    let ended = ask(|_, _| {
        let location = "location: http://127.0.0.1:9/?marked\r\n".to_owned();
        Verdict::Answer("302 Found", location, String::new())
    });
    ended.fails(1, "TrackingFailed", &["302", "redirect"]);
    let ended = ask(|_, _| answered("200 OK", "marked"));
    ended.fails(1, "TrackingFailed", &["as a tracking server of MLflow 3"]);
    let ended = ask(|_, _| answered("200 OK", r#"{"experiment":{"experiment_id":"marked"}}"#));
    ended.fails(1, "TrackingFailed", &["experiments/get-by-name"]);
    let ended = ask(|_, _| {
        answered(
            "200 OK",
            r#"{"experiment":{"experiment_id":"1","lifecycle_stage":"deleted"}}"#,
        )
    });
    ended.fails(65, "TrackingRefused", &["deleted", "Restore"]);
    // MLflow 2 has experiments, and no logged models.
    let ended = ask(|number, _| match number {
        0 => answered("200 OK", EXPERIMENT),
        _ => answered("404 Not Found", "<html>marked</html>"),
    });
    ended.fails(65, "TrackingTooOld", &["MLflow 3"]);
    // A run's id, and the place of its files, are what the server says.
    let ended = ask(|number, _| match number % 2 {
        0 => answered("200 OK", EXPERIMENT),
        _ => answered(
            "200 OK",
            r#"{"runs":[{"info":{"run_id":"marked-token","artifact_uri":"s3://key:marked@b"}}]}"#,
        ),
    });
    assert_ne!(ended.code, 0);

    let request = trained.request("http://127.0.0.1:9", &["cards-1"], json!({}));
    trained
        .track_within("same-host", &request, &[TOKEN])
        .fails(64, "TrackingOutOfReach", &["must not reach"]);
    for uri in [
        "http://user:marked@host/",
        "http://host/?token=marked",
        "ftp://host",
        "databricks",
    ] {
        let request = trained.request(uri, &["cards-1"], json!({}));
        trained
            .track(&request, &[])
            .fails(64, "InvalidConfiguration", &["mlflow.uri"]);
    }
}

fn main() -> ExitCode {
    complaint_harness::run([tests![
        a_server_has_what_its_own_client_would_log,
        files_that_do_not_go_through_the_server_are_left_out,
        answers_are_never_quoted,
    ]])
}
