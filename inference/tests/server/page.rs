//! The page for people, as a browser without JavaScript uses it.

use crate::client::{get, post_as};
use crate::model::CARDS;
use crate::started::Started;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let server = Started::new().await;
    let page = get(server.address, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.text().contains("<form method=\"post\""));
    assert!(page.text().contains(&server.digest.to_string()));
    // Nothing is stored that the visitor has not asked for: the box for it is empty, and hidden without the script.
    assert!(page.text().contains("<p id=\"keep-row\" class=\"hint\" hidden>"));
    assert!(
        page.text()
            .contains("<input type=\"checkbox\" id=\"keep\" autocomplete=\"off\">")
    );
    for part in [
        page.text(),
        get(server.address, "/page.css").await.text(),
        get(server.address, "/page.js").await.text(),
    ] {
        assert!(!part.contains("http://") && !part.contains("https://") && !part.contains("//cdn"));
    }
}

#[tokio::test]
async fn the_form_works_without_javascript() {
    let server = Started::new().await;
    let body = format!("text={}", CARDS.replace(' ', "+"));
    let page = post_as(server.address, "/", FORM, body).await;
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(html.contains("<strong class=\"category\">Cards</strong>"), "{html}");
    assert!(
        html.contains("Transfers &amp; &quot;wires&quot;"),
        "labels are escaped: {html}"
    );
    assert!(html.contains(CARDS), "the text is still in the form");
    assert!(html.contains("<mark class=\"for"), "{html}");
}

#[tokio::test]
async fn what_a_visitor_types_stays_text() {
    let server = Started::new().await;
    let body = "text=%3Cscript%3Ealert(1)%3C%2Fscript%3E+card+{{answer}}+%3C%2Ftextarea%3E";
    let page = post_as(server.address, "/", FORM, body).await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script>alert"));
    assert_eq!(page.text().matches("</textarea>").count(), 1);
    assert_eq!(
        page.text().matches("{{answer}}").count(),
        2,
        "once in the form, once in the marked text"
    );
}

#[tokio::test]
async fn mistakes_are_told_on_the_page() {
    let server = Started::with(&["--max-body-bytes", "100"]).await;
    for (content_type, body, status, words) in [
        (FORM, "text=+".to_owned(), 400, "is blank"),
        (FORM, "other=a".to_owned(), 400, "no field `text`"),
        (FORM, format!("text={}", "a".repeat(200)), 413, "larger than 100 bytes"),
        ("text/plain", "a".to_owned(), 415, "/predict"),
    ] {
        let page = post_as(server.address, "/", content_type, body.clone()).await;
        assert_eq!(page.status, status, "{body}");
        assert!(page.header("content-type").starts_with("text/html"));
        let alert = page
            .text()
            .split_once("role=\"alert\">")
            .unwrap_or_else(|| panic!("{}", page.text()))
            .1;
        assert!(alert.contains(words), "{alert}");
    }
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type() {
    let server = Started::new().await;
    for path in [
        "/",
        "/page.css",
        "/page.js",
        "/docs",
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/nothing",
        "/openapi.json",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready?digest=1",
        "/report",
        "/predict",
        "/nothing",
        "/v2",
        "/version",
    ] {
        let answer = get(server.address, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_documentation_has_the_headers_of_a_page() {
    let server = Started::new().await;
    for path in ["/docs", "/docs/", "/docs/index.html", "/docs/swagger-ui-bundle.js"] {
        let answer = get(server.address, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self';"),
            "{policy}"
        );
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
