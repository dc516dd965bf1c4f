//! Memory, descriptors and requests of the operator at a start with many objects.
//!
//! ```text
//! cargo build --release -p complaint-operator
//! cargo run --release -p complaint-e2e --example bench_many -- target/release/complaint-operator VERSIONS [ANNOTATED]
//! ```
//!
//! Starts an API server with that many ModelVersions of 20 classifiers and as many foreign ConfigMaps, and ANNOTATED versions
//! with 255 KB of annotations each; then the operator twice, each until it asks for nothing more.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use complaint_api::{ComplaintClassifier, ModelVersion};
use futures::{StreamExt, stream};
use k8s_openapi::{
    api::core::v1::ConfigMap, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, Client, api::PostParams};
use sandbox_apiserver::{Options, Server};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const CLASSIFIERS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, versions, ..] = arguments.as_slice() else {
        anyhow::bail!("arguments: OPERATOR VERSIONS [ANNOTATED]");
    };
    let versions: usize = versions.parse()?;
    let annotated: usize = arguments.get(2).map_or(Ok(0), |count| count.parse())?;
    let folder = std::env::temp_dir().join(format!("bench-many-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let audit = folder.join("audit.log");
    let server = Server::start(Options {
        audit_log: Some(audit.clone()),
        ..Options::default()
    })
    .await?;
    let client = server.client()?;
    for crd in complaint_api::crds() {
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        definitions.create(&PostParams::default(), &crd).await?;
    }
    let spec = json!({ "promotion": { "policy": "Manual" }, "serving": { "replicas": 0 } });
    let named = |name: String| json!({ "name": name });
    let classifiers = (0..CLASSIFIERS).map(|i| json!({ "metadata": named(format!("c{i}")), "spec": spec }));
    make::<ComplaintClassifier>(&client, classifiers.collect()).await?;
    let of_version = |i: usize| {
        json!({ "classifierRef": { "name": format!("c{}", i % CLASSIFIERS) }, "algorithm": "LinearSvm", "classCount": 8,
                "artifact": { "uri": "pvc://c-artifacts/x/model.safetensors", "sha256": format!("{i:064x}") },
                "metrics": { "macroF1": 0.8, "weightedF1": 0.8, "accuracy": 0.8, "logLoss": 0.5 },
                "lineage": { "trainingRun": format!("v{i}"), "specHash": "a".repeat(64), "dataset": { "sha256": "b".repeat(64) },
                             "rows": 1000, "split": "v1/42/0.2", "trainerVersion": "0.1.0" } })
    };
    let plain = (0..versions).map(|i| json!({ "metadata": named(format!("v{i}")), "spec": of_version(i) }));
    let heavy = (0..annotated).map(|i| {
        let metadata = json!({ "name": format!("h{i}"), "annotations": { "note": "x".repeat(255_000) } });
        json!({ "metadata": metadata, "spec": of_version(i) })
    });
    make::<ModelVersion>(&client, plain.chain(heavy).collect()).await?;
    let foreign =
        (0..versions).map(|i| json!({ "metadata": named(format!("x{i}")), "data": { "k": "v".repeat(200) } }));
    make::<ConfigMap>(&client, foreign.collect()).await?;
    println!("{versions} versions and ConfigMaps, {annotated} versions with 255 KB of annotations");

    let kubeconfig = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": server.url() } }],
        "users": [{ "name": "u", "user": { "token": server.token() } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    std::fs::write(&kubeconfig, config.to_string())?;
    let mut audit = Audit {
        log: BufReader::new(File::open(&audit)?),
        line: String::new(),
        requests: 0,
        writes: 0,
    };
    for start in ["first start", "second start"] {
        measure(start, program, &kubeconfig, &mut audit).await?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn make<K>(client: &Client, objects: Vec<Value>) -> anyhow::Result<()>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let api = &Api::<K>::namespaced(client.clone(), "default");
    let mut made = stream::iter(objects)
        .map(|object| async move {
            let object: K = serde_json::from_value(object)?;
            api.create(&PostParams::default(), &object).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(16);
    while let Some(made) = made.next().await {
        made?;
    }
    Ok(())
}

/// Runs the operator until nothing is asked for three seconds.
async fn measure(start: &str, program: &str, kubeconfig: &Path, audit: &mut Audit) -> anyhow::Result<()> {
    let before = audit.read()?;
    let began = Instant::now();
    let mut operator = Command::new(program)
        .args([
            "run",
            "--leader-elect=false",
            "--health-bind=127.0.0.1:0",
            "--log-format=text",
        ])
        .env("KUBECONFIG", kubeconfig)
        .env("RUST_LOG", "error")
        .spawn()?;
    let (mut quiet, mut last, mut descriptors) = (Instant::now(), before, 0);
    while quiet.elapsed() < Duration::from_secs(3) || last == before {
        tokio::time::sleep(Duration::from_millis(100)).await;
        descriptors = descriptors.max(std::fs::read_dir(format!("/proc/{}/fd", operator.id()))?.count());
        let now = audit.read()?;
        if now != last {
            (quiet, last) = (Instant::now(), now);
        }
    }
    println!(
        "{start}: {:.1} s, {} requests, {} writes, {descriptors} descriptors at most, {}",
        (began.elapsed() - quiet.elapsed()).as_secs_f64(),
        last.0 - before.0,
        last.1 - before.1,
        memory(&operator)?
    );
    operator.kill()?;
    operator.wait()?;
    Ok(())
}

/// The operator's requests, read from the audit log as it grows.
struct Audit {
    log: BufReader<File>,
    line: String,
    requests: usize,
    writes: usize,
}

impl Audit {
    fn read(&mut self) -> anyhow::Result<(usize, usize)> {
        while self.log.read_line(&mut self.line)? > 0 && self.line.ends_with('\n') {
            let has = |text: &str| self.line.contains(text);
            if has("complaint-operator/") {
                self.requests += 1;
                let writes = ["create", "update", "patch", "delete"];
                self.writes += usize::from(writes.iter().any(|verb| has(&format!(r#""verb":"{verb}""#))));
            }
            self.line.clear();
        }
        Ok((self.requests, self.writes))
    }
}

fn memory(operator: &Child) -> anyhow::Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.id()))?;
    let of = |field: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(field))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let mebibytes = |field| of(field).unwrap_or_default() / 1024;
    Ok(format!(
        "{} MiB now, {} MiB at most",
        mebibytes("VmRSS:"),
        mebibytes("VmHWM:")
    ))
}
