//! Time and memory of the dashboard with many classifiers.
//!
//! ```text
//! cargo run --release -p complaint-cli --example bench_dashboard -- 1000
//! ```
//!
//! The API server is a stand-in in a process of its own, which has for each classifier four versions and four runs, as long as an
//! operator writes them and with as much about their managers. Memory is that of the dashboard's process.
#![forbid(unsafe_code)]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

/// Versions and runs of a classifier.
const EACH: usize = 4;

fn main() {
    let mut args = std::env::args().skip(1);
    let classifiers = args.next().and_then(|number| number.parse().ok()).unwrap_or(1_000);
    match args.next().as_deref() {
        Some("api") => api(classifiers),
        _ => bench(classifiers),
    }
}

fn bench(classifiers: usize) {
    let own = std::env::current_exe().expect("this program has a path");
    let mut server = Command::new(own)
        .args([&classifiers.to_string(), "api"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the stand-in starts");
    let mut address = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("its output is piped"));
    output.read_line(&mut address).expect("its address");
    let folder = tempfile::tempdir().expect("a directory");
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": format!("http://{}", address.trim()) } }], "users": [{ "name": "u", "user": {} }] });
    std::fs::write(&kubeconfig, config.to_string()).expect("the kubeconfig can be written");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let before = memory("VmRSS:");
    let begun = Instant::now();
    let command = format!(
        "kubectl-complaints dashboard --port {port} --authentication none --kubeconfig {}",
        kubeconfig.display()
    );
    std::thread::spawn(move || complaint_cli::main_from(command.split(' ').map(Into::into)));
    while ask(port, "/readyz").is_none_or(|answer| !answer.starts_with("HTTP/1.1 200")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("classifiers                {classifiers}, with {EACH} versions and {EACH} runs each");
    println!("read and ready after       {:.2?}", begun.elapsed());
    println!("memory before              {before} MiB");
    for (name, path) in [
        ("first page", "/"),
        ("first page again", "/"),
        ("last page", "/?page=99999"),
        ("filtered by a name", "/?q=c0007"),
        ("a classifier", "/classifiers/n1/c0001"),
        ("its versions", "/classifiers/n1/c0001/versions"),
    ] {
        let begun = Instant::now();
        let answer = ask(port, path).expect("an answer");
        let took = begun.elapsed();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        println!("{name:<26} {took:.1?}, {} KiB", answer.len() / 1024);
    }
    println!(
        "memory now, at most        {}, {} MiB",
        memory("VmRSS:"),
        memory("VmHWM:")
    );
    let _ = server.kill();
    let _ = server.wait();
}

fn ask(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A field of this process's status, in MiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

fn api(classifiers: usize) {
    let list = move |Path(plural): Path<String>, Query(query): Query<HashMap<String, String>>| async move {
        answer(classifiers, &plural, &query)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/apis/complaints.dev/v1alpha1/{plural}", get(list));
        axum::serve(listener, router).await.expect("it serves");
    });
}

fn answer(classifiers: usize, plural: &str, query: &HashMap<String, String>) -> Response {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
    if query.get("watch").is_some_and(|watch| watch != "false" && watch != "0") {
        // Nothing changes.
        return Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()).into_response();
    }
    let (total, object): (usize, fn(usize) -> Value) = match plural {
        "complaintclassifiers" => (classifiers, classifier),
        "modelversions" => (classifiers * EACH, version),
        _ => (classifiers * EACH, run),
    };
    let first = number("continue").unwrap_or(0);
    let end = total.min(first + number("limit").unwrap_or(total));
    let items: Vec<Value> = (first..end).map(object).collect();
    let next = if end < total { end.to_string() } else { String::new() };
    let kind = match plural {
        "complaintclassifiers" => "ComplaintClassifierList",
        "modelversions" => "ModelVersionList",
        _ => "TrainingRunList",
    };
    Json(json!({ "kind": kind, "apiVersion": "complaints.dev/v1alpha1", "metadata": { "resourceVersion": "9", "continue": next }, "items": items }))
        .into_response()
}

fn metadata(name: &str, classifier: usize) -> Value {
    let fields = json!({ "f:status": { "f:conditions": { "k": "x".repeat(1_500) } } });
    json!({ "name": name, "namespace": format!("n{}", classifier % 20), "uid": format!("uid-{name}"), "resourceVersion": "7", "generation": 1,
            "creationTimestamp": "2026-11-01T00:00:00Z", "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "y".repeat(1_500) },
            "managedFields": [{ "manager": "operator", "operation": "Apply", "apiVersion": "complaints.dev/v1alpha1", "fieldsType": "FieldsV1", "fieldsV1": fields }] })
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "observedGeneration": 1, "lastTransitionTime": "2026-11-27T12:00:00Z",
            "message": "macroF1 0.8058 against the champion's 0.8257 on the same 275 rows: a difference of -0.0198, and at least 0.005 is needed" })
}

fn digest(number: usize) -> String {
    format!("{number:064x}")
}

fn classifier(number: usize) -> Value {
    let champion = format!("c{number:04}-0");
    let comparison = json!({ "metric": "macroF1", "difference": 0.02, "confidenceInterval": [0.01, 0.03] });
    let promotion = json!({ "version": champion, "sha256": digest(number), "from": "x", "reason": "Better", "time": "2026-11-24T18:55:10Z", "comparison": comparison });
    let drifted = if number.is_multiple_of(17) {
        ("True", "EstimatedAccuracyLow")
    } else {
        ("False", "NoDrift")
    };
    let window = json!({ "endTime": "2026-11-28T00:00:00Z", "answers": 24_312, "judged": true });
    let shift =
        json!({ "label": "Fees and interest", "trainedShare": 0.18, "estimatedShare": 0.12, "estimatedF1": 0.8 });
    json!({
        "metadata": metadata(&format!("c{number:04}"), number),
        "spec": { "promotion": { "gates": [{ "metric": "macroF1", "min": 0.7 }] }, "monitoring": {} },
        "status": {
            "observedGeneration": 1, "champion": { "name": champion, "sha256": digest(number), "metrics": { "macroF1": 0.8, "accuracy": 0.8 }, "promotionTime": "2026-11-24T18:55:10Z" },
            "replicas": { "desired": 2, "ready": 2, "serving": 2 }, "url": format!("http://c{number:04}.n.svc.cluster.local:8080"),
            "promotions": vec![promotion; 5],
            "monitoring": { "sha256": digest(number), "window": "24h", "referenceAccuracy": 0.8, "categoryDistance": 0.02, "probabilityShift": 0.1, "unknownWordShift": 0.0,
                            "windows": vec![window; 4], "estimatedAccuracy": { "value": 0.79, "lower": 0.77, "upper": 0.81 }, "categories": vec![shift; 10] },
            "conditions": [condition("Available", "True", "Serving"), condition("Drifted", drifted.0, drifted.1), condition("Monitored", "True", "Monitored"),
                           condition("Progressing", "True", "Complete"), condition("Ready", "True", "Serving")],
        },
    })
}

fn version(number: usize) -> Value {
    let (classifier, place) = (number / EACH, number % EACH);
    let name = format!("c{classifier:04}-{place}");
    let folder = format!("pvc://c{classifier:04}-artifacts/n/c{classifier:04}/{}", digest(number));
    let weak = json!({ "label": "Fees and interest", "recall": 0.6, "support": 33 });
    let champion = json!({ "name": format!("c{classifier:04}-0") });
    json!({
        "metadata": metadata(&name, classifier),
        "spec": { "classifierRef": { "name": format!("c{classifier:04}") }, "artifact": { "uri": format!("{folder}/model.safetensors"), "sha256": digest(number) },
                  "report": { "uri": format!("{folder}/report.json"), "sha256": digest(1) }, "algorithm": "LogisticRegression",
                  "parameters": { "C": 1.0, "classWeight": "Balanced" }, "classCount": 8, "metrics": { "macroF1": 0.8 },
                  "lineage": { "trainingRun": name, "specHash": digest(2), "rows": 1263, "split": "v1/seed=42/testFraction=0.2", "trainerVersion": "0.1.0",
                               "dataset": { "format": "Csv", "fields": { "text": "narrative", "labels": ["category"] }, "sha256": digest(3) } } },
        "status": { "stage": if place == 0 { "Champion" } else { "Rejected" },
                    "evaluation": { "metrics": { "macroF1": 0.8, "weightedF1": 0.8, "accuracy": 0.8, "logLoss": 0.5 }, "rows": 275, "split": "v1/seed=42/testFraction=0.2",
                                    "calibrationError": 0.03, "weakestClasses": vec![weak; 5] },
                    "comparison": { "championRef": champion, "championSha256": digest(4), "metric": "macroF1", "value": 0.8, "championValue": 0.82, "difference": -0.02,
                                    "confidenceInterval": [-0.05, 0.01], "rows": 275, "sameLabels": true, "sameSplit": true },
                    "conditions": [condition("Ready", "True", "Recorded"), condition("Rejected", "True", "NotBetter")] },
    })
}

fn run(number: usize) -> Value {
    let (classifier, place) = (number / EACH, number % EACH);
    let name = format!("c{classifier:04}-{place}");
    json!({
        "metadata": metadata(&name, classifier),
        "spec": { "classifierRef": { "name": format!("c{classifier:04}") },
                  "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv", "textField": "narrative", "labelFields": ["category"] } },
        "status": { "phase": "Succeeded", "startTime": "2026-11-25T02:58:10Z", "completionTime": "2026-11-25T03:00:00Z",
                    "dataset": { "rows": 1263, "duplicates": 46, "classes": 8, "sha256": digest(3) }, "trials": { "succeeded": 4, "failed": 0, "total": 4 },
                    "metrics": { "macroF1": 0.8, "weightedF1": 0.8, "accuracy": 0.8, "logLoss": 0.5 },
                    "currentOptimalTrial": { "algorithm": "Ensemble", "parameters": {}, "crossValidation": { "mean": 0.8, "standardDeviation": 0.01 } },
                    "modelVersionRef": { "name": name }, "conditions": [condition("Ready", "True", "Complete"), condition("Complete", "True", "Complete")] },
    })
}
