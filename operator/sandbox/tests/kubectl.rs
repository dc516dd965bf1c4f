//! The product through the tools that people use: kubectl with the examples, and helm with the chart.
//!
//! `KUBECTL` and `HELM` name the programs, otherwise `PATH` does. A missing one skips its test, aloud; with
//! `REQUIRE_TOOLS` set it fails it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

struct Answer {
    ok: bool,
    out: String,
    err: String,
}

/// A sandbox that ends with its standard input, and a home directory for the tools' caches.
struct Cluster {
    child: Child,
    _output: BufReader<ChildStdout>,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Cluster {
    fn start(flags: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        // A relative state directory, as people type it: pods must find the kubeconfig all the same.
        let mut child = Command::new(env!("CARGO_BIN_EXE_complaint-sandbox"))
            .args(["start", "--lifeline", "--state", "state"])
            .args(flags)
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let kubeconfig = loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("its output is text");
            assert!(read > 0, "the sandbox ended before it named its kubeconfig");
            if let Some(path) = line.strip_prefix("kubeconfig") {
                break home.path().join(path.trim());
            }
        };
        Self {
            child,
            _output: output,
            kubeconfig,
            home,
        }
    }

    fn run(&self, tool: &Path, args: &str, input: &str) -> Answer {
        let mut child = Command::new(tool)
            .args(args.split_whitespace())
            .current_dir(root())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        // A tool that reads no input may have closed it.
        let _ = child
            .stdin
            .take()
            .expect("its input is piped")
            .write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the tool ends");
        Answer {
            ok: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What the tool prints when it succeeds.
    fn ok(&self, tool: &Path, args: &str) -> String {
        let answer = self.run(tool, args, "");
        assert!(answer.ok, "{args}:\n{}{}", answer.out, answer.err);
        answer.out
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The directory goes after every process in it has ended.
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tool(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from);
    match Command::new(&path).arg("version").arg("--help").output() {
        Ok(_) => Some(path),
        Err(error) => {
            assert!(
                std::env::var_os("REQUIRE_TOOLS").is_none(),
                "{} can't be run: {error}",
                path.display()
            );
            eprintln!("skipped: {} can't be run ({error}); set {variable}", path.display());
            None
        }
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples").join(name)).expect("the example is readable")
}

#[test]
fn kubectl_works_with_the_examples() {
    let Some(kubectl) = tool("KUBECTL", "kubectl") else {
        return;
    };
    let cluster = Cluster::start(&["--with-operator"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    ok(
        "wait --for=condition=Established --timeout=60s crd/trainingruns.complaints.dev crd/modelversions.complaints.dev \
        crd/complaintclassifiers.complaints.dev",
    );
    has(
        &ok("apply -f examples/quickstart"),
        &["complaintclassifier.complaints.dev/card-complaints created"],
    );
    ok("wait --for=condition=Ready tr/card-complaints-1 --timeout=180s");
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    look(&ok);
    change(&cluster, &kubectl);
    has(&ok("apply -f examples/retrain.yaml"), &["card-complaints-2 created"]);
    ok("wait --for=condition=Ready tr/card-complaints-2 --timeout=180s");
    has(&ok("apply -f examples/pin.yaml"), &["card-complaints configured"]);
    has(
        &ok("apply -f examples/import/"),
        &["imported-complaints-2026-11 created"],
    );
    has(
        &ok("apply -f examples/cfpb.yaml --dry-run=server"),
        &["cfpb-1 created (server dry run)"],
    );
    assert!(
        !cluster.run(&kubectl, "get tr/cfpb-1", "").ok,
        "a dry run made an object"
    );
    ok("delete tr/card-complaints-1");
    ok("wait --for=delete job/card-complaints-1-train --timeout=60s");
    has(&ok("get mv card-complaints-1"), &["Champion"]);
}

fn look(ok: &dyn Fn(&str) -> String) {
    has(
        &ok("get complaints"),
        &[
            "CHAMPION",
            "MACRO-F1",
            "SERVING",
            "URL",
            "STAGE",
            "Champion",
            "Succeeded",
        ],
    );
    has(
        &ok("get tr -o wide"),
        &["PHASE", "PROGRESS", "MODEL", "card-complaints-1"],
    );
    has(
        &ok("describe tr/card-complaints-1"),
        &["Events:", "JobCreated", "Trained"],
    );
    has(
        &ok("describe cc/card-complaints"),
        &["Promoted", "ModelVersion card-complaints-1"],
    );
    has(
        &ok("logs job/card-complaints-1-train"),
        &["held-out rows", "model.safetensors"],
    );
    has(&ok("explain tr.spec.search"), &["candidates", "maxTrialCount", "enum:"]);
    assert_eq!(ok("diff -f examples/quickstart"), "");
}

fn change(cluster: &Cluster, kubectl: &Path) {
    let other = example("quickstart/classifier.yaml").replace("minimum: 0.7", "minimum: 0.75");
    let difference = cluster.run(kubectl, "diff -f -", &other);
    assert!(!difference.ok, "a difference has exit code 1");
    has(&difference.out, &["-      minimum: 0.7", "+      minimum: 0.75"]);
    for (from, to, message) in [
        (
            "minimum: 0.7",
            "minimum: 7",
            "spec.promotion.gates[0].minimum in body should be less than or equal to 1",
        ),
        ("replicas: 1", "replikas: 1", "unknown field \"spec.serving.replikas\""),
    ] {
        let bad = example("quickstart/classifier.yaml").replace(from, to);
        let answer = cluster.run(kubectl, "apply -f -", &bad);
        assert!(!answer.ok, "accepted: {to}");
        has(&answer.err, &[message]);
    }
    let patch = r#"patch cc/card-complaints --type=merge -p {"spec":{"serving":{"replicas":2}}}"#;
    cluster.ok(kubectl, patch);
    cluster.ok(
        kubectl,
        "wait --for=jsonpath={.status.readyReplicas}=2 deploy/card-complaints --timeout=120s",
    );
}

#[test]
fn helm_installs_upgrades_rolls_back_and_leaves_the_definitions() {
    let (Some(kubectl), Some(helm)) = (tool("KUBECTL", "kubectl"), tool("HELM", "helm")) else {
        return;
    };
    let cluster = Cluster::start(&[]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    let chart = "charts/complaint-operator --namespace complaint-system --wait --timeout 120s";
    cluster.ok(&helm, &format!("install complaint-operator {chart} --create-namespace"));
    let ready = "get deploy/complaint-operator --namespace complaint-system -o jsonpath={.status.readyReplicas}";
    assert_eq!(ok(ready), "2");
    ok(
        "wait lease/complaint-operator --namespace complaint-system --for=jsonpath={.spec.holderIdentity} --timeout=60s",
    );
    let holder = "get lease/complaint-operator --namespace complaint-system -o jsonpath={.spec.holderIdentity}";
    has(
        &ok("get pods --namespace complaint-system --output name"),
        &[&ok(holder)],
    );
    ok("apply -f examples/quickstart");
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    cluster.ok(
        &helm,
        &format!("upgrade complaint-operator {chart} --set log.format=text"),
    );
    cluster.ok(
        &helm,
        "rollback complaint-operator 1 --namespace complaint-system --wait --timeout 120s",
    );
    has(
        &cluster.ok(&helm, "history complaint-operator --namespace complaint-system"),
        &["Rollback to 1"],
    );
    assert_eq!(ok(ready), "2");
    cluster.ok(
        &helm,
        "uninstall complaint-operator --namespace complaint-system --wait --timeout 120s",
    );
    assert_eq!(
        ok(
            "get deploy,serviceaccounts --namespace complaint-system --selector app.kubernetes.io/name=complaint-operator --output name"
        ),
        ""
    );
    has(
        &ok("get crd --output name"),
        &["trainingruns.", "modelversions.", "complaintclassifiers."],
    );
    has(&ok("get cc"), &["card-complaints-1", "True"]);
}
