//! Addresses, as a client meets them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use complaint_api::{ComplaintClassifier, ModelVersion};
use futures::StreamExt;
use kube::core::DeserializeGuard;
use serde_json::json;
use tokio::sync::watch;
use tower::ServiceExt;

use super::{board, fill, html::read, list};
use crate::{
    cluster::Scope,
    dashboard::{
        board::{Board, Health},
        guard::{Hosts, Key},
        server::{App, Door, Shown, router},
    },
    info::Objects,
    tests::objects::{cards, objects},
};

fn app(board: &Arc<Board>) -> Arc<App> {
    let hosts = Hosts::new("127.0.0.1".parse().expect("an address"), &[]);
    let shown = Shown {
        words: "all namespaces".into(),
        notice: None,
    };
    // Without its sender, the program never ends.
    App::new(board.clone(), hosts, Door::Open, shown, watch::channel(false).1, None)
}

fn request(method: &str, path: &str, host: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .body(Body::empty())
        .expect("a request")
}

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let response = router
        .clone()
        .oneshot(request("GET", path, "localhost:8089"))
        .await
        .expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn every_page_is_where_the_others_say() {
    let board = board(objects());
    let router = router(app(&board));
    let mut seen = HashSet::from(["/".to_owned()]);
    let mut next = vec!["/".to_owned()];
    while let Some(path) = next.pop() {
        let (status, body) = get(&router, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        if !body.starts_with("<!DOCTYPE html>") {
            continue;
        }
        let (tags, _) = read(&body);
        for (_, address) in tags
            .iter()
            .flat_map(|tag| &tag.attributes)
            .filter(|(name, _)| matches!(name.as_str(), "href" | "src"))
        {
            let address = address.replace("&amp;", "&");
            // The champion of before is named, and its record is gone.
            if address.starts_with('/') && !address.ends_with("/loans-0") && seen.insert(address.clone()) {
                next.push(address);
            }
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    for gone in [
        "/versions/team-a/loans-0",
        "/versions/team-a/x",
        "/versions/team-b/cards-1",
        "/classifiers/team-a/x",
        "/classifiers/team-a/x/versions",
        "/classifiers/team-a/cards/compare",
        "/classifiers/team-a/cards/compare?a=cards-1&b=x",
        "/classifiers/team-a/cards/compare?a=cards-1&b=loans-1",
        "/runs/team-a/x",
        "/x",
        "/classifiers/team-a/%3Cscript%3E",
    ] {
        let (status, body) = get(&router, gone).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{gone}");
        assert!(body.contains("Not found"), "{gone}: {body}");
    }
    let (_, both) = get(&router, "/classifiers/team-a/cards/compare?a=cards-1&b=cards-2").await;
    assert!(both.contains("a difference of this size can be chance"), "{both}");
}

#[tokio::test]
async fn the_list_is_filtered_and_in_pages() {
    let many = |namespace: &str| {
        let change = |number: usize| {
            let mut classifier = cards();
            classifier.metadata.name = Some(format!("c{number:03}"));
            classifier.metadata.namespace = Some(namespace.to_owned());
            classifier
        };
        (0..60).map(change).collect::<Vec<_>>()
    };
    let classifiers = [many("a"), many("b")].concat();
    let router = router(app(&board(Objects {
        classifiers,
        ..Objects::default()
    })));
    let lines = |body: &str| body.matches("<th scope=\"row\">").count();
    for (path, expected, said) in [
        ("/", 50, "1 to 50 of 120 classifiers"),
        ("/?page=3", 20, "101 to 120 of 120 classifiers"),
        ("/?page=99", 20, "101 to 120 of 120 classifiers"),
        ("/?page=-1", 50, "1 to 50 of 120 classifiers"),
        ("/?namespace=b&page=2", 10, "51 to 60 of 60 classifiers"),
        ("/?namespace=b&q=C05", 10, "1 to 10 of 10 classifiers"),
        ("/?q=%20c007%20", 2, "1 to 2 of 2 classifiers"),
        ("/?q=nothing", 0, "No classifier has this name"),
        ("/?namespace=c", 0, "No classifier has this name"),
    ] {
        let (status, body) = get(&router, path).await;
        assert_eq!((status, lines(&body)), (StatusCode::OK, expected), "{path}");
        assert!(body.contains(said), "{path}: no {said:?}");
    }
    let (_, second) = get(&router, "/?namespace=b&q=c0&page=2").await;
    assert!(
        second.contains("href=\"/?namespace=b&amp;q=c0\" rel=\"prev\""),
        "{second}"
    );
    assert!(second.contains("value=\"c0\""), "the form says what is shown");
}

#[tokio::test]
async fn only_reads_by_a_known_name_are_answered_and_all_with_strict_headers() {
    let board = board(objects());
    let router = router(app(&board));
    let ask = async |request: Request<Body>| router.clone().oneshot(request).await.expect("an answer");
    let check = |response: &Response<Body>, what: &str| {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map_or("", |value| value.to_str().expect("text"))
                .to_owned()
        };
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{what}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(header("cache-control"), "no-store", "{what}");
        assert_eq!(header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(header("access-control-allow-origin"), "", "{what}");
    };
    for (method, path, host, expected) in [
        ("GET", "/", "localhost:8089", 200),
        ("HEAD", "/", "127.0.0.1:8089", 200),
        ("GET", "/style.css", "localhost", 200),
        ("GET", "/x", "localhost", 404),
        ("GET", "/", "evil.example.org", 421),
        ("GET", "/events", "evil.example.org", 421),
        ("GET", "/style.css", "evil.example.org", 421),
        ("GET", "/x", "evil.example.org", 421),
        ("GET", "/healthz", "10.1.2.3:8080", 200),
        ("GET", "/readyz", "10.1.2.3:8080", 200),
        ("POST", "/", "localhost", 405),
        ("PUT", "/classifiers/team-a/cards", "localhost", 405),
        ("DELETE", "/versions/team-a/cards-1", "localhost", 405),
        ("OPTIONS", "/", "localhost", 405),
        ("POST", "/healthz", "localhost", 405),
    ] {
        let response = ask(request(method, path, host)).await;
        assert_eq!(response.status(), expected, "{method} {path} of {host}");
        check(&response, &format!("{method} {path} of {host}"));
    }
    let nameless = Request::get("/").body(Body::empty()).expect("a request");
    assert_eq!(ask(nameless).await.status(), 421);
    let twice = Request::get("/")
        .header("host", "localhost")
        .header("host", "evil.example.org");
    assert_eq!(ask(twice.body(Body::empty()).expect("a request")).await.status(), 421);
    let foreign = Request::get("http://evil.example.org/").header("host", "localhost");
    assert_eq!(ask(foreign.body(Body::empty()).expect("a request")).await.status(), 421);
}

#[tokio::test]
async fn what_is_not_known_yet_and_what_is_old_is_said() {
    let board = Arc::new(Board::default());
    for feed in ["classifiers", "versions", "runs"] {
        board.expect(feed);
    }
    let router = router(app(&board));
    let (status, body) = get(&router, "/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains("are being read") && body.contains("http-equiv=\"refresh\""),
        "{body}"
    );
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&router, "/healthz").await.0, StatusCode::OK);

    let now = "2026-11-28T12:00:00Z".parse().expect("a time");
    assert!(board.failed("versions", "connection refused".into(), now), "it is news");
    let (status, body) = get(&router, "/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains("Connection refused") && body.contains("2026-11-28 12:00:00 UTC"),
        "{body}"
    );

    fill(&board, objects());
    assert!(board.works("versions"));
    let (status, body) = get(&router, "/").await;
    assert!(status == StatusCode::OK && !body.contains("may be old"), "{body}");
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);

    board.failed("runs", "connection refused".into(), now);
    assert!(
        !board.failed(
            "runs",
            "no route".into(),
            "2026-11-28T13:00:00Z".parse().expect("a time")
        ),
        "known"
    );
    let (status, body) = get(&router, "/classifiers/team-a/cards").await;
    assert_eq!(status, StatusCode::OK, "what was known is still shown");
    for said in ["may be old", "2026-11-28 12:00:00 UTC", "No route"] {
        assert!(body.contains(said), "no {said:?} in {body}");
    }
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
}

#[test]
fn the_board_follows_what_the_watches_tell() {
    let board = board(objects());
    let names = |board: &Board| -> Vec<String> {
        let rows = board.rows();
        let there = rows.iter().filter(|row| row.state.is_some());
        there.map(|row| row.name.clone()).collect()
    };
    assert_eq!(names(&board), ["cards", "fees", "loans", "new"]);
    let before = board.revision();
    let key = ("team-a".to_owned(), "fees".to_owned());
    board.remove::<ComplaintClassifier>(&key);
    assert_eq!(names(&board), ["cards", "loans", "new"]);
    assert!(board.revision() > before, "pages are told");
    // Its versions and runs stay, and are shown without it.
    board.remove::<ComplaintClassifier>(&("team-a".to_owned(), "cards".to_owned()));
    let rows = board.rows();
    assert_eq!((rows[0].name.as_str(), rows[0].state), ("cards", None));
    assert_eq!(rows[0].versions, 4);
    assert!(board.shelf("team-a", "cards").expect("what is left").spec.is_none());
    // A list without an object ends it; one of another namespace does not.
    let there = HashSet::from([("team-a".to_owned(), "loans-1".to_owned())]);
    board.listed::<ModelVersion>("versions", &Scope::Namespace("team-b".into()), &there);
    assert_eq!(board.rows()[0].versions, 4);
    board.listed::<ModelVersion>("versions", &Scope::Namespace("team-a".into()), &there);
    assert!(board.rows().iter().all(|row| row.name != "cards" || row.versions == 0));
    assert_eq!(
        board.classifier_of_version("team-a", "loans-1").as_deref(),
        Some("loans")
    );
    assert_eq!(board.classifier_of_version("team-a", "cards-1"), None);
    // An object that can't be read is named, until it can.
    let odd = |spec: serde_json::Value| -> DeserializeGuard<ModelVersion> {
        serde_json::from_value(json!({ "metadata": { "name": "loans-1", "namespace": "team-a" }, "spec": spec }))
            .expect("guarded")
    };
    board.put(odd(json!({ "artifact": 7 })));
    assert_eq!(board.unreadable().len(), 1);
    assert_eq!(
        board.classifier_of_version("team-a", "loans-1"),
        None,
        "what it was before is not shown"
    );
    board.put(odd(
        json!({ "classifierRef": { "name": "new" }, "artifact": { "uri": "pvc://a/b", "sha256": "aa" } }),
    ));
    assert!(board.unreadable().is_empty());
    // A version that changes hands is with one classifier only.
    assert_eq!(board.classifier_of_version("team-a", "loans-1").as_deref(), Some("new"));
    board.put(odd(
        json!({ "classifierRef": { "name": "fees" }, "artifact": { "uri": "pvc://a/b", "sha256": "aa" } }),
    ));
    let owners: Vec<String> = board
        .rows()
        .iter()
        .filter(|row| row.versions > 0)
        .map(|row| row.name.clone())
        .collect();
    assert_eq!(owners, ["fees"]);
    assert_eq!(board.health(), Health::Live);
}

#[tokio::test]
async fn an_open_page_is_told_of_changes() {
    let board = board(objects());
    let (end, ended) = watch::channel(false);
    let hosts = Hosts::new("127.0.0.1".parse().expect("an address"), &[]);
    let router = router(App::new(
        board.clone(),
        hosts,
        Door::Open,
        Shown::default(),
        ended,
        None,
    ));
    let path = format!("/events?revision={}", board.revision());
    let response = router
        .clone()
        .oneshot(request("GET", &path, "localhost"))
        .await
        .expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut news = response.into_body().into_data_stream();
    list::<ComplaintClassifier>(&board, "classifiers", vec![cards()]);
    let told = news.next().await.expect("news").expect("bytes");
    let told = String::from_utf8(told.to_vec()).expect("text");
    assert_eq!(told, format!("data: {}\n\n", board.revision()));
    // Nothing keeps the program from ending.
    end.send(true).expect("somebody listens");
    let rest = tokio::time::timeout(Duration::from_secs(60), news.next())
        .await
        .expect("the stream ends");
    assert!(rest.is_none(), "{rest:?}");
    // A page that shows something old is told at once.
    let response = router
        .oneshot(request("GET", "/events?revision=0", "localhost"))
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_dashboard_on_this_machine_opens_only_with_its_key() {
    let hosts = Hosts::new("127.0.0.1".parse().expect("an address"), &[]);
    let key = Key::new(8089);
    let other = Key::new(8089);
    assert_ne!(key.query(), other.query());
    let (query, cookie) = (key.query(), key.set_cookie());
    let ended = watch::channel(false).1;
    let router = router(App::new(
        board(objects()),
        hosts,
        Door::Key(key),
        Shown::default(),
        ended,
        None,
    ));
    let ask = async |path: &str, cookie: &str| {
        let mut request = request("GET", path, "localhost:8089");
        if !cookie.is_empty() {
            request.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        }
        router.clone().oneshot(request).await.expect("an answer")
    };
    for (path, cookie, expected) in [
        ("/", "", 401),
        ("/", "complaints-8089=", 401),
        ("/", other.set_cookie().split(';').next().expect("a pair"), 401),
        ("/?key=", "", 401),
        (format!("/{}", other.query()).as_str(), "", 401),
        (format!("/{query}0").as_str(), "", 401),
        ("/events", "", 401),
        ("/classifiers/team-a/cards", "", 401),
        ("/style.css", "", 200),
        ("/healthz", "", 200),
    ] {
        assert_eq!(ask(path, cookie).await.status(), expected, "{path} with {cookie:?}");
    }
    let opened = ask(&format!("/classifiers/team-a/cards{query}"), "").await;
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        opened.headers()["location"],
        "/classifiers/team-a/cards",
        "without the key"
    );
    assert_eq!(opened.headers()["set-cookie"], cookie);
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    assert_eq!(ask("/classifiers/team-a/cards", pair).await.status(), StatusCode::OK);
    assert_eq!(ask("/", &format!("a=b; {pair}; c=d")).await.status(), StatusCode::OK);
    // Another port's cookie is another dashboard's.
    assert_eq!(
        ask("/", &pair.replace("8089", "8090")).await.status(),
        StatusCode::UNAUTHORIZED
    );
}
