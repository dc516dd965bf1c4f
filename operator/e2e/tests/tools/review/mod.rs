//! Captured answers that need a person become corrections.

mod page;
mod terminal;

use std::{fs::File, io::Read, path::Path};

use complaint_harness::{Case, tests};
use serde_json::{Value, json};

use crate::cluster::{Answer, Cluster, example};
use page::the_dashboard_takes_decisions_of_whom_may_review;
use terminal::captured_answers_become_corrections;

pub fn tests() -> Vec<Case> {
    tests![
        captured_answers_become_corrections,
        the_dashboard_takes_decisions_of_whom_may_review,
    ]
}

const PLUGIN: &str = env!("CARGO_BIN_EXE_complaint-e2e-plugin");
/// What a complaint may hold: nothing of it does anything in a terminal.
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script> my card was charged",
    "\u{1b}[2J\u{1b}]0;title\u{7} a fee that I never agreed to",
    "\" onmouseover=\"alert(1) somebody used my card",
    "\u{202e}gpj.exe they closed my account",
];
const PLAIN: [&str; 4] = [
    "Two payments were taken for one purchase, and the shop is silent.",
    "A collector calls me about a debt that is not mine.",
    "I was charged a fee for a transfer that never arrived.",
    "Nobody lets me into my own account.",
];

struct Desk<'a> {
    cluster: Cluster,
    kubectl: &'a Path,
}

impl Desk<'_> {
    fn call(&self, args: &str, input: &str) -> Answer {
        self.cluster.run(Path::new(PLUGIN), args, input)
    }

    fn ok(&self, args: &str, input: &str) -> String {
        let answer = self.call(args, input);
        assert_eq!(answer.code, Some(0), "{args}:\n{}{}", answer.out, answer.err);
        answer.out
    }

    fn fails(&self, code: i32, args: &str) -> String {
        let answer = self.call(args, "");
        assert_eq!(answer.code, Some(code), "{args}:\n{}{}", answer.out, answer.err);
        answer.err
    }

    fn waiting(&self) -> Value {
        serde_json::from_str(&self.ok("review card-complaints -o json", "")).expect("JSON")
    }

    /// The texts that wait, sorted.
    fn texts(&self) -> Vec<String> {
        let list = self.waiting();
        let rows = list["rows"].as_array().expect("a list");
        let mut texts: Vec<String> = rows
            .iter()
            .map(|row| row["text"].as_str().expect("a text").to_owned())
            .collect();
        texts.sort();
        texts
    }

    /// Asks for answers, and waits until they are captured.
    fn ask(&self, texts: &[&str]) {
        let before = self.texts().len();
        for text in texts {
            let answer = self
                .cluster
                .call(Path::new(PLUGIN), &["predict", "card-complaints"], text);
            assert!(answer.ok, "{}", answer.err);
        }
        while self.texts().len() < before + texts.len() {
            std::thread::yield_now();
        }
    }

    /// The corrections in the store, by time.
    fn corrections(&self) -> Vec<Value> {
        let claim = "card-complaints-artifacts";
        let mut rows = Vec::new();
        for file in self.cluster.files(claim) {
            if !file.contains("/feedback/") {
                continue;
            }
            let path = format!("state/volumes/default/{claim}/{file}");
            let mut lines = String::new();
            flate2::read::MultiGzDecoder::new(File::open(self.cluster.path(&path)).expect("it is there"))
                .read_to_string(&mut lines)
                .expect("JSON lines");
            rows.extend(
                lines
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).expect("JSON")),
            );
        }
        rows.sort_by_key(|row| row["time"].as_str().expect("a time").to_owned());
        rows
    }
}

/// A classifier that captures every answer, for the chart's roles: rita may look, ed may change, vera may review.
fn serving<'a>(kubectl: &'a Path, helm: &Path, values: &str) -> Desk<'a> {
    let desk = Desk {
        cluster: Cluster::start(&["--rbac", "--audit-log", "audit.log"]),
        kubectl,
    };
    desk.cluster.ok(
        helm,
        &format!("install complaint-operator charts/complaint-operator --namespace complaint-system --create-namespace --wait --timeout 120s {values}"),
    );
    let apply = |manifest: &str| {
        let applied = desk.cluster.run(desk.kubectl, "apply -f -", manifest);
        assert!(applied.ok, "{}", applied.err);
    };
    for (user, role) in [
        ("rita", "view"),
        ("ed", "edit"),
        ("vera", "complaint-system-complaint-operator-review"),
    ] {
        let subjects = json!([
            { "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user },
            { "kind": "ServiceAccount", "name": user, "namespace": "default" },
        ]);
        apply(
            &json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": user },
                     "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role }, "subjects": subjects })
            .to_string(),
        );
    }
    desk.cluster.ok(
        desk.kubectl,
        "create secret generic card-complaints-reviewers --from-literal=token=a-token-for-corrections",
    );
    apply(&example("quickstart/data.yaml"));
    // Every answer needs a person.
    apply(&example("feedback.yaml").replace("abstainBelow: 0.6", "abstainBelow: 1.0"));
    apply(&example("quickstart/training-run.yaml"));
    desk.cluster.ok(
        desk.kubectl,
        "wait cc/card-complaints --for=condition=Ready --timeout=180s",
    );
    desk
}
