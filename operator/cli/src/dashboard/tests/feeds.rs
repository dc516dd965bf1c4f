//! Feeds, from an API server that the test plays.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{StreamExt, stream};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    cluster::{Cluster, Scope},
    console::Console,
    dashboard::{
        board::{Board, Health},
        feed,
    },
    render::Format,
    tests::objects::objects,
};

/// What the API server does: with an error it refuses everything, and ends the watches that are open.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mood {
    error: Option<u16>,
    lists: HashMap<&'static str, Vec<Value>>,
}

async fn answer(
    State(moods): State<watch::Receiver<Mood>>,
    Path(names): Path<HashMap<String, String>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let (mood, plural) = (moods.borrow().clone(), names["plural"].as_str());
    if let Some(code) = mood.error {
        let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "out of order", "reason": "Odd" });
        return (StatusCode::from_u16(code).expect("a code"), Json(status)).into_response();
    }
    if query.contains_key("watch") {
        let mut changed = moods.clone();
        let end = async move { changed.wait_for(|now| *now != mood).await.map(drop) };
        let silence = stream::pending::<Result<Vec<u8>, std::io::Error>>();
        return Body::from_stream(silence.take_until(Box::pin(end))).into_response();
    }
    let items = mood.lists.get(plural).cloned().unwrap_or_default();
    let kind = match plural {
        "complaintclassifiers" => "ComplaintClassifierList",
        "modelversions" => "ModelVersionList",
        _ => "TrainingRunList",
    };
    Json(json!({ "kind": kind, "apiVersion": "complaints.dev/v1alpha1", "metadata": { "resourceVersion": "1" }, "items": items })).into_response()
}

async fn client(moods: watch::Receiver<Mood>) -> Client {
    let router = Router::new()
        .route("/apis/complaints.dev/v1alpha1/{plural}", get(answer))
        .route(
            "/apis/complaints.dev/v1alpha1/namespaces/{namespace}/{plural}",
            get(answer),
        )
        .with_state(moods);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut config = Config::new(format!("http://{address}").parse().expect("an address"));
    config.default_retry = false;
    Client::try_from(config).expect("a client")
}

/// Waits until the board is so.
async fn until(board: &Board, holds: impl Fn(&Board) -> bool) {
    let mut revisions = board.revisions();
    while !holds(board) {
        revisions.changed().await.expect("the board is there");
    }
}

fn names(board: &Board) -> Vec<String> {
    board.rows().iter().map(|row| row.name.clone()).collect()
}

#[tokio::test]
async fn an_outage_is_told_and_ends_with_what_is_there_then() {
    let known = objects();
    let values = |objects: &[complaint_api::ComplaintClassifier]| -> Vec<Value> {
        objects
            .iter()
            .map(|object| serde_json::to_value(object).expect("JSON"))
            .collect()
    };
    let mut mood = Mood::default();
    mood.lists.insert("complaintclassifiers", values(&known.classifiers));
    // One that this release can't read, which hides no other.
    let odd = json!({ "metadata": { "name": "odd", "namespace": "team-a" }, "spec": { "classifierRef": 7 } });
    mood.lists.insert(
        "modelversions",
        vec![odd, serde_json::to_value(&known.versions[0]).expect("JSON")],
    );
    let (moods, told) = watch::channel(mood.clone());
    let board = Arc::new(Board::default());
    let cluster = Cluster::of(client(told).await, Scope::All);
    let feeds = feed::all(&cluster, &[Scope::All], &board, Console::of(Format::Table));
    assert_eq!(board.health(), Health::Starting(None));
    feeds.into_iter().for_each(|feed| drop(tokio::spawn(feed)));
    until(&board, |board| board.health() == Health::Live).await;
    assert_eq!(names(&board), ["cards", "fees", "loans", "new"]);
    assert_eq!(board.unreadable()[0].name, "odd");
    assert_eq!(
        board.classifier_of_version("team-a", "cards-1").as_deref(),
        Some("cards")
    );

    moods.send_modify(|mood| mood.error = Some(503));
    until(&board, |board| matches!(board.health(), Health::Stale(_))).await;
    let Health::Stale(problem) = board.health() else {
        panic!("it is stale");
    };
    assert!(problem.message.contains("out of order"), "{}", problem.message);
    assert_eq!(
        names(&board),
        ["cards", "fees", "loans", "new"],
        "what was known is still shown"
    );

    // Meanwhile a classifier was deleted and the version repaired.
    moods.send_modify(|mood| {
        mood.error = None;
        mood.lists
            .insert("complaintclassifiers", values(&known.classifiers[..1]));
        mood.lists.remove("modelversions");
    });
    until(&board, |board| {
        board.health() == Health::Live && board.unreadable().is_empty()
    })
    .await;
    until(&board, |board| names(board) == ["cards"]).await;
    assert_eq!(board.classifier_of_version("team-a", "cards-1"), None);
}

#[tokio::test]
async fn what_the_api_server_says_at_the_start_is_told() {
    let mood = Mood {
        error: Some(403),
        ..Mood::default()
    };
    let board = Arc::new(Board::default());
    let scope = Scope::Namespace("team-a".into());
    let (_moods, told) = watch::channel(mood);
    let cluster = Cluster::of(client(told).await, scope.clone());
    let feeds = feed::all(&cluster, &[scope], &board, Console::of(Format::Table));
    feeds.into_iter().for_each(|feed| drop(tokio::spawn(feed)));
    until(&board, |board| matches!(board.health(), Health::Starting(Some(_)))).await;
    let Health::Starting(Some(problem)) = board.health() else {
        panic!("it has a problem");
    };
    assert!(problem.message.contains("you may not watch"), "{}", problem.message);
    assert!(problem.message.contains("in namespace team-a"), "{}", problem.message);
}
