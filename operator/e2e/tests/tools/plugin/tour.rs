//! All commands, one after the other, on the quickstart.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use complaint_harness::Kubectl;
use serde_json::{Value, json};

use super::{COMPLAINT, PLUGIN, Shell};
use crate::cluster::{Cluster, has};

pub(super) fn the_plugin_shows_and_changes_a_classifier(kubectl: Kubectl) {
    let shell = Shell {
        cluster: Cluster::start(&["--with-operator"]),
        kubectl: &kubectl,
    };
    let empty = shell.ok("status");
    has(&empty, &["There is no ComplaintClassifier here"]);
    shell.kubectl("apply -f examples/quickstart");
    has(
        &shell.ok("logs card-complaints-1 -f"),
        &["held-out rows", "model.safetensors"],
    );
    shell.champion("card-complaints-1");
    shell.kubectl("apply -f examples/retrain.yaml");
    shell.kubectl("wait tr/card-complaints-2 --for=condition=Ready --timeout=180s");
    shell.kubectl("wait mv/card-complaints-2 --for=jsonpath={.status.stage}=Rejected --timeout=60s");

    look(&shell);
    explain(&shell);
    ask(&shell);
    by_kubectl(&shell);
    promote(&shell);
    train(&shell);
    pause(&shell);
    lose_the_log(&shell);
    delete(&shell);
}

fn look(shell: &Shell<'_>) {
    has(
        &shell.ok("status"),
        &[
            "CHAMPION",
            "card-complaints-1",
            "macroF1 0.",
            "card-complaints-2 rejected: NotBetter",
            "1/1",
            "Ready",
        ],
    );
    let page = shell.ok("status card-complaints");
    has(
        &page,
        &[
            "ComplaintClassifier default/card-complaints",
            "there was no champion, and it passed the gates",
            "Newcomers",
            "NotBetter",
            "FirstVersion",
        ],
    );
    assert!(!page.contains('\u{1b}'), "no colours but on a terminal");
    let status = shell.json("status card-complaints --exit-code");
    assert_eq!(status["state"], "Ready");
    assert_eq!(status["champion"]["name"], "card-complaints-1");
    assert_eq!(status["newcomers"][0]["reason"], "NotBetter");
    let all = shell.json("status -A");
    assert_eq!(all["classifiers"][0]["namespace"], "default");
    let yaml: Value = serde_saphyr::from_str(&shell.ok("status card-complaints -o yaml")).expect("YAML");
    assert_eq!(yaml, status);

    has(
        &shell.ok("versions card-complaints"),
        &["AGAINST CHAMPION", "Rejected", "NotBetter", "macroF1 -0."],
    );
    let versions = shell.json("versions");
    let names: Vec<&Value> = versions["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|version| &version["name"])
        .collect();
    assert_eq!(names, ["card-complaints-2", "card-complaints-1"]);
    has(&shell.ok("runs"), &["Succeeded", "card-complaints-2", "Ensemble"]);
    assert_eq!(
        shell.json("runs card-complaints")["runs"][1]["version"],
        "card-complaints-1"
    );
}

fn explain(shell: &Shell<'_>) {
    let stored = |path: &str| shell.field("mv/card-complaints-2", path);
    let difference: f64 = stored(".status.comparison.difference").parse().expect("a number");
    let page = shell.ok("compare card-complaints-1 card-complaints-2");
    has(
        &page,
        &[
            "Weakest categories",
            "On the same rows",
            &format!("{difference:+.4}"),
            "Same split",
        ],
    );
    let both = shell.json("compare card-complaints-1 card-complaints-2");
    assert_eq!(both["paired"]["newcomer"], "card-complaints-2");
    assert_eq!(both["paired"]["champion"], "card-complaints-1");
    assert_eq!(both["paired"]["difference"].as_f64(), Some(difference));
    has(
        &shell.ok("compare card-complaints-1 card-complaints-1"),
        &["No paired comparison"],
    );

    let why = shell.json("why card-complaints-2");
    assert_eq!(why["decision"]["reason"], "NotBetter");
    let said = stored(r#".status.conditions[?(@.type=="Rejected")].message"#);
    assert_eq!(why["decision"]["message"], said, "the decision is the operator's");
    let rules = why["rules"].as_array().expect("rules");
    let decisive: Vec<&Value> = rules
        .iter()
        .filter(|rule| rule["decisive"] == true)
        .map(|rule| &rule["rule"])
        .collect();
    assert_eq!(decisive, ["minImprovement"]);
    let gate = rules
        .iter()
        .find(|rule| rule["rule"] == "gate/macroF1")
        .expect("the gate");
    assert_eq!(gate["outcome"], "Passed");
    has(
        &shell.ok("why card-complaints-2"),
        &["failed (decided)", "Nothing has to be done"],
    );
    has(&shell.ok("why card-complaints-1"), &["there was no champion", "passed"]);
}

fn ask(shell: &Shell<'_>) {
    let plugin = Path::new(PLUGIN);
    let argument = shell
        .cluster
        .call(plugin, &["predict", "card-complaints", COMPLAINT, "--top", "2"], "");
    assert!(argument.ok, "{}", argument.err);
    has(
        &argument.out,
        &["CATEGORY", "Fraud", "Needs review", "card-complaints-1"],
    );
    let input = shell
        .cluster
        .call(plugin, &["predict", "card-complaints", "-", "-o", "json"], COMPLAINT);
    let answer: Value = serde_json::from_str(&input.out).expect("JSON");
    assert_eq!(answer["categories"][0]["category"], "Fraud");
    assert_eq!(answer["categories"].as_array().map(Vec::len), Some(5));
    assert_eq!(answer["version"], "card-complaints-1");
    let blank = shell.cluster.call(plugin, &["predict", "card-complaints"], "  \n");
    assert_eq!(blank.code, Some(2), "{}", blank.err);
    has(
        &shell.fails(3, "predict nobody text"),
        &["ComplaintClassifier nobody does not exist"],
    );

    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("report.html");
    shell.ok(&format!("report card-complaints-1 --out {}", file.display()));
    let page = std::fs::read_to_string(&file).expect("the report is written");
    has(&page, &["<!DOCTYPE html>", "card-complaints-1"]);
    let report = shell.json("report card-complaints-1");
    assert_eq!(
        report["artifactSha256"],
        shell.field("mv/card-complaints-1", ".spec.artifact.sha256")
    );
    shell.kubectl("annotate mv/card-complaints-1 complaints.dev/approved-by=jane@example.com");
    let purpose =
        r#"patch cc/card-complaints --type=merge -p {"spec":{"documentation":{"purpose":"Routing.","owner":"Desk"}}}"#;
    shell.kubectl(purpose);
    shell.ok(&format!("dossier card-complaints-1 --out {}", file.display()));
    let page = std::fs::read_to_string(&file).expect("the dossier is written");
    has(
        &page,
        &[
            "Model dossier: card-complaints-1",
            "Routing.",
            "jane@example.com, 2",
            "FirstVersion",
            "Champion",
        ],
    );
    let dossier = shell.json("dossier card-complaints-1");
    assert_eq!(dossier["version"]["sha256"], report["artifactSha256"]);
    has(
        &shell.fails(1, "dossier card-complaints-2"),
        &["give it with --report FILE"],
    );
    std::fs::write(&file, report.to_string()).expect("it can be written");
    let other = format!("dossier card-complaints-2 --report {}", file.display());
    has(&shell.fails(1, &other), &["is the report of another model"]);
    has(
        &shell.fails(1, "report card-complaints-2"),
        &[
            "is not the champion",
            "pvc://card-complaints-artifacts",
            "report.json",
            "only by pods",
        ],
    );
}

/// kubectl finds the plugin in `PATH`.
fn by_kubectl(shell: &Shell<'_>) {
    let script = "kubectl plugin list\nkubectl complaints status\nkubectl complaints -n default why card-complaints-2\n\
        kubectl-complaints completion bash >completion\nbash -n completion\ngrep -c promote completion\n\
        for shell in zsh fish powershell; do kubectl complaints completion $shell | grep -c promote; done\n\
        kubectl complaints runs | head -n 1";
    let folder = tempfile::tempdir().expect("a directory");
    let done = shell.cluster.bash(script, folder.path(), &[]);
    assert!(done.ok, "{}{}", done.out, done.err);
    has(
        &done.out,
        &[
            "kubectl-complaints",
            "card-complaints-2 rejected: NotBetter",
            "failed (decided)",
            "PHASE",
        ],
    );
}

fn promote(shell: &Shell<'_>) {
    let pin = || shell.field("cc/card-complaints", ".spec.promotion.modelVersion");
    let printed = shell.call("promote card-complaints-2");
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    has(
        &printed.err,
        &[
            "warning: ModelVersion card-complaints-2 was rejected: NotBetter",
            "nothing was changed",
        ],
    );
    has(&printed.out, &["# Set spec.promotion.modelVersion in the manifest"]);
    let manifest: Value = serde_saphyr::from_str(&printed.out).expect("YAML");
    assert_eq!(
        manifest,
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
                "metadata": { "name": "card-complaints", "namespace": "default" },
                "spec": { "promotion": { "modelVersion": "card-complaints-2" } } })
    );
    has(
        &shell.ok("promote card-complaints-2 --dry-run=server"),
        &["would be card-complaints-2", "(server dry run)"],
    );
    assert_eq!(pin(), "", "neither a printed manifest nor a dry run changes anything");

    let mut watched = shell.cluster.spawn(Path::new(PLUGIN), "status card-complaints --watch");
    let mut lines = BufReader::new(watched.stdout.take().expect("its output is piped")).lines();
    let mut until = |text: &str| {
        let found = lines.by_ref().any(|line| line.expect("text").contains(text));
        assert!(found, "the watch ended before it showed {text:?}");
    };
    until("there was no champion, and it passed the gates");
    has(
        &shell.ok("promote card-complaints-2 --apply"),
        &["is now card-complaints-2, and was unset"],
    );
    until("spec.promotion.modelVersion named it");
    watched.kill().expect("it runs");
    watched.wait().expect("it ends");
    shell.champion("card-complaints-2");
    has(
        &shell.ok("promote card-complaints-2 --apply"),
        &["is already card-complaints-2"],
    );
    has(
        &shell.ok("why card-complaints-2"),
        &[
            "spec.promotion.modelVersion named it",
            "serves in spite of the rule that fails",
        ],
    );
    // The manifest of before, which has no such line, leaves the pin.
    shell.kubectl("apply -f examples/quickstart/classifier.yaml");
    assert_eq!(pin(), "card-complaints-2");

    has(
        &shell.ok("rollback card-complaints"),
        &["modelVersion: card-complaints-1"],
    );
    assert_eq!(pin(), "card-complaints-2");
    has(
        &shell.ok("rollback card-complaints --apply"),
        &["is now card-complaints-1, and was card-complaints-2"],
    );
    shell.champion("card-complaints-1");
    has(
        &shell.fails(3, "rollback card-complaints --to card-complaints-9"),
        &["ModelVersion card-complaints-9"],
    );
    has(
        &shell.fails(3, "promote card-complaints-9"),
        &["ModelVersion card-complaints-9 does not exist", "versions -A"],
    );
}

fn train(shell: &Shell<'_>) {
    has(
        &shell.fails(1, "retrain card-complaints --apply"),
        &["has no spec.retraining"],
    );
    shell.kubectl("apply -f examples/scheduled.yaml");
    shell
        .kubectl("wait cc/card-complaints --for=jsonpath={.status.lastRequestTime}=2026-11-01T00:00:00Z --timeout=60s");
    let asked = shell.call("retrain card-complaints --apply -o json");
    assert_eq!(asked.code, Some(0), "{}", asked.err);
    has(
        &asked.err,
        &[
            "the last manifest of `kubectl apply` has spec.retraining.requestTime",
            "Git",
        ],
    );
    let done: Value = serde_json::from_str(&asked.out).expect("JSON");
    let time = done["to"].as_str().expect("a time");
    shell.kubectl(&format!(
        "wait cc/card-complaints --for=jsonpath={{.status.lastRequestTime}}={time} --timeout=180s"
    ));
    // A second command of the plugin leaves what the first one set.
    assert_eq!(
        shell.field("cc/card-complaints", ".spec.promotion.modelVersion"),
        "card-complaints-1"
    );
    has(
        &shell.ok("unpin card-complaints"),
        &["# Remove spec.promotion.modelVersion", "modelVersion: null"],
    );
    has(
        &shell.ok("unpin card-complaints --apply"),
        &["is now unset, and was card-complaints-1"],
    );
    assert_eq!(shell.field("cc/card-complaints", ".spec.promotion.modelVersion"), "");
    assert_eq!(shell.field("cc/card-complaints", ".spec.promotion.gates[0].min"), "0.7");
    assert_eq!(shell.field("cc/card-complaints", ".spec.retraining.requestTime"), time);
}

fn pause(shell: &Shell<'_>) {
    shell.ok("pause card-complaints --apply");
    shell.kubectl(r#"wait cc/card-complaints --for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Paused --timeout=60s"#);
    has(&shell.ok("status"), &["Paused"]);
    has(&shell.fails(5, "status card-complaints --exit-code"), &["is not ready"]);
    has(&shell.call("promote card-complaints-2").err, &["spec.paused is true"]);
    shell.ok("resume card-complaints --apply");
    shell.kubectl("wait cc/card-complaints --for=condition=Ready --timeout=120s");
    shell.ok("status card-complaints --exit-code");
}

fn lose_the_log(shell: &Shell<'_>) {
    has(&shell.ok("logs card-complaints-2"), &["held-out rows"]);
    shell.kubectl("delete pod -l batch.kubernetes.io/job-name=card-complaints-2-train");
    let gone = shell.call("logs card-complaints-2");
    assert_eq!(gone.code, Some(3), "{}", gone.err);
    has(&gone.err, &["no pod any more", "its log went with it"]);
    has(&gone.out, &["Succeeded", "card-complaints-2, macroF1"]);
}

/// A watch ends with what it watches.
fn delete(shell: &Shell<'_>) {
    let mut watched = shell
        .cluster
        .spawn(Path::new(PLUGIN), "status card-complaints --watch -o yaml");
    let mut lines = BufReader::new(watched.stdout.take().expect("its output is piped")).lines();
    let first = lines.next().expect("a document").expect("text");
    assert_eq!(first, "---");
    shell.kubectl("delete cc/card-complaints");
    assert!(lines.all(|line| line.is_ok()));
    assert_eq!(watched.wait().expect("it ends").code(), Some(3));
}
