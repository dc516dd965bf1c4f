//! Data sets and models in an object store: a real S3 server.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{ExitCode, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use complaint_harness::{S3Server, Weed, tests};
use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use support::corrections::{correction, path, segment};
use support::{Job, csv, gzip, rows};

const BUCKET: &str = "data-sets";

fn run(server: &S3Server, job: &Job, uri: &str) -> support::Ended {
    run_at(server.address, "key", "a-secret", job, uri)
}

/// Runs a training on the data set at `uri`, from the store at `address`.
fn run_at(address: SocketAddr, key: &str, secret: &str, job: &Job, uri: &str) -> support::Ended {
    let endpoint = format!("http://{address}");
    let variables = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    job.run_in(Path::new(uri), &variables)
}

fn data_sets_are_read_from_an_object_store(weed: Weed) {
    let server = S3Server::start(&weed);
    objects_are_read_with_the_environments_credentials(&server);
    errors_name_the_object_and_the_fix(&server);
    an_interrupted_transfer_resumes(&server);
}

fn objects_are_read_with_the_environments_credentials(server: &S3Server) {
    let bytes = gzip(csv(&rows()).as_bytes());
    for key in ["2026/cards.csv.gz", "a b/ü+%20&.csv.gz"] {
        server.put(BUCKET, key, &bytes);
        let mut job = Job::new();
        job.config["dataset"]["sha256"] = json!(Sha256Digest::of_bytes(&bytes).to_string());
        let ended = run(server, &job, &format!("s3://{BUCKET}/{key}"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.message["dataset"]["rows"], 240);
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("a-secret"));
    }
    let evaluated = profile(server, &format!("s3://{BUCKET}/2026/cards.csv.gz"));
    let profile: Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert_eq!(
        (&profile["rows"], &profile["source"]),
        (&json!(240), &json!("s3://data-sets/2026/cards.csv.gz"))
    );

    let mut job = Job::new();
    job.config["dataset"]["sha256"] = json!("0".repeat(64));
    run(server, &job, &format!("s3://{BUCKET}/2026/cards.csv.gz")).fails(
        65,
        "DigestMismatch",
        &["s3://data-sets/2026/cards.csv.gz"],
    );
}

fn profile(server: &S3Server, uri: &str) -> Output {
    support::trainer()
        .args([
            "profile",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--format",
            "json",
            "--data",
            uri,
        ])
        .env("AWS_ENDPOINT", format!("http://{}", server.address))
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "a-secret")
        .output()
        .unwrap()
}

fn errors_name_the_object_and_the_fix(server: &S3Server) {
    server.put(BUCKET, "cards.csv", csv(&rows()).as_bytes());
    let uri = format!("s3://{BUCKET}/cards.csv");
    let job = Job::new();
    run(server, &job, &format!("s3://{BUCKET}/crads.csv")).fails(
        65,
        "DatasetNotFound",
        &["s3://data-sets/crads.csv", "`data-sets` has no such object"],
    );
    run(server, &job, "s3://no-such-bucket/cards.csv").fails(
        65,
        "DatasetNotFound",
        &["there is no bucket `no-such-bucket`"],
    );
    run(server, &job, "s3://data-sets").fails(65, "DatasetNotFound", &["s3://bucket/path/data.csv.gz"]);
    let run_as = |key: &str, secret: &str| run_at(server.address, key, secret, &job, &uri);
    let fix = [
        "s3://data-sets/cards.csv",
        "403",
        "AWS_ACCESS_KEY_ID",
        "dataset.source.secretRef",
    ];
    run_as("stranger", "a-secret").fails(65, "DatasetForbidden", &fix);
    run_as("key", "another").fails(65, "DatasetForbidden", &fix);

    // Without credentials the client asks the metadata service, which does not exist here.
    let endpoint = format!("http://{}", server.address);
    let ended = job.run_in(
        Path::new(&uri),
        &[
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9"),
        ],
    );
    ended.fails(
        65,
        "DatasetForbidden",
        &["no credentials", "AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"],
    );
    let ended = run_at(SocketAddr::from(([127, 0, 0, 1], 9)), "key", "a-secret", &job, &uri);
    ended.fails(1, "DownloadFailed", &["s3://data-sets/cards.csv"]);
}

/// A proxy that closes the first `cuts` connections after `after` bytes of the response.
fn unsteady(upstream: SocketAddr, cuts: usize, after: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let limit = if number < cuts { after } else { usize::MAX };
            std::thread::spawn(move || pass(client, upstream, limit));
        }
    });
    (address, connections)
}

fn pass(mut client: TcpStream, upstream: SocketAddr, limit: usize) {
    let mut server = TcpStream::connect(upstream).unwrap();
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut requests, &mut to_server));
    let mut buffer = [0; 1 << 12];
    let mut passed = 0;
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let part = read.min(limit - passed);
        passed += part;
        if client.write_all(&buffer[..part]).is_err() || passed == limit {
            break;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

fn an_interrupted_transfer_resumes(server: &S3Server) {
    let bytes = csv(&rows());
    server.put(BUCKET, "cards.csv", bytes.as_bytes());
    // Two connections end within the object. The third would have to transfer all of it if transfers did not resume.
    let (address, connections) = unsteady(server.address, 2, 10_000);
    let mut job = Job::new();
    job.config["dataset"]["sha256"] = json!(Sha256Digest::of_bytes(bytes.as_bytes()).to_string());
    let ended = run_at(address, "key", "a-secret", &job, &format!("s3://{BUCKET}/cards.csv"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["rows"], 240);
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

fn settings_that_are_missing_are_named() {
    let job = Job::new();
    job.run_in(Path::new("az://complaints/cards.csv"), &[]).fails(
        65,
        "DatasetForbidden",
        &["az://complaints/cards.csv", "AZURE_STORAGE_ACCOUNT_NAME"],
    );
    let key = [("GOOGLE_SERVICE_ACCOUNT_KEY", "no JSON")];
    job.run_in(Path::new("gs://complaints/cards.csv"), &key).fails(
        65,
        "DatasetForbidden",
        &["gs://complaints/cards.csv", "GOOGLE_SERVICE_ACCOUNT_KEY"],
    );
}

/// The store and the champion are in a bucket, with other keys than the data set's.
fn models_are_kept_in_an_object_store(weed: Weed) {
    let server = S3Server::start(&weed);
    let mut job = Job::new();
    let data = job.file("cards.csv", csv(&rows()));
    let endpoint = format!("http://{}", server.address);
    let variables = |secret: &'static str| {
        [
            ("AWS_ACCESS_KEY_ID", "of-the-data-set"),
            ("STORE_AWS_ENDPOINT", endpoint.as_str()),
            ("STORE_AWS_ACCESS_KEY_ID", "key"),
            ("STORE_AWS_SECRET_ACCESS_KEY", secret),
        ]
    };
    server.put("models", "made", b"");
    let ended = job.run_as(&data, "s3://models/a/b", &[], &variables("a-secret"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["artifact"]["path"].as_str().unwrap().to_owned();
    let sha256 = ended.message["artifact"]["sha256"].as_str().unwrap().to_owned();
    let model = server.get("models", &format!("a/b/{path}")).unwrap();
    assert_eq!(Sha256Digest::of_bytes(&model).to_string(), sha256);
    let folder = format!("a/b/default/cards/{sha256}");
    let record = String::from_utf8(server.get("models", &format!("{folder}/modelversion.yaml")).unwrap()).unwrap();
    assert!(record.contains(&format!("s3://models/a/b/{path}")), "{record}");
    let report = server.get("models", &format!("{folder}/report.json")).unwrap();
    assert_eq!(
        ended.message["report"]["sha256"],
        Sha256Digest::of_bytes(&report).to_string()
    );

    // An equal model keeps the existing report. A folder without its record is written again.
    server.put("models", &format!("{folder}/report.json"), b"{}");
    let kept = job.run_as(&data, "s3://models/a/b", &[], &variables("a-secret"));
    assert_eq!(
        kept.message["report"]["sha256"],
        Sha256Digest::of_bytes(b"{}").to_string()
    );
    server.delete("models", &format!("{folder}/modelversion.yaml"));
    let renewed = job.run_as(&data, "s3://models/a/b", &[], &variables("a-secret"));
    assert_eq!(renewed.code, 0, "{}", renewed.stderr);
    assert!(server.get("models", &format!("{folder}/report.json")).unwrap().len() > 100);

    job.config["champion"] = json!({ "name": "cards-0", "sha256": sha256 });
    let champion = format!("s3://models/a/b/{path}");
    let compared = job.run_as(&data, "s3://models", &["--champion", &champion], &variables("a-secret"));
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    assert_eq!(compared.message["comparison"]["difference"], 0.0);
    let gone = job.run_as(
        &data,
        "s3://models",
        &["--champion", "s3://models/gone"],
        &variables("a-secret"),
    );
    gone.fails(1, "ChampionUnreadable", &["s3://models/gone", "no such object"]);

    let refused = job.run_as(&data, "s3://models", &["--champion", &champion], &variables("another"));
    refused.fails(1, "ChampionUnreadable", &["artifacts.secretRef"]);
    job.config.as_object_mut().unwrap().remove("champion");
    let refused = job.run_as(&data, "s3://models", &[], &variables("another"));
    refused.fails(1, "StoreUnavailable", &["s3://models/", "artifacts.secretRef"]);
    job.run_as(&data, "s3://", &[], &variables("a-secret"))
        .fails(1, "StoreUnavailable", &["s3://bucket/path"]);
}

/// Short Jobs do in a bucket what they do on a volume.
fn short_jobs_use_a_bucket(weed: Weed) {
    let server = S3Server::start(&weed);
    server.put("models", "made", b"");
    let mut job = Job::new();
    let data = job.file("cards.csv", csv(&rows()));
    let endpoint = format!("http://{}", server.address);
    let of = |key: &'static str| {
        [
            ("STORE_AWS_ENDPOINT", endpoint.as_str()),
            ("STORE_AWS_ACCESS_KEY_ID", key),
            ("STORE_AWS_SECRET_ACCESS_KEY", "a-secret"),
        ]
    };
    let store = "s3://models/a b";
    let mut digests = Vec::new();
    let mut results = Vec::new();
    for (number, alpha) in [0.5, 1.0, 2.0, 4.0].into_iter().enumerate() {
        job.config["name"] = format!("cards-{number}").into();
        job.config["search"]["candidates"] =
            json!([{ "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [alpha] } }]);
        let ended = job.run_as(&data, store, &[], &of("key"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        digests.push(ended.message["artifact"]["sha256"].as_str().unwrap().to_owned());
        results.push(ended.message);
    }
    let run = |key: &'static str, command: &str, request: Value| {
        let request = request.to_string();
        job.short_in(&[command, "--store", store, "--request", &request], &of(key))
    };
    let record = |key: &'static str, number: usize, minute: usize| {
        let promotion = json!({ "version": format!("cards-{number}"), "sha256": digests[number], "reason": "Better",
                                "time": format!("2026-11-29T03:{minute:02}:00Z") });
        let request = json!({ "namespace": "default", "classifier": "cards", "promotion": promotion });
        run(key, "record", request)
    };
    record("stranger", 0, 0).fails(65, "StoreForbidden", &["artifacts.secretRef"]);
    // Jobs at the same time lose nothing.
    std::thread::scope(|scope| {
        for number in 0..4 {
            let record = &record;
            scope.spawn(move || assert_eq!(record("key", number, number).code, 0));
        }
    });
    assert_eq!(
        record("key", 2, 2).message,
        json!({ "written": false, "promotions": 4 })
    );
    let place = ["--store", store, "--namespace", "default", "--classifier", "cards"];
    let show = |arguments: &[&str]| job.short_in(&[&["show"], &place[..], arguments].concat(), &of("key"));
    let promotions = show(&["--champion"]).message;
    let versions: Vec<&Value> = promotions["promotions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["version"])
        .collect();
    assert_eq!(versions, ["cards-3", "cards-2", "cards-1", "cards-0"]);
    assert_eq!(
        show(&["--run", "cards-1", "--spec-hash", &"ab".repeat(32)]).message,
        results[1]
    );

    let request = json!({ "namespace": "default", "classifier": "cards", "digests": digests });
    let mut dry = request.clone();
    dry["dryRun"] = true.into();
    assert_eq!(run("key", "delete", dry).message["deletedCount"], 2);
    let ended = run("key", "delete", request.clone());
    assert_eq!(
        (&ended.message["deletedCount"], &ended.message["keptCount"]),
        (&json!(2), &json!(2)),
        "{}",
        ended.stderr
    );
    assert_eq!(run("key", "delete", request).message["missingCount"], 2);
    let model = |digest: &str| server.get("models", &format!("a b/default/cards/{digest}/model.safetensors"));
    let there: Vec<bool> = digests.iter().map(|digest| model(digest).is_some()).collect();
    assert_eq!(there, [false, false, true, true]);
    show(&["--run", "cards-1", "--spec-hash", &"ab".repeat(32)]).fails(65, "ResultNotFound", &["s3://models/a b"]);

    let champion = format!("{store}/default/cards/{}/model.safetensors", digests[2]);
    let newcomer = format!("{store}/default/cards/{}/model.safetensors", digests[3]);
    let mut request = json!({ "sha256": digests[3], "champion": { "name": "cards-2", "sha256": digests[2] },
                              "dataset": job.config["dataset"], "evaluation": job.config["evaluation"] });
    request["dataset"]["sha256"] = Sha256Digest::of_bytes(&std::fs::read(&data).unwrap())
        .to_string()
        .into();
    let request = request.to_string();
    let compared = job.short_in(
        &[
            "compare",
            "--request",
            &request,
            "--model",
            &newcomer,
            "--champion",
            &champion,
            "--dataset",
            data.to_str().unwrap(),
        ],
        &of("key"),
    );
    assert_eq!(
        compared.message["evaluation"]["metrics"], results[3]["metrics"],
        "{}",
        compared.stderr
    );
    assert_eq!(
        compared.message["comparison"]["championValue"],
        results[2]["metrics"]["macroF1"]
    );

    let missing = ["delete", "--store", "s3://no-such-bucket/a", "--request"];
    let request = json!({ "namespace": "default", "classifier": "cards", "digests": digests }).to_string();
    let ended = job.short_in(&[&missing[..], &[&request]].concat(), &of("key"));
    assert_eq!(ended.message["missingCount"], 4, "{}", ended.stderr);
}

/// Corrections are read from the bucket with the models, and expire there.
fn corrections_are_kept_in_an_object_store(weed: Weed) {
    let server = S3Server::start(&weed);
    let job = Job::new().with_feedback();
    let data = job.file("cards.csv", csv(&rows()));
    let endpoint = format!("http://{}", server.address);
    let of = |key: &'static str| {
        [
            ("AWS_ACCESS_KEY_ID", "of-the-data-set"),
            ("STORE_AWS_ENDPOINT", endpoint.as_str()),
            ("STORE_AWS_ACCESS_KEY_ID", key),
            ("STORE_AWS_SECRET_ACCESS_KEY", "a-secret"),
        ]
    };
    let rows: Vec<Value> = (0..6)
        .map(|number| correction(&format!("the card reader number {number} took no card"), "Card", number))
        .collect();
    // In a bucket each segment is one object, written once.
    for (number, row) in rows.iter().enumerate() {
        let place = path(&format!("2026-10-{:02}", 1 + number / 2), &format!("pod-{number}"));
        server.put(
            "models",
            &format!("a/b/{place}"),
            &segment(&[std::slice::from_ref(row)]),
        );
    }
    server.put("models", "a/b/default/cards/feedback/2026-10-01/notes.txt", b"mine");
    let ended = job.run_as(&data, "s3://models/a/b", &[], &of("key"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let in_bucket = &ended.message["dataset"]["feedback"];
    assert_eq!((&in_bucket["rows"], &in_bucket["segments"]), (&json!(6), &json!(6)));
    let refused = job.run_as(&data, "s3://models/a/b", &[], &of("stranger"));
    refused.fails(1, "StoreUnavailable", &["s3://models/a/b", "artifacts.secretRef"]);

    // The same corrections on a volume make the same model.
    job.correct(&rows);
    let on_volume = job.run(&data);
    assert_eq!(on_volume.message["artifact"], ended.message["artifact"]);

    let request = json!({ "namespace": "default", "classifier": "cards", "feedbackBefore": "2026-10-03" }).to_string();
    let arguments = ["expire", "--store", "s3://models/a/b", "--request", &request];
    job.short_in(&arguments, &of("stranger"))
        .fails(1, "StoreUnavailable", &["artifacts.secretRef"]);
    let expired = job.short_in(&arguments, &of("key"));
    assert_eq!(expired.code, 0, "{}", expired.stderr);
    let expected = json!({ "days": 2, "segments": 4 });
    for (field, count) in expected.as_object().unwrap() {
        assert_eq!(&expired.message["feedback"][field], count, "{}", expired.message);
    }
    let left: Vec<String> = server
        .list("models")
        .into_iter()
        .filter(|key| key.contains("/feedback/"))
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(
        left.iter()
            .all(|key| key.contains("2026-10-03/") || key.ends_with("notes.txt")),
        "{left:?}"
    );
}

/// The holdout is in a bucket that the data set's keys don't open.
fn a_holdout_is_read_with_keys_of_its_own(weed: Weed) {
    let server = S3Server::start(&weed);
    let mut job = Job::new();
    let data = job.file("cards.csv", csv(&rows()));
    let held_out = csv(&rows()[..40]);
    server.put("reviewed", "rows.csv", held_out.as_bytes());
    job.config["evaluation"]["holdout"] = json!({ "sha256": Sha256Digest::of_bytes(held_out.as_bytes()) });
    let endpoint = format!("http://{}", server.address);
    let of_data = [
        ("AWS_ENDPOINT", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "of-the-data-set"),
    ];
    let store = job.path("store").display().to_string();
    let run = |secret: &'static str| {
        let of_holdout = [
            ("HOLDOUT_AWS_ENDPOINT", endpoint.as_str()),
            ("HOLDOUT_AWS_ACCESS_KEY_ID", "key"),
            ("HOLDOUT_AWS_SECRET_ACCESS_KEY", secret),
        ];
        let argument = ["--holdout", "s3://reviewed/rows.csv"];
        job.run_as(&data, &store, &argument, &[of_data.as_slice(), &of_holdout].concat())
    };
    let ended = run("a-secret");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["testRows"], 40);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("a-secret"));
    let fix = ["s3://reviewed/rows.csv", "403", "evaluation.holdout.source.secretRef"];
    run("another").fails(65, "DatasetForbidden", &fix);
}

fn main() -> ExitCode {
    complaint_harness::run([tests![
        data_sets_are_read_from_an_object_store,
        settings_that_are_missing_are_named,
        models_are_kept_in_an_object_store,
        short_jobs_use_a_bucket,
        corrections_are_kept_in_an_object_store,
        a_holdout_is_read_with_keys_of_its_own,
    ]])
}
