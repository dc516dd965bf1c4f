//! The dashboard: in a browser, with the rights of a user, and in a cluster by the chart.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::Child,
};

use complaint_harness::{Browser, Case, Chromium, Helm, Kubectl, tests};
use serde_json::{Value, json};

use crate::cluster::{Cluster, has};

pub fn tests() -> Vec<Case> {
    tests![
        a_browser_follows_a_training_and_finds_its_way,
        what_objects_say_runs_nothing_in_a_browser,
        a_user_of_one_namespace_sees_it_and_is_told,
        the_chart_serves_it_to_whom_the_cluster_knows,
    ]
}

const PLUGIN: &str = env!("CARGO_BIN_EXE_complaint-e2e-plugin");

/// A dashboard on this machine, which ends with this value.
pub struct Dashboard {
    child: Child,
    /// Its address, without a path.
    pub address: String,
    /// The path that opens it.
    pub opener: String,
}

impl Dashboard {
    pub fn start(cluster: &Cluster, args: &str) -> Self {
        let mut child = cluster.spawn(Path::new(PLUGIN), &format!("dashboard --port 0 {args}"));
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        output.read_line(&mut line).expect("text");
        let word = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = word.unwrap_or_else(|| panic!("it names no address: {line:?}"));
        let (address, opener) = url.trim_start_matches("http://").split_once('/').expect("a path");
        let (address, opener) = (address.to_owned(), format!("/{opener}"));
        assert!(opener.starts_with("/?key="), "{opener}");
        Self { child, address, opener }
    }

    /// The answer to a request of somebody who has opened it.
    pub fn ask(&self, request: &str, headers: &str) -> String {
        self.ask_with(request, headers, "")
    }

    /// The same, with a body.
    pub fn ask_with(&self, request: &str, headers: &str, body: &str) -> String {
        let opened = ask(&self.address, &format!("GET {}", self.opener), "Host: localhost\r\n");
        let cookie = opened
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .expect("a cookie");
        let cookie = cookie.split(';').next().expect("a pair");
        ask_with(&self.address, request, &format!("Cookie: {cookie}\r\n{headers}"), body)
    }

    /// The page, once everything has been read.
    pub fn page(&self, path: &str) -> String {
        loop {
            let answer = self.ask(&format!("GET {path}"), "Host: localhost\r\n");
            if !answer.starts_with("HTTP/1.1 503") {
                return answer;
            }
            std::thread::yield_now();
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole answer to a request, head and body.
pub fn ask(address: &str, request: &str, headers: &str) -> String {
    ask_with(address, request, headers, "")
}

/// The same, with a body.
pub fn ask_with(address: &str, request: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{request} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n{body}").expect("it can be asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// What of the page is in focus: where its link leads, or what it is.
const FOCUS: &str =
    "document.activeElement.getAttribute('href') || document.activeElement.name || document.activeElement.tagName";

async fn tab_to(browser: &mut Browser, target: &str) {
    for _ in 0..40 {
        browser.press("Tab", 0).await;
        if browser.value(FOCUS).await == target {
            return;
        }
    }
    panic!("{target} can't be reached by keyboard");
}

async fn words(browser: &mut Browser) -> String {
    let words = browser.value("document.body.innerText").await;
    words.as_str().expect("text").to_owned()
}

async fn a_browser_follows_a_training_and_finds_its_way(kubectl: Kubectl, chromium: Chromium) {
    let cluster = Cluster::start(&["--with-operator"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    let dashboard = Dashboard::start(&cluster, "");
    let mut browser = Browser::start(&chromium).await;
    browser.open(&dashboard.url(&dashboard.opener)).await;
    browser
        .until("document.body.innerText.includes('There is no ComplaintClassifier in all namespaces')")
        .await;
    browser
        .until("document.getElementById('live').innerText === 'Live'")
        .await;

    // The page follows without being loaded again.
    browser.value("window.same = true").await;
    ok("apply -f examples/quickstart");
    browser
        .until("!!document.querySelector('a[href=\"/classifiers/default/card-complaints\"]')")
        .await;
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    browser
        .until("document.querySelector('tbody .badge').innerText === 'Ready'")
        .await;
    assert_eq!(
        browser.value("window.same").await,
        true,
        "the page was not loaded again"
    );
    ok("apply -f examples/retrain.yaml");
    ok("wait tr/card-complaints-2 --for=condition=Ready --timeout=180s");
    ok("wait mv/card-complaints-2 --for=jsonpath={.status.stage}=Rejected --timeout=60s");

    // By keyboard from the list to the classifier, its versions, and one of them.
    browser.open(&dashboard.url("/")).await;
    browser.press("Tab", 0).await;
    assert_eq!(
        browser.value(FOCUS).await,
        "#main",
        "the first stop skips what is on every page"
    );
    for (target, said) in [
        (
            "/classifiers/default/card-complaints",
            "there was no champion, and it passed the gates",
        ),
        ("/classifiers/default/card-complaints/versions", "Lineage"),
        ("/versions/default/card-complaints-2", "NotBetter"),
        ("/runs/default/card-complaints-2", "succeeded"),
    ] {
        tab_to(&mut browser, target).await;
        browser.press("Enter", 0).await;
        browser
            .until(&format!(
                "location.pathname === {target:?} && document.readyState === 'complete'"
            ))
            .await;
        has(&words(&mut browser).await, &[said]);
    }
    let difference: f64 = ok("get mv/card-complaints-2 -o jsonpath={.status.comparison.difference}")
        .parse()
        .expect("a number");
    let compare = "/classifiers/default/card-complaints/compare?a=card-complaints-1&b=card-complaints-2";
    browser.open(&dashboard.url(compare)).await;
    has(
        &words(&mut browser).await,
        &[
            &format!("{difference:+.4}").replace('-', "\u{2212}"),
            "On the same rows",
            "Weakest categories",
        ],
    );

    looks(&mut browser, &dashboard).await;
    without_javascript(&mut browser, &dashboard).await;
    assert!(browser.errors.is_empty(), "{:#?}", browser.errors);
    let own = dashboard.url("/");
    assert!(
        browser.requests.iter().all(|request| request.starts_with(&own)),
        "{:?}",
        browser.requests
    );
}

const PAGES: [&str; 6] = [
    "/",
    "/classifiers/default/card-complaints",
    "/classifiers/default/card-complaints/versions",
    "/classifiers/default/card-complaints/compare?a=card-complaints-1&b=card-complaints-2",
    "/versions/default/card-complaints-2",
    "/runs/default/card-complaints-1",
];

/// Contrast, names for a screen reader, and a narrow screen.
async fn looks(browser: &mut Browser, dashboard: &Dashboard) {
    for path in PAGES {
        browser.open(&dashboard.url(path)).await;
        for scheme in ["light", "dark"] {
            let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            browser.call("Emulation.setEmulatedMedia", media).await;
            for selector in [
                "h1",
                "a",
                "caption",
                "thead th",
                "tbody th",
                "tbody td",
                ".badge",
                ".badge.bad",
                ".badge.good",
                "dt",
                "small",
                "footer p",
            ] {
                let there = browser.value(&format!("!!document.querySelector({selector:?})")).await;
                if there == true {
                    let contrast = browser.contrast(selector).await;
                    assert!(contrast >= 4.5, "{path}, {scheme}: {selector} has contrast {contrast}");
                }
            }
        }
        for (role, name) in browser.heard().await {
            let is_named = matches!(
                role.as_str(),
                "button" | "searchbox" | "combobox" | "link" | "table" | "navigation" | "region"
            );
            assert!(!is_named || !name.is_empty(), "{path}: {role} without a name");
        }
        let phone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true });
        browser.call("Emulation.setDeviceMetricsOverride", phone).await;
        let width = browser.value("document.documentElement.scrollWidth").await;
        assert!(
            width.as_u64() <= Some(320),
            "{path}: tables scroll, and the page does not: {width}"
        );
        browser.call("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }
}

async fn without_javascript(browser: &mut Browser, dashboard: &Dashboard) {
    browser
        .call("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    for path in PAGES {
        browser.open(&dashboard.url(path)).await;
        assert_eq!(
            browser.value("document.getElementById('live').innerText").await,
            "",
            "{path}: the script did not run"
        );
        assert_eq!(
            browser.value("document.querySelectorAll('h1').length").await,
            1,
            "{path}"
        );
    }
    browser.open(&dashboard.url("/")).await;
    browser.click("input[name=q]").await;
    browser.write("nothing").await;
    browser.press("Enter", 0).await;
    browser
        .until("document.body.innerText.includes('No classifier has this name')")
        .await;
}

async fn what_objects_say_runs_nothing_in_a_browser(kubectl: Kubectl, chromium: Chromium) {
    let cluster = Cluster::with_definitions(&kubectl);
    let hostile = "<img src=x onerror=\"window.owned=1\"><script>window.owned=1</script></main></title>' onfocus='window.owned=1' autofocus='";
    let condition = |type_: &str, status: &str| json!({ "type": type_, "status": status, "reason": "Odd", "message": hostile, "lastTransitionTime": "2026-11-27T12:00:00Z" });
    let digest = "a1".repeat(32);
    let object = |kind: &str, name: &str, spec: Value, status: Value| {
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": kind, "metadata": { "name": name, "namespace": "default",
                "annotations": { "note": hostile } }, "spec": spec, "status": status })
    };
    let evaluation = json!({ "metrics": { "macroF1": 0.8 }, "rows": 100, "split": hostile.chars().take(120).collect::<String>(),
        "weakestClasses": [{ "label": hostile, "recall": 0.5, "support": 9 }] });
    let objects = [
        object(
            "ComplaintClassifier",
            "odd",
            json!({}),
            json!({ "url": hostile, "champion": { "name": hostile, "sha256": digest }, "conditions": [condition("Stalled", "True"), condition("Ready", "False")],
                    "promotions": [{ "version": hostile, "sha256": digest, "from": hostile, "reason": "Pinned", "time": "2026-11-27T12:00:00Z" }] }),
        ),
        object(
            "ModelVersion",
            "odd-1",
            json!({ "classifierRef": { "name": "odd" }, "artifact": { "uri": format!("pvc://odd-artifacts/default/odd/{digest}/model.safetensors"), "sha256": digest } }),
            json!({ "stage": "Rejected", "evaluation": evaluation, "conditions": [condition("Rejected", "True"), condition("Stalled", "True")] }),
        ),
        object(
            "TrainingRun",
            "odd-1",
            json!({ "classifierRef": { "name": "odd" }, "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                    "textField": "narrative", "labelFields": ["category"] } }),
            json!({ "phase": "Running", "progress": { "stage": "Searching", "percent": 5, "message": hostile }, "conditions": [condition("Stalled", "True")] }),
        ),
    ];
    for object in &objects {
        let mut spec = object.clone();
        spec.as_object_mut().expect("an object").remove("status");
        let manifest = |object: &Value| object.to_string();
        for (how, manifest) in [
            ("apply --server-side -f -", manifest(&spec)),
            (
                "apply --server-side --force-conflicts --subresource=status -f -",
                manifest(object),
            ),
        ] {
            let applied = cluster.run(&kubectl, how, &manifest);
            assert!(applied.ok, "{}", applied.err);
        }
    }
    let dashboard = Dashboard::start(&cluster, "");
    dashboard.page("/");
    let mut browser = Browser::start(&chromium).await;
    browser.open(&dashboard.url(&dashboard.opener)).await;
    for path in [
        "/",
        "/classifiers/default/odd",
        "/classifiers/default/odd/versions",
        "/versions/default/odd-1",
        "/runs/default/odd-1",
    ] {
        browser.open(&dashboard.url(path)).await;
        assert_eq!(browser.value("typeof window.owned").await, "undefined", "{path}");
        assert_eq!(
            browser
                .value("document.querySelectorAll('img, main script, [onfocus], [onerror]').length")
                .await,
            0,
            "{path}"
        );
        // The list of versions has names and figures only.
        if !path.ends_with("/versions") {
            has(&words(&mut browser).await, &["window.owned=1"]);
        }
    }
    // And after the script has put newer content into the page.
    browser.open(&dashboard.url("/classifiers/default/odd")).await;
    browser
        .until("document.getElementById('live').innerText === 'Live'")
        .await;
    cluster.ok(&kubectl, "delete tr/odd-1");
    browser
        .until("document.body.innerText.includes('There is no TrainingRun for it')")
        .await;
    assert_eq!(browser.value("typeof window.owned").await, "undefined");
    assert!(browser.errors.is_empty(), "{:#?}", browser.errors);
}

/// What a reader of the three kinds in one namespace has.
const READER: &str = "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: default }
rules:
  - { apiGroups: [complaints.dev], resources: [complaintclassifiers, modelversions, trainingruns], verbs: [list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects:
  - { kind: User, name: rita, apiGroup: rbac.authorization.k8s.io }
";

fn a_user_of_one_namespace_sees_it_and_is_told(kubectl: Kubectl) {
    let cluster = Cluster::start(&["--rbac"]);
    cluster.ok(&kubectl, "apply --server-side -f crds");
    cluster.ok(
        &kubectl,
        "wait --for=condition=Established --timeout=60s crd/complaintclassifiers.complaints.dev",
    );
    let refused = cluster.run(Path::new(PLUGIN), "dashboard --port 0 --as rita", "");
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    has(
        &refused.err,
        &[
            "you may not list complaintclassifiers.complaints.dev in namespace default",
            "rita",
        ],
    );
    let applied = cluster.run(&kubectl, "apply -f -", READER);
    assert!(applied.ok, "{}", applied.err);

    let dashboard = Dashboard::start(&cluster, "--as rita");
    let shown = dashboard.page("/");
    has(
        &shown,
        &[
            "HTTP/1.1 200",
            "You may not list complaintclassifiers.complaints.dev in all namespaces",
            "only namespace default is shown",
        ],
    );
    // Nobody without the key, no other name, nothing but reading.
    has(
        &ask(&dashboard.address, "GET /", "Host: localhost\r\n"),
        &["HTTP/1.1 401", "Open the whole address"],
    );
    has(
        &ask(&dashboard.address, "GET /", "Host: evil.example.org\r\n"),
        &["HTTP/1.1 421"],
    );
    has(
        &ask(&dashboard.address, "POST /", "Host: localhost\r\nContent-Length: 0\r\n"),
        &["HTTP/1.1 405", "allow: GET, HEAD"],
    );
    let door = cluster.run(Path::new(PLUGIN), "dashboard --address 0.0.0.0 --port 0", "");
    assert_eq!(door.code, Some(2), "{}", door.err);
    has(&door.err, &["others could look with your rights", "--authentication"]);
    let taken = dashboard.address.rsplit(':').next().expect("a port");
    let second = cluster.run(Path::new(PLUGIN), &format!("dashboard --as rita --port {taken}"), "");
    assert_eq!(second.code, Some(1), "{}", second.err);
    has(&second.err, &["can't listen at 127.0.0.1", "--port"]);
}

/// What the audit log has of the account that the chart gives the dashboard. All of it was allowed.
pub fn requests_of_the_account(cluster: &Cluster) -> Vec<Value> {
    let log = cluster.read("audit.log");
    let events = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("an audit event per line"));
    let own = "system:serviceaccount:complaint-system:complaint-operator-dashboard";
    let own: Vec<Value> = events
        .filter(|event: &Value| event["user"]["username"] == own)
        .collect();
    for event in &own {
        assert_eq!(
            event["annotations"]["authorization.k8s.io/decision"], "allow",
            "{event:#}"
        );
    }
    own
}

fn the_chart_serves_it_to_whom_the_cluster_knows(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::start(&["--rbac", "--audit-log", "audit.log"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    cluster.ok(
        &helm,
        "install complaint-operator charts/complaint-operator --namespace complaint-system --create-namespace --wait --timeout 120s \
         --set dashboard.enabled=true --set dashboard.hosts={complaints.example.org}",
    );
    let pod = |path: &str| {
        ok(&format!(
            "get pods --namespace complaint-system --selector app.kubernetes.io/component=dashboard -o jsonpath={{.items[0]{path}}}"
        ))
    };
    let address = format!("{}:8080", pod(".status.podIP"));
    let get = |host: &str, token: &str| {
        let token = if token.is_empty() {
            String::new()
        } else {
            format!("Authorization: Bearer {token}\r\n")
        };
        ask(&address, "GET /", &format!("Host: {host}\r\n{token}"))
    };
    ok("create serviceaccount reader");
    ok("create serviceaccount stranger");
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "reader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "kind": "ServiceAccount", "name": "reader", "namespace": "default" }] });
    let bound = cluster.run(&kubectl, "apply -f -", &binding.to_string());
    assert!(bound.ok, "{}", bound.err);
    let token = |account: &str| {
        let path = format!("create --raw /api/v1/namespaces/default/serviceaccounts/{account}/token -f -");
        let request =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
        let made = cluster.run(&kubectl, &path, &request.to_string());
        assert!(made.ok, "{}", made.err);
        let made: Value = serde_json::from_str(&made.out).expect("JSON");
        made["status"]["token"].as_str().expect("a token").to_owned()
    };
    let (reader, stranger) = (token("reader"), token("stranger"));
    let public = "complaints.example.org";
    has(&get(public, ""), &["HTTP/1.1 401", "www-authenticate: Bearer"]);
    has(&get(public, "nonsense"), &["HTTP/1.1 401"]);
    has(
        &get(public, &stranger),
        &[
            "HTTP/1.1 403",
            "system:serviceaccount:default:stranger",
            "list complaintclassifiers.complaints.dev",
        ],
    );
    has(
        &get(public, &reader),
        &["HTTP/1.1 200", "There is no ComplaintClassifier"],
    );
    has(
        &get("complaint-operator-dashboard.complaint-system.svc", &reader),
        &["HTTP/1.1 200"],
    );
    has(&get("evil.example.org", &reader), &["HTTP/1.1 421"]);
    has(&ask(&address, "GET /readyz", ""), &["HTTP/1.1 200"]);

    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let used = requests_of_the_account(&cluster).into_iter();
    let used = used.map(|event| format!("{} {}", word(&event["verb"]), word(&event["objectRef"]["resource"])));
    let mut used: Vec<String> = used.collect();
    used.sort();
    used.dedup();
    assert_eq!(
        used,
        [
            "create subjectaccessreviews",
            "create tokenreviews",
            "list complaintclassifiers",
            "list modelversions",
            "list trainingruns",
            "watch complaintclassifiers",
            "watch modelversions",
            "watch trainingruns",
        ],
        "it uses every right that it has, and no other"
    );
}
