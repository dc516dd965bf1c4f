//! `kubectl complaints review`: captured answers become corrections, by lines, by keys and by files of Label Studio.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Child, Stdio},
};

use complaint_harness::{Browser, Case, Chromium, Helm, Kubectl, tests};
use nix::pty::openpty;
use serde_json::{Value, json};

use crate::cluster::{Answer, Cluster, example, has};
use crate::dashboard::{Dashboard, ask, ask_with};

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

fn captured_answers_become_corrections(kubectl: Kubectl, helm: Helm) {
    let desk = serving(&kubectl, &helm, "");
    has(
        &desk.ok("review card-complaints", ""),
        &["No captured answer", "waits for a person"],
    );
    desk.ask(&PLAIN);

    by_lines(&desk);
    by_rights(&desk);
    by_keys(&desk);
    by_label_studio(&desk);
    hostile_texts(&desk);
}

/// One text at a time, by lines.
fn by_lines(desk: &Desk<'_>) {
    let list = desk.waiting();
    let row = |place: usize| &list["rows"][place];
    let page = desk.ok(
        "review card-complaints --as ed --as-group system:authenticated",
        "y\nu\nt\ns\n?\no\nq\n",
    );
    let first = row(0)["text"].as_str().expect("a text");
    let category = row(0)["category"].as_str().expect("a category");
    has(
        &page,
        &[
            "4 of 4 captured answers that wait for a person. Decisions are sent as ed.",
            "1 of 4",
            "2 of 4",
            "two are true: both are right",
            &format!("Answer     {category}"),
            "»",
            "2 decisions were sent as ed. 2 texts of this review have no decision.",
        ],
    );
    assert!(!page.contains('\u{1b}'), "no colours but on a terminal");
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), 2, "what was undone was not sent: {corrections:?}");
    for (correction, row, both) in [(&corrections[0], row(0), true), (&corrections[1], row(2), false)] {
        assert_eq!(correction["text"], row["text"]);
        assert_eq!((&correction["id"], &correction["by"]), (&row["id"], &json!("ed")));
        assert_eq!(correction["digest"], row["digest"]);
        match both {
            true => assert_eq!(
                (&correction["category"], &correction["also"]),
                (&row["category"], &row["second"])
            ),
            false => assert_eq!(
                (&correction["category"], correction.get("also")),
                (&row["second"], None)
            ),
        }
    }
    let left = desk.texts();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.iter().any(|text| text == first), "{left:?}");
    // A name in place of the user's, and the end of the input in place of q.
    has(
        &desk.ok("review card-complaints --by desk-7", "Fraud\nno such category\n"),
        &["There is no such key or category", "1 decision was sent as desk-7."],
    );
    let last = desk.corrections().pop().expect("a correction");
    assert_eq!((&last["category"], &last["by"]), (&json!("Fraud"), &json!("desk-7")));
}

/// Who may only look reads no text and decides nothing.
fn by_rights(desk: &Desk<'_>) {
    let before = desk.corrections().len();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "a-token-for-corrections\n").expect("it can be written");
    let token = format!("--token-file {}", file.path().display());
    has(
        &desk.fails(4, "review card-complaints --as rita"),
        &[
            "you may not get secrets card-complaints-reviewers in namespace default",
            "--token-file",
            "role",
        ],
    );
    has(
        &desk.fails(4, &format!("review card-complaints --as rita {token}")),
        &["you may not get services/proxy card-complaints in namespace default"],
    );
    std::fs::write(file.path(), "another-token").expect("it can be written");
    let refused = desk.fails(1, &format!("review card-complaints {token}"));
    has(&refused, &["Unauthorized", "tokenSecretRef"]);
    assert!(!refused.contains("another-token"), "{refused}");
    std::fs::write(file.path(), "# none\n").expect("it can be written");
    has(
        &desk.fails(1, &format!("review card-complaints {token}")),
        &["has no token"],
    );
    has(
        &desk.fails(3, "review nobody"),
        &["ComplaintClassifier nobody does not exist"],
    );
    // The API server's proxy passes on no `authorization`, and without a token nothing is read.
    let raw = "get --raw /api/v1/namespaces/default/services/card-complaints:http/proxy/captured";
    let raw = desk.cluster.run(desk.kubectl, raw, "");
    assert!(!raw.ok && !raw.out.contains("text"), "{}{}", raw.out, raw.err);
    assert_eq!(desk.corrections().len(), before);
}

/// A terminal whose keys a test presses.
struct Terminal {
    child: Child,
    master: File,
    shown: String,
}

impl Terminal {
    fn start(desk: &Desk<'_>, args: &str) -> Self {
        let pair = openpty(None, None).expect("a terminal");
        let mut command = desk.cluster.command(Path::new(PLUGIN), args.split_whitespace());
        let end = || Stdio::from(pair.slave.try_clone().expect("the terminal's end"));
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        let child = command.spawn().expect("the plugin starts");
        drop(command);
        drop(pair.slave);
        Self {
            child,
            master: File::from(pair.master),
            shown: String::new(),
        }
    }

    /// Reads until this is shown; what was shown before does not count again.
    fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.shown.contains(text) {
            let read = self.master.read(&mut bytes).expect("the plugin goes on");
            assert!(read > 0, "the plugin ended before it showed {text:?}:\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        let end = self.shown.find(text).expect("it was found") + text.len();
        self.shown.drain(..end);
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("it takes keys");
    }

    /// What is shown until the program ends, and its code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut bytes = [0; 4096];
        // The end of a terminal is an error on Linux.
        while let Ok(read) = self.master.read(&mut bytes) {
            if read == 0 {
                break;
            }
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        (self.shown, self.child.wait().expect("it ends").code())
    }
}

/// Single keys, without Enter, on a terminal.
fn by_keys(desk: &Desk<'_>) {
    desk.ask(&[
        "My loan, my card, my account: who helps?",
        "Money is gone and nobody says where.",
    ]);
    let before = desk.corrections().len();
    let waiting = desk.texts().len();
    let mut terminal = Terminal::start(desk, "review card-complaints --by jane");
    terminal.until(&format!("1 of {waiting}"));
    terminal.until("Second");
    // The second text is shown, and the first one again: its decision is undone.
    terminal.press("y");
    terminal.until(&format!("2 of {waiting}"));
    terminal.press("u");
    terminal.until(&format!("1 of {waiting}"));
    terminal.press("x");
    terminal.until("No such key");
    terminal.press("2");
    terminal.until(&format!("2 of {waiting}"));
    terminal.press("q");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    has(&shown, &["1 decision was sent as jane."]);
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), before + 1);
    let categories = &desk.waiting()["categories"];
    assert_eq!(corrections[before]["category"], categories[1]);

    let mut terminal = Terminal::start(desk, "review card-complaints --by jane");
    terminal.until("1 of");
    terminal.until("Second");
    terminal.press("y");
    terminal.until("2 of");
    terminal.press("\u{3}");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    has(&shown, &["No decision was sent. The last one was not sent."]);
    assert_eq!(desk.corrections().len(), before + 1, "Ctrl+C sends nothing");
}

/// Out to Label Studio, and back.
fn by_label_studio(desk: &Desk<'_>) {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("tasks.json");
    let waiting = desk.texts();
    let told = desk.call(&format!("review card-complaints --export {}", file.display()), "");
    assert_eq!(told.code, Some(0), "{}", told.err);
    has(&told.err, &["captured answers that wait are in", "tasks.json"]);
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it has texts of complaints");
    let mut tasks: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(tasks.as_array().map(Vec::len), Some(waiting.len()));
    let digest = desk.cluster.ok(
        desk.kubectl,
        "get cc/card-complaints -o jsonpath={.status.champion.sha256}",
    );
    for task in tasks.as_array().expect("a list") {
        let prediction = &task["predictions"][0];
        assert_eq!(prediction["model_version"], format!("sha256:{digest}"));
        assert!(
            prediction["score"]
                .as_f64()
                .is_some_and(|score| score > 0.0 && score <= 1.0)
        );
        assert_eq!(prediction["result"][0]["type"], "choices");
    }
    // A person agrees with each prediction.
    for task in tasks.as_array_mut().expect("a list") {
        task["id"] = json!(1);
        task["annotations"] = json!([{
            "id": 1, "completed_by": 3, "was_cancelled": false, "updated_at": "2026-11-29T10:16:08.728378Z",
            "result": task["predictions"][0]["result"],
        }]);
    }
    std::fs::write(&file, tasks.to_string()).expect("it can be written");
    let before = desk.corrections().len();
    let args = format!("review card-complaints --import {}", file.display());
    has(
        &desk.fails(4, &format!("{args} --as rita")),
        &["you may not get secrets"],
    );
    has(
        &desk.ok(&format!("{args} --as ed"), ""),
        &[&format!("{} corrections were sent, imported by ed.", waiting.len())],
    );
    assert_eq!(desk.texts(), [""; 0], "each is decided");
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), before + waiting.len());
    for correction in &corrections[before..] {
        assert_eq!(correction["by"], "Label Studio user 3, imported by ed");
        assert_eq!(
            correction["answer"], correction["category"],
            "the same model answers the same"
        );
    }
    // A file in the documented form: two labels; two annotators; a skipped task.
    let told = desk.ok("review card-complaints --import examples/review/annotated.json", "");
    has(
        &told,
        &[
            "2 corrections were sent",
            "Left out: 1 without an annotation, or skipped.",
        ],
    );
    let corrections = desk.corrections();
    let [.., one, two] = corrections.as_slice() else {
        panic!("{corrections:?}");
    };
    let (both, one) = if one.get("also").is_some() {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(
        (&both["category"], &both["also"]),
        (&json!("Fees and interest"), &json!("Account access"))
    );
    assert_eq!(one["category"], "Fraud");
    has(
        one["by"].as_str().expect("a name"),
        &["Label Studio user 10, Label Studio user 11, imported by"],
    );
    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, r#"[{"text": "somebody's words"}]"#).expect("it can be written");
    let told = desk.fails(2, &format!("review card-complaints --import {}", wrong.display()));
    has(&told, &["can't be imported", "export the project as JSON"]);
    assert!(!told.contains("somebody"), "{told}");
}

/// A terminal shows what complaints hold, and obeys none of it.
fn hostile_texts(desk: &Desk<'_>) {
    desk.ask(&HOSTILE);
    let page = desk.ok("review card-complaints", "s\ns\ns\ns\n");
    for part in ["<script>alert(1)</script>", "onmouseover=", "gpj.exe", "title"] {
        // Words that decided have marks.
        let plain: String = page.chars().filter(|c| !"»«›‹".contains(*c)).collect();
        assert!(plain.contains(part), "no {part:?} in:\n{plain}");
    }
    for obeyed in ['\u{1b}', '\u{7}', '\u{202e}'] {
        assert!(!page.contains(obeyed), "{obeyed:?} in:\n{page}");
    }
    let json = desk.ok("review card-complaints -o json", "");
    assert!(!json.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{json}");
    let log = desk.cluster.ok(desk.kubectl, "logs deployment/card-complaints");
    for text in PLAIN.iter().chain(&HOSTILE) {
        assert!(!log.contains(text), "a complaint in the log:\n{log}");
    }
    assert!(!log.contains("a-token-for-corrections"), "{log}");
}

const PAGE: &str = "/classifiers/default/card-complaints/review";

async fn the_dashboard_takes_decisions_of_whom_may_review(kubectl: Kubectl, helm: Helm, chromium: Chromium) {
    let desk = serving(
        &kubectl,
        &helm,
        "--set dashboard.enabled=true --set dashboard.hosts={complaints.example.org} --set dashboard.reviews[0].namespace=default \
         --set dashboard.reviews[0].classifier=card-complaints --set dashboard.reviews[0].secret=card-complaints-reviewers",
    );
    let texts = [&PLAIN[..2], &HOSTILE[..]].concat();
    desk.ask(&texts);
    in_a_browser(&desk, &chromium).await;
    in_the_cluster(&desk);
}

/// On loopback, with the user's rights; without JavaScript.
async fn in_a_browser(desk: &Desk<'_>, chromium: &Chromium) {
    let dashboard = Dashboard::start(&desk.cluster, "--as ed --as-group system:authenticated");
    dashboard.page("/");
    let mut browser = Browser::start(chromium).await;
    browser
        .call("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await;
    browser.open(&dashboard.url(&dashboard.opener)).await;
    browser
        .open(&dashboard.url("/classifiers/default/card-complaints"))
        .await;
    browser.click("a[href$='/review']").await;
    browser
        .until(&format!(
            "location.pathname === {PAGE:?} && document.readyState === 'complete'"
        ))
        .await;
    let waiting = desk.texts().len();
    let words = browser.value("document.body.innerText").await;
    has(
        words.as_str().expect("text"),
        &[
            "Decisions are sent as ed",
            &format!("1 of {waiting}"),
            "Two are true",
            "All that wait here",
        ],
    );
    assert!(browser.value("document.querySelectorAll('mark').length").await.as_u64() > Some(2));
    for selector in [
        "mark.speaks",
        "mark.against",
        ".decide button",
        ".decide button.main",
        ".complaint",
    ] {
        let contrast = browser.contrast(selector).await;
        assert!(contrast >= 4.5, "{selector} has contrast {contrast}");
    }
    // Each text is shown as text, whatever it holds.
    let mut shown = String::new();
    for place in 0..waiting {
        browser.open(&dashboard.url(&format!("{PAGE}?place={place}"))).await;
        let text = browser.value("document.querySelector('.complaint').textContent").await;
        shown.push_str(text.as_str().expect("text"));
        let others = "document.querySelectorAll('main script, main img, [onmouseover], [onerror]').length";
        assert_eq!(browser.value(others).await, 0);
    }
    has(
        &shown,
        &["<script>alert(1)</script>", "\" onmouseover=\"alert(1)", "gpj.exe"],
    );
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");

    // Two are true, then skip, then another category.
    let rows = desk.waiting();
    let before = desk.corrections().len();
    browser.open(&dashboard.url(PAGE)).await;
    browser.click("button[value=both]").await;
    browser
        .until(&format!(
            "document.getElementById('text').innerText === '1 of {}'",
            waiting - 1
        ))
        .await;
    browser.click("a[rel=next]").await;
    browser
        .until(&format!(
            "document.getElementById('text').innerText === '2 of {}'",
            waiting - 1
        ))
        .await;
    browser.click("button[name=number]").await;
    browser
        .until(&format!(
            "document.getElementById('text').innerText === '2 of {}'",
            waiting - 2
        ))
        .await;
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), before + 2);
    let (both, other) = (&corrections[before], &corrections[before + 1]);
    let first = &rows["rows"][0];
    assert_eq!((&both["text"], &both["by"]), (&first["text"], &json!("ed")));
    assert_eq!(
        (&both["category"], &both["also"]),
        (&first["category"], &first["second"])
    );
    let second = &rows["rows"][2];
    assert_eq!(other["text"], second["text"]);
    assert!(
        ![&second["category"], &second["second"]].contains(&&other["category"]),
        "{other}"
    );
    assert!(browser.errors.is_empty(), "{:#?}", browser.errors);

    // A form of another site, one of nobody, and one about a text that does not wait.
    let body = format!("id={}&choice=answer&model=x", first["id"].as_str().expect("an id"));
    let post = |origin: &str| {
        let headers = format!(
            "Host: {0}\r\n{origin}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n",
            dashboard.address,
            body.len()
        );
        dashboard.ask_with(&format!("POST {PAGE}"), &headers, &body)
    };
    has(&post(""), &["HTTP/1.1 403", "another site"]);
    has(
        &post("Origin: https://evil.example.org\r\n"),
        &["HTTP/1.1 403", "another site"],
    );
    let own = format!("Origin: http://{}\r\n", dashboard.address);
    has(&post(&own), &["HTTP/1.1 409", "Nothing was sent"]);
    // A category of another model's list.
    let left = desk.waiting();
    let body = format!(
        "id={}&number=0&model=sha256:00",
        left["rows"][0]["id"].as_str().expect("an id")
    );
    let headers = format!(
        "Host: {0}\r\n{own}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {1}\r\n",
        dashboard.address,
        body.len()
    );
    let other = dashboard.ask_with(&format!("POST {PAGE}"), &headers, &body);
    has(&other, &["HTTP/1.1 409", "another model serves"]);
    let elsewhere = dashboard.ask(
        "POST /classifiers/default/card-complaints",
        "Host: localhost\r\nContent-Length: 0\r\n",
    );
    has(&elsewhere, &["HTTP/1.1 405"]);

    // Who may look may not review, and who may review needs the Secret on a machine of their own.
    for (user, status, said) in [
        (
            "rita",
            "403",
            "create complaintclassifiers.complaints.dev/feedback in namespace default",
        ),
        (
            "vera",
            "502",
            "you may not get secrets card-complaints-reviewers in namespace default",
        ),
    ] {
        let dashboard = Dashboard::start(&desk.cluster, &format!("--as {user} --as-group system:authenticated"));
        let page = dashboard.page(PAGE);
        has(&page.to_lowercase(), &[&format!("http/1.1 {status}"), said]);
        for text in PLAIN.iter().chain(&HOSTILE) {
            assert!(!page.contains(text), "{user} reads {text}");
        }
        has(
            &dashboard.page("/classifiers/default/card-complaints"),
            &["HTTP/1.1 200"],
        );
    }
}

/// In the cluster, with the rights of the chart.
fn in_the_cluster(desk: &Desk<'_>) {
    let ok = |args: &str| desk.cluster.ok(desk.kubectl, args);
    let address = ok(
        "get pods --namespace complaint-system --selector app.kubernetes.io/component=dashboard -o jsonpath={.items[0].status.podIP}",
    );
    let address = format!("{address}:8080");
    let token = |account: &str| {
        ok(&format!("create serviceaccount {account}"));
        let path = format!("create --raw /api/v1/namespaces/default/serviceaccounts/{account}/token -f -");
        let request =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
        let made = desk.cluster.run(desk.kubectl, &path, &request.to_string());
        assert!(made.ok, "{}", made.err);
        let made: Value = serde_json::from_str(&made.out).expect("JSON");
        made["status"]["token"].as_str().expect("a token").to_owned()
    };
    let (rita, vera) = (token("rita"), token("vera"));
    let headers = |token: &str| format!("Host: complaints.example.org\r\nAuthorization: Bearer {token}\r\n");
    let refused = ask(&address, &format!("GET {PAGE}"), &headers(&rita));
    has(
        &refused,
        &["HTTP/1.1 403", "system:serviceaccount:default:rita", "feedback"],
    );
    let page = ask(&address, &format!("GET {PAGE}"), &headers(&vera));
    has(
        &page,
        &[
            "HTTP/1.1 200",
            "Decisions are sent as",
            "system:serviceaccount:default:vera",
        ],
    );

    let row = &desk.waiting()["rows"][0];
    let before = desk.corrections().len();
    // Whoever the browser says it is does not count, nor what it says the text is.
    let body = format!(
        "id={}&choice=second&model=x&by=rita&text=something",
        row["id"].as_str().expect("an id")
    );
    let form = |token: &str| {
        let headers = format!(
            "{}Origin: https://complaints.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            headers(token),
            body.len()
        );
        ask_with(&address, &format!("POST {PAGE}"), &headers, &body)
    };
    has(&form(&rita), &["HTTP/1.1 403"]);
    assert_eq!(desk.corrections().len(), before);
    has(
        &form(&vera),
        &[
            "HTTP/1.1 303",
            "location: /classifiers/default/card-complaints/review?which=needs-review&place=0",
        ],
    );
    let corrections = desk.corrections();
    let last = corrections.last().expect("a correction");
    assert_eq!(corrections.len(), before + 1);
    assert_eq!(last["by"], "system:serviceaccount:default:vera");
    assert_eq!((&last["text"], &last["category"]), (&row["text"], &row["second"]));

    // The account needs nothing that the chart does not give it.
    let own = "system:serviceaccount:complaint-system:complaint-operator-dashboard";
    let log = desk.cluster.read("audit.log");
    let mut used = 0;
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).expect("an audit event per line");
        if event["user"]["username"] == own {
            assert_eq!(
                event["annotations"]["authorization.k8s.io/decision"], "allow",
                "{event:#}"
            );
            used += 1;
        }
    }
    assert!(used > 8, "{used}");
    assert!(!log.contains("a-token-for-corrections"));
}
