//! The dashboard's addresses.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Query, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use jiff::Timestamp;
use maud::Markup;
use serde::Deserialize;
use tokio::sync::{Semaphore, watch};

use super::{
    access::{Access, Refusal},
    board::{Board, Health, Shelf},
    guard::{self, Hosts, Key, Knows},
    live,
    pages::{self, Page, fleet::Filter},
    review::{self, Reviews},
};
use crate::{compare::SideBySide, info::VersionInfo, why::Why};

/// The most pages that follow changes at once.
const STREAMS: usize = 100;
/// Files that everybody may have.
const PUBLIC: [&str; 3] = ["/style.css", "/live.js", "/icon.svg"];
/// The most bytes of a form.
const FORM: usize = 16 * 1024;
const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const ICON: &str = include_str!("assets/icon.svg");

/// What the dashboard shows, in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Which namespaces.
    pub(super) words: String,
    /// Why not all.
    pub(super) notice: Option<String>,
}

/// Who may look.
pub(super) enum Door {
    /// Whoever reaches the address.
    Open,
    /// Whoever knows the key.
    Key(Key),
    /// Whoever sends the token of somebody who may list what is shown.
    Tokens(Access),
}

/// What all requests share.
pub(super) struct App {
    pub(super) board: Arc<Board>,
    hosts: Hosts,
    pub(super) door: Door,
    /// What reviews need, unless nobody knows who asks.
    pub(super) reviews: Option<Reviews>,
    shown: Shown,
    pub(super) streams: Arc<Semaphore>,
    /// True once the program ends.
    pub(super) ended: watch::Receiver<bool>,
}

impl App {
    pub(super) fn new(
        board: Arc<Board>,
        hosts: Hosts,
        door: Door,
        shown: Shown,
        ended: watch::Receiver<bool>,
        reviews: Option<Reviews>,
    ) -> Arc<Self> {
        Arc::new(Self {
            board,
            hosts,
            reviews: reviews.filter(|_| !matches!(door, Door::Open)),
            door,
            shown,
            streams: Arc::new(Semaphore::new(STREAMS)),
            ended,
        })
    }

    /// What is around a page's own content.
    pub(super) fn frame(&self) -> Page {
        Page {
            now: Timestamp::now(),
            revision: self.board.revision(),
            shown: self.shown.words.clone(),
            notice: self.shown.notice.clone(),
            health: self.board.health(),
            reviews: self.reviews.is_some(),
            unreadable: self.board.unreadable(),
        }
    }
}

/// All addresses. Probes are answered whatever their `Host` and token: they say nothing about anything.
pub(super) fn router(app: Arc<App>) -> Router {
    let pages = Router::new()
        .route("/", get(fleet))
        .route("/classifiers/{namespace}/{name}", get(classifier))
        .route("/classifiers/{namespace}/{name}/versions", get(versions))
        .route("/classifiers/{namespace}/{name}/compare", get(compare))
        .route(
            "/classifiers/{namespace}/{name}/review",
            get(review::show)
                .post(review::decide)
                .layer(DefaultBodyLimit::max(FORM)),
        )
        .route("/versions/{namespace}/{name}", get(version))
        .route("/runs/{namespace}/{name}", get(run))
        .route("/events", get(live::events))
        .route("/style.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route(
            "/live.js",
            get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .route("/icon.svg", get(|| async { file("image/svg+xml", ICON) }))
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(app.clone(), admit));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(pages)
        .with_state(app)
        .layer(middleware::from_fn(guard::only_reads))
        .layer(middleware::from_fn(guard::protect))
}

fn file(media: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media))], content).into_response()
}

/// Checks the request's name and who sent it.
async fn admit(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if let Some(refused) = app.hosts.refuse(&request) {
        return refused;
    }
    // What pages are made with says nothing, and pages that refuse somebody need it, too.
    if PUBLIC.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let access = match &app.door {
        Door::Open => return next.run(request).await,
        Door::Key(key) => {
            return match key.known_to(&request) {
                Knows::Cookie => next.run(request).await,
                // Without the key, so that it is in no bookmark and in no picture of the screen.
                Knows::Address => (
                    [(header::SET_COOKIE, key.set_cookie())],
                    Redirect::to(request.uri().path()),
                )
                    .into_response(),
                Knows::Nothing => answer(StatusCode::UNAUTHORIZED, pages::problem::no_key()),
            };
        }
        Door::Tokens(access) => access,
    };
    match access.check(request.headers()).await {
        Ok(user) => {
            request.extensions_mut().insert(user);
            next.run(request).await
        }
        Err(Refusal::Unknown) => {
            let mut response = answer(StatusCode::UNAUTHORIZED, pages::problem::unknown_user());
            let challenge = HeaderValue::from_static("Bearer realm=\"complaint classifiers\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        Err(Refusal::Forbidden { user, may_not }) => {
            answer(StatusCode::FORBIDDEN, pages::problem::forbidden(&user, &may_not))
        }
        Err(Refusal::Unanswered(message)) => {
            let page = pages::problem::unanswered(Timestamp::now(), &message);
            retry(answer(StatusCode::SERVICE_UNAVAILABLE, page))
        }
    }
}

/// Ready once everything has been read; what is stale is still worth reading.
async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.board.health() {
        Health::Live | Health::Stale(_) => "ok\n".into_response(),
        Health::Starting(_) => (StatusCode::SERVICE_UNAVAILABLE, "the objects are being read\n").into_response(),
    }
}

pub(super) fn answer(status: StatusCode, page: Markup) -> Response {
    (status, Html(page.into_string())).into_response()
}

pub(super) fn retry(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("retry-after"), HeaderValue::from_static("5"));
    response
}

/// The page, unless nothing can be shown yet.
fn page(app: &App, content: impl FnOnce(&Page) -> Option<Markup>) -> Response {
    let frame = app.frame();
    if matches!(frame.health, Health::Starting(_)) {
        return retry(answer(
            StatusCode::SERVICE_UNAVAILABLE,
            pages::problem::starting(&frame),
        ));
    }
    match content(&frame) {
        Some(page) => answer(StatusCode::OK, page),
        None => answer(StatusCode::NOT_FOUND, pages::problem::not_found(&frame)),
    }
}

async fn nowhere(State(app): State<Arc<App>>) -> Response {
    page(&app, |_| None)
}

async fn fleet(State(app): State<Arc<App>>, Query(filter): Query<Filter>) -> Response {
    page(&app, |frame| {
        Some(pages::fleet::page(frame, &app.board.rows(), &filter))
    })
}

type Named = Path<(String, String)>;

async fn classifier(State(app): State<Arc<App>>, Path((namespace, name)): Named) -> Response {
    page(&app, |frame| {
        let shelf = app.board.shelf(&namespace, &name)?;
        Some(pages::classifier::page(frame, &namespace, &name, &shelf.info))
    })
}

async fn versions(State(app): State<Arc<App>>, Path((namespace, name)): Named) -> Response {
    page(&app, |frame| {
        let shelf = app.board.shelf(&namespace, &name)?;
        Some(pages::versions::page(frame, &namespace, &name, &shelf.info))
    })
}

/// The versions to compare.
#[derive(Debug, Deserialize)]
struct Both {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

async fn compare(State(app): State<Arc<App>>, Path((namespace, name)): Named, Query(both): Query<Both>) -> Response {
    page(&app, |frame| {
        let shelf = app.board.shelf(&namespace, &name)?;
        let of = |name: &str| shelf.info.versions.iter().find(|version| version.name == name);
        let both = SideBySide::of(of(&both.a)?, of(&both.b)?);
        Some(pages::compare::page(frame, &namespace, &name, &both))
    })
}

async fn version(State(app): State<Arc<App>>, Path((namespace, name)): Named) -> Response {
    page(&app, |frame| {
        let classifier = app.board.classifier_of_version(&namespace, &name)?;
        let shelf = app.board.shelf(&namespace, &classifier)?;
        let version = shelf.info.versions.iter().find(|version| version.name == name)?;
        let why = why(&shelf, version);
        Some(pages::version::page(frame, &shelf.info, version, why.as_ref()))
    })
}

fn why(shelf: &Shelf, version: &VersionInfo) -> Option<Why> {
    Some(Why::of(shelf.spec.as_ref()?, shelf.info.classifiers.first()?, version))
}

async fn run(State(app): State<Arc<App>>, Path((namespace, name)): Named) -> Response {
    page(&app, |frame| {
        let classifier = app.board.classifier_of_run(&namespace, &name)?;
        let shelf = app.board.shelf(&namespace, &classifier)?;
        let run = shelf.info.runs.iter().find(|run| run.name == name)?;
        Some(pages::run::page(frame, &shelf.info, run))
    })
}
