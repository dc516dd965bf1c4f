//! On the dashboard's page: on loopback, and in the cluster.

use complaint_harness::{Browser, Chromium, Helm, Kubectl};
use serde_json::{Value, json};

use super::{Desk, HOSTILE, PLAIN, serving};
use crate::cluster::has;
use crate::dashboard::{Dashboard, ask, ask_with, requests_of_the_account};

const PAGE: &str = "/classifiers/default/card-complaints/review";

pub(super) async fn the_dashboard_takes_decisions_of_whom_may_review(kubectl: Kubectl, helm: Helm, chromium: Chromium) {
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
    let used = requests_of_the_account(&desk.cluster).len();
    assert!(used > 8, "{used}");
    let log = desk.cluster.read("audit.log");
    assert!(!log.contains("a-token-for-corrections"));
}
