//! `/events`: tells an open page that it should be read again (server-sent events).

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderName, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{StreamExt, stream};
use serde::Deserialize;

use super::server::App;

/// Changes within so short a time are told once.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long one stream lasts. Browsers connect again by themselves; whoever may no longer look is told then.
const STREAM: Duration = Duration::from_secs(60);
/// How often a stream without news shows that it lives.
const ALIVE: Duration = Duration::from_secs(15);

/// What the page shows.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    revision: u64,
}

/// One event, the number of the newest revision, whenever it is not the one that the page shows.
pub(super) async fn events(State(app): State<Arc<App>>, Query(since): Query<Since>) -> Response {
    let Ok(place) = app.streams.clone().try_acquire_owned() else {
        let said = "too many pages are open: this one does not follow changes; load it again to see them\n";
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    };
    let mut ended = app.ended.clone();
    let start = (app.board.revisions(), since.revision, place);
    let news = stream::unfold(start, |(mut revisions, shown, place)| async move {
        revisions.wait_for(|revision| *revision != shown).await.ok()?;
        tokio::time::sleep(TOGETHER).await;
        let newest = *revisions.borrow_and_update();
        let event = Ok::<_, Infallible>(Event::default().data(newest.to_string()));
        Some((event, (revisions, newest, place)))
    });
    let end = async move {
        tokio::select! {
            () = tokio::time::sleep(STREAM) => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    };
    let stream = Sse::new(news.take_until(Box::pin(end))).keep_alive(KeepAlive::new().interval(ALIVE));
    // Proxies that gather an answer before they pass it on would keep the news.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], stream).into_response()
}
