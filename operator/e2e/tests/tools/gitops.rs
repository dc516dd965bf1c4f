//! The GitOps example by its README: staging trains into a bucket, and production gets the version by manifest.

use std::{fs, path::Path, process::Command};

use complaint_harness::{Case, Kubectl, PythonWithLua, S3Server, Weed, tests};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, has, root},
    documents,
    shell::text,
};

pub fn tests() -> Vec<Case> {
    tests![
        a_version_goes_from_staging_to_production_by_manifest,
        a_version_on_a_volume_is_not_promoted,
        the_folders_that_flux_and_argo_cd_follow_exist_and_build,
        argo_cd_tells_the_health_of_each_kind,
    ]
}

/// A copy of the files that the commands change.
fn checkout() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    let copied = Command::new("cp")
        .arg("-R")
        .arg(root().join("examples"))
        .arg(copy.path())
        .status()
        .expect("cp runs");
    assert!(copied.success());
    copy
}

fn a_version_goes_from_staging_to_production_by_manifest(kubectl: Kubectl, weed: Weed) {
    let s3 = S3Server::start(&weed);
    let data = fs::read(root().join("examples/data/complaints.csv")).expect("the sample is readable");
    s3.put("complaint-data", "complaints.csv", &data);
    s3.put("complaint-models", "README", b"models, by digest");

    let cluster = Cluster::start(&["--with-operator"]);
    let copy = checkout();
    let script = documents::commands(&root().join("examples/gitops/README.md"));
    let done = cluster.bash(&script, copy.path(), &s3.variables());
    assert!(done.ok, "{}{}", done.out, done.err);
    has(
        &done.out,
        &["now promotes card-complaints-1", "card-complaints-1", "True"],
    );

    // Both serve the same bytes, and production has no access to the data.
    let digest = |namespace: &str| {
        let path = "jsonpath={.status.champion.sha256}";
        cluster.ok(
            &kubectl,
            &format!("get cc/card-complaints --namespace {namespace} -o {path}"),
        )
    };
    assert_eq!(digest("complaints"), digest("complaints-staging"));
    assert_eq!(
        cluster.ok(&kubectl, "get trainingruns --namespace complaints --output name"),
        ""
    );

    // The plugin reads the report of a version that no server serves from the bucket, with the keys of its environment.
    let other = "get mv/card-complaints-1 --namespace complaints-staging -o json";
    let mut other: Value = serde_json::from_str(&cluster.ok(&kubectl, other)).expect("JSON");
    other["metadata"] = json!({ "name": "card-complaints-0", "namespace": "complaints-staging" });
    let record = other["spec"]["report"].clone();
    let applied = cluster.run(&kubectl, "create -f -", &other.to_string());
    assert!(applied.ok, "{}", applied.err);
    let report = "report card-complaints-0 --namespace complaints-staging -o json";
    let read = cluster.bash(&format!("kubectl complaints {report}"), copy.path(), &s3.variables());
    assert!(read.ok, "{}", read.err);
    let read: Value = serde_json::from_str(&read.out).expect("JSON");
    assert_eq!(read["artifactSha256"], other["spec"]["artifact"]["sha256"]);
    let without = cluster.bash(&format!("kubectl complaints {report}"), copy.path(), &[]);
    assert!(!without.ok);
    has(&without.err, &["AWS_ACCESS_KEY_ID"]);
    // Another file is not taken for it.
    let key = text(&record, "/uri").replace("s3://complaint-models/", "");
    s3.put("complaint-models", &key, b"{}");
    let forged = cluster.bash(&format!("kubectl complaints {report}"), copy.path(), &s3.variables());
    assert!(!forged.ok);
    has(&forged.err, &["somebody has changed it", &text(&record, "/sha256")]);

    // Repeating the promotion changes nothing; another version changes the record's name and one line.
    let production = copy.path().join("examples/gitops/overlays/production");
    let before = fs::read_to_string(production.join("kustomization.yaml")).expect("it is readable");
    let again = cluster.bash("examples/gitops/promote card-complaints-1", copy.path(), &[]);
    assert!(again.ok, "{}", again.err);
    assert_eq!(
        fs::read_to_string(production.join("kustomization.yaml")).expect("it is readable"),
        before
    );
    let missing = cluster.bash("examples/gitops/promote card-complaints-9", copy.path(), &[]);
    assert!(!missing.ok && missing.err.contains("not found"), "{}", missing.err);
}

/// A version on a volume is not available elsewhere: the script reports this and changes nothing.
fn a_version_on_a_volume_is_not_promoted(kubectl: Kubectl) {
    let cluster = Cluster::start(&["--with-operator"]);
    cluster.ok(&kubectl, "apply -f examples/quickstart");
    cluster.ok(
        &kubectl,
        "wait tr/card-complaints-1 --for=condition=Ready --timeout=180s",
    );
    let copy = checkout();
    let refused = cluster.bash("examples/gitops/promote card-complaints-1 default", copy.path(), &[]);
    assert!(!refused.ok);
    has(&refused.err, &["artifacts.uri"]);
    assert!(
        !copy
            .path()
            .join("examples/gitops/overlays/production/versions")
            .exists()
    );
}

/// Without servers of Flux and Argo CD: their manifests build and name existing folders.
fn the_folders_that_flux_and_argo_cd_follow_exist_and_build(kubectl: Kubectl) {
    let examples = root().join("examples/gitops");
    for folder in ["flux", "argocd", "overlays/staging", "overlays/production"] {
        let built = Command::new(&kubectl)
            .arg("kustomize")
            .arg(examples.join(folder))
            .output()
            .expect("kubectl runs");
        assert!(
            built.status.success(),
            "{folder}: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        let text = String::from_utf8_lossy(&built.stdout);
        for path in text.lines().filter_map(|line| line.trim().strip_prefix("path: ")) {
            assert!(
                root().join(path).join("kustomization.yaml").is_file(),
                "{folder} names {path}"
            );
        }
    }
}

/// Argo CD's health check on the operator's objects, run by another Lua interpreter.
fn argo_cd_tells_the_health_of_each_kind(kubectl: Kubectl, python: PythonWithLua) {
    let cluster = Cluster::start(&["--with-operator"]);
    cluster.ok(&kubectl, "apply -f examples/quickstart");
    cluster.ok(&kubectl, "wait cc/card-complaints --for=condition=Ready --timeout=180s");
    let broken = r#"
apiVersion: complaints.dev/v1alpha1
kind: TrainingRun
metadata: { name: broken }
spec:
  classifierRef: { name: card-complaints }
  dataset:
    source: { configMap: { name: card-complaints, key: complaints.csv.gz } }
    format: Csv
    textField: no-such-column
    labelFields: [category]
"#;
    assert!(cluster.run(&kubectl, "apply -f -", broken).ok);
    cluster.ok(&kubectl, "wait tr/broken --for=condition=Stalled --timeout=180s");
    let waiting =
        "apiVersion: complaints.dev/v1alpha1\nkind: ComplaintClassifier\nmetadata: { name: waiting }\nspec: {}\n";
    assert!(cluster.run(&kubectl, "apply -f -", waiting).ok);
    cluster.ok(&kubectl, "wait cc/waiting --for=condition=Reconciling --timeout=60s");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/health.py");
    let lua = root().join("examples/gitops/argocd/health.lua");
    for (object, expected) in [
        ("tr/card-complaints-1", "Healthy"),
        ("mv/card-complaints-1", "Healthy"),
        ("cc/card-complaints", "Healthy"),
        ("tr/broken", "Degraded"),
        ("cc/waiting", "Progressing"),
    ] {
        let json = cluster.ok(&kubectl, &format!("get {object} -o json"));
        let arguments = format!("{} {}", script.display(), lua.display());
        let told = cluster.run(&python, &arguments, &json);
        assert!(told.ok, "{object}: {}", told.err);
        assert!(told.out.starts_with(expected), "{object}: {}", told.out);
    }
}
