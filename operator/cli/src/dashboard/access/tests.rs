//! Tokens, checked by an API server that the test plays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use kube::Config;
use serde_json::{Value, json};

use super::*;

/// How often the API server was asked.
#[derive(Default)]
struct Asked {
    tokens: AtomicUsize,
    rights: AtomicUsize,
}

/// `rita` may list everything, `ed` all but runs; `down` is a token that it fails at.
async fn api() -> (Client, Arc<Asked>) {
    let asked = Arc::new(Asked::default());
    let (tokens, rights) = (asked.clone(), asked.clone());
    let token = move |Json(mut review): Json<Value>| {
        let tokens = tokens.clone();
        async move {
            tokens.tokens.fetch_add(1, Ordering::Relaxed);
            let token = review["spec"]["token"].as_str().unwrap_or_default().to_owned();
            if token == "down" {
                return failure();
            }
            review["status"] = match token.as_str() {
                "rita" | "ed" => json!({ "authenticated": true, "user": { "username": token, "groups": ["readers"] } }),
                _ => json!({ "authenticated": false }),
            };
            Json(review).into_response()
        }
    };
    let right = move |Json(mut review): Json<Value>| {
        let rights = rights.clone();
        async move {
            rights.rights.fetch_add(1, Ordering::Relaxed);
            let spec = &review["spec"];
            let of = &spec["resourceAttributes"];
            assert_eq!(
                (&of["verb"], &of["group"]),
                (&json!("list"), &json!("complaints.dev")),
                "{review}"
            );
            assert_eq!(spec["groups"], json!(["readers"]), "{review}");
            assert!(of["namespace"].is_null() || of["namespace"] == "team-a", "{review}");
            let allowed = spec["user"] == "rita" || of["resource"] != "trainingruns";
            review["status"] = json!({ "allowed": allowed });
            Json(review).into_response()
        }
    };
    let router = Router::new()
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(token))
        .route("/apis/authorization.k8s.io/v1/subjectaccessreviews", post(right));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut config = Config::new(format!("http://{address}").parse().expect("an address"));
    config.default_retry = false;
    (Client::try_from(config).expect("a client"), asked)
}

fn failure() -> Response {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": "no disk", "reason": "InternalError" });
    (StatusCode::INTERNAL_SERVER_ERROR, Json(status)).into_response()
}

fn header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a value"))])
}

#[tokio::test]
async fn the_api_server_decides_who_may_look() {
    let (client, asked) = api().await;
    let access = Access::new(client, &[Scope::All, Scope::Namespace("team-a".into())]);
    assert_eq!(access.check(&header("Bearer rita")).await.map(drop), Ok(()));
    assert_eq!(asked.rights.load(Ordering::Relaxed), 6, "three kinds in two scopes");
    assert_eq!(
        access.check(&header("Bearer ed")).await,
        Err(Refusal::Forbidden {
            user: "ed".into(),
            may_not: "list trainingruns.complaints.dev in all namespaces".into()
        })
    );
    assert_eq!(access.check(&header("Bearer nobody")).await, Err(Refusal::Unknown));
    let Err(Refusal::Unanswered(message)) = access.check(&header("Bearer down")).await else {
        panic!("the API server failed");
    };
    assert!(
        message.contains("tokenreviews") && message.contains("no disk"),
        "{message}"
    );
    let before = asked.tokens.load(Ordering::Relaxed);
    for (header, expected) in [
        (header("Bearer rita"), Ok(())),
        (header("bearer  rita"), Ok(())),
        (header("Bearer nobody"), Err(Refusal::Unknown)),
        (header("Basic cml0YQ=="), Err(Refusal::Unknown)),
        (header("Bearer "), Err(Refusal::Unknown)),
        (header("rita"), Err(Refusal::Unknown)),
        (HeaderMap::new(), Err(Refusal::Unknown)),
    ] {
        assert_eq!(access.check(&header).await.map(drop), expected, "{header:?}");
    }
    let mut twice = header("Bearer rita");
    twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer rita"));
    assert_eq!(
        access.check(&twice).await,
        Err(Refusal::Unknown),
        "two tokens name nobody"
    );
    let long = header(&format!("Bearer {}", "x".repeat(LONGEST + 1)));
    assert_eq!(access.check(&long).await, Err(Refusal::Unknown));
    assert_eq!(
        asked.tokens.load(Ordering::Relaxed),
        before,
        "answers are kept, and what is no token is not asked about"
    );
    // A failure is no answer, and is not kept.
    let _ = access.check(&header("Bearer down")).await;
    assert_eq!(asked.tokens.load(Ordering::Relaxed), before + 1);
}

#[tokio::test]
async fn answers_end_and_are_bounded() {
    let (client, _) = api().await;
    let access = Access::new(client, &[Scope::All]);
    let now = Instant::now();
    access.keep([1; 32], &Ok(UserInfo::default()), now);
    access.keep([2; 32], &Err(Refusal::Unknown), now);
    assert_eq!(access.known(&[1; 32], now), Some(Ok(UserInfo::default())));
    assert_eq!(access.known(&[1; 32], now + ALLOWED), None);
    assert_eq!(access.known(&[2; 32], now + REFUSED), None);
    for number in 0..3 * KEPT {
        let mut digest = [3; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        access.keep(digest, &Err(Refusal::Unknown), now);
        let kept = access.kept.lock().expect("the answers").len();
        assert!(kept <= KEPT, "{kept}");
    }
    assert_eq!(
        access.known(&[1; 32], now),
        Some(Ok(UserInfo::default())),
        "random tokens push nobody out"
    );
}

#[tokio::test]
async fn pages_need_a_token_and_their_style_does_not() {
    use crate::dashboard::{
        board::Board,
        guard::Hosts,
        server::{App, Door, Shown, router},
    };
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    let (client, _) = api().await;
    let access = Access::new(client, &[Scope::All]);
    let hosts = Hosts::new(
        "0.0.0.0".parse().expect("an address"),
        &["complaints.example.org".into()],
    );
    let ended = tokio::sync::watch::channel(false).1;
    let router = router(App::new(
        Arc::new(Board::default()),
        hosts,
        Door::Tokens(access),
        Shown::default(),
        ended,
        None,
    ));
    for (path, host, token, expected) in [
        ("/", "complaints.example.org", "", 401),
        ("/", "complaints.example.org", "Bearer nobody", 401),
        ("/", "complaints.example.org", "Bearer ed", 403),
        ("/", "complaints.example.org", "Bearer down", 503),
        ("/", "complaints.example.org", "Bearer rita", 200),
        ("/events", "complaints.example.org", "", 401),
        ("/classifiers/a/b", "complaints.example.org", "", 401),
        ("/classifiers/a/b", "complaints.example.org", "Bearer rita", 404),
        ("/x", "complaints.example.org", "", 401),
        ("/style.css", "complaints.example.org", "", 200),
        ("/style.css/", "complaints.example.org", "", 401),
        ("/style.css", "evil.example.org", "Bearer rita", 421),
        ("/", "evil.example.org", "Bearer rita", 421),
        ("/healthz", "10.0.0.1", "", 200),
    ] {
        let mut request = Request::get(path).header("host", host);
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), expected, "{path} of {host} with {token:?}");
        assert_eq!(
            response.headers().contains_key("www-authenticate"),
            expected == 401,
            "{path}"
        );
    }
}
