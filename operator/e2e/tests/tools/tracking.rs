//! Versions in a real MLflow server: they are logged, the alias goes with promotions, and a server that is down holds nothing
//! up.

use std::time::{Duration, Instant};

use complaint_harness::{Case, Kubectl, MlflowServer, PythonWithMlflow, tests};
use serde_json::{Value, json};

use crate::{
    cluster::has,
    shell::{Shell, rows, run},
};

pub fn tests() -> Vec<Case> {
    tests![versions_are_logged_and_a_server_that_is_down_holds_nothing_up]
}

const MODEL: &str = "default.cards";
/// No message, status or log may hold it.
const TOKEN: &str = "marked-tracking-token";

/// Waits until the classifier's status says that the alias is on `version`, and returns what the server has.
fn until_aliased(shell: &Shell<'_>, server: &MlflowServer, version: &str) -> Value {
    shell.ok(&format!(
        "wait cc/cards --for=jsonpath={{.status.mlflow[0].champion}}={version} --timeout=180s"
    ));
    shell.ok("wait cc/cards --for=condition=Tracked --timeout=180s");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/tracking.py");
    let found: Value = serde_json::from_str(&server.read(script.as_ref(), &[MODEL])).expect("JSON");
    assert_eq!(found["aliases"], json!({ "champion": version }));
    found
}

fn train(shell: &Shell<'_>, number: usize, overrides: &Value) {
    let mut run = run(number);
    for (field, value) in overrides.as_object().expect("an object") {
        run["spec"][field] = value.clone();
    }
    shell.apply(run);
    shell.ok(&format!(
        "wait tr/cards-{number} --for=condition=Complete --timeout=180s"
    ));
}

fn versions_are_logged_and_a_server_that_is_down_holds_nothing_up(kubectl: Kubectl, python: PythonWithMlflow) {
    let mut server = MlflowServer::start(&python);
    let shell = Shell::start(&kubectl);
    let secret = json!({ "MLFLOW_TRACKING_TOKEN": TOKEN });
    shell.apply(
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "tracking" }, "stringData": secret }),
    );
    shell.apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "rows" }, "data": { "rows.csv": rows() } }));
    let mlflow = json!({ "uri": server.uri(), "secretRef": { "name": "tracking" } });
    let classifier = |tracking: Value| {
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier", "metadata": { "name": "cards" },
                "spec": { "promotion": { "policy": "Manual" }, "tracking": tracking } })
    };
    // A version that is older than its classifier's tracking is logged, too.
    shell.apply(classifier(json!({})));
    train(&shell, 1, &json!({}));
    shell.promote("cards-1");
    let before = shell.ok("get mv,cc,job,event -o yaml");
    assert!(
        !before.contains("Tracked") && !before.contains("cards-track"),
        "{before}"
    );
    shell.patch("cc/cards", &json!({ "spec": { "tracking": { "mlflow": mlflow } } }));
    shell.ok("wait mv/cards-1 --for=condition=Tracked --timeout=180s");
    let found = until_aliased(&shell, &server, "cards-1");
    let digest = shell.ok("get mv/cards-1 -o jsonpath={.spec.artifact.sha256}");
    assert_eq!(found["digests"]["cards-1"], digest.as_str());
    assert_eq!(found["experiments"]["cards-1"], MODEL);

    // A run says otherwise, and its version keeps that when the run is gone; the alias follows the promotion all the same.
    let own = json!({ "uri": server.uri(), "experiment": "second", "secretRef": { "name": "tracking" } });
    train(&shell, 2, &json!({ "tracking": { "mlflow": own } }));
    shell.ok("delete tr/cards-2");
    train(&shell, 3, &json!({ "tracking": {} }));
    shell.ok("wait mv/cards-2 --for=condition=Tracked --timeout=180s");
    shell.promote("cards-2");
    let found = until_aliased(&shell, &server, "cards-2");
    assert_eq!(found["experiments"]["cards-2"], "second");
    assert_eq!(found["versions"], json!(["cards-1", "cards-2"]));

    server.stop();
    train(&shell, 4, &json!({}));
    shell.promote("cards-4");
    shell.ok("wait mv/cards-4 --for=condition=Tracked=False --timeout=180s");
    let told = shell.ok("get mv/cards-4 -o jsonpath={.status.conditions[?(@.type==\"Tracked\")]}");
    has(&told, &["TrackingUnreachable", "tried again"]);
    has(
        &shell.ok("get cc/cards -o jsonpath={.status.conditions[?(@.type==\"Tracked\")]}"),
        &["TrackingUnreachable"],
    );
    has(&shell.events(), &["TrackingUnreachable"]);

    server.restart();
    // What the message says to do where nobody wants to wait.
    shell.ok("delete job -l app.kubernetes.io/component=tracking");
    shell.ok("wait mv/cards-4 --for=condition=Tracked --timeout=180s");
    let found = until_aliased(&shell, &server, "cards-4");
    assert_eq!(found["versions"], json!(["cards-1", "cards-2", "cards-4"]));

    let said = shell.ok("get cc,mv,tr,job,pod,event -o yaml");
    assert!(!said.contains(TOKEN));
    // What is turned off is forgotten, but for the version whose run says otherwise.
    shell.patch("cc/cards", &json!({ "spec": { "tracking": null } }));
    let is_told = |version: &str| shell.ok(&format!("get mv/{version} -o yaml")).contains("Tracked");
    let until = Instant::now() + Duration::from_secs(60);
    while is_told("cards-1") || is_told("cards-4") {
        assert!(Instant::now() < until, "the condition stays");
    }
    assert!(is_told("cards-2"));
}
