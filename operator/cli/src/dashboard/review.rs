//! `/classifiers/{namespace}/{name}/review`: captured answers that need a person, one at a time, and what a person decides.
//!
//! The one page that shows texts of complaints, and the one that takes a form. It is for people who may `create`
//! `complaintclassifiers/feedback`: no such resource exists, the right is only asked about. The texts come from the classifier's
//! servers, with the token of its Secret, which the dashboard must be allowed to read.

use std::sync::Arc;

use axum::{
    Extension, Form,
    extract::{Path, Query, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use complaint_api::GROUP;
use complaint_contract::captured::{CapturedKind, ROWS};
use jiff::Timestamp;
use k8s_openapi::api::{
    authentication::v1::UserInfo,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::{Api, api::PostParams};
use serde::Deserialize;

use super::{
    access::{Refusal, unanswered},
    board::Health,
    guard,
    pages::{
        problem,
        review::{self, Place},
    },
    server::{App, Door, answer, retry},
};
use crate::{
    cluster::{Cluster, Scope},
    error::Error,
    review::{Desk, Row},
};

/// Asks about rights, and reaches servers.
pub(super) struct Reviews(Cluster);

impl Reviews {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self(cluster)
    }

    /// Whether the program's own user has the right.
    async fn may(&self, right: ResourceAttributes) -> Result<bool, Refusal> {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(right),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviewed = Api::all(self.0.client()).create(&PostParams::default(), &review).await;
        let reviewed: SelfSubjectAccessReview =
            reviewed.map_err(|error| unanswered("selfsubjectaccessreviews.authorization.k8s.io", error))?;
        Ok(reviewed.status.is_some_and(|status| status.allowed))
    }
}

/// The right to review a classifier's answers.
fn right(namespace: &str, name: &str) -> ResourceAttributes {
    ResourceAttributes {
        group: Some(GROUP.into()),
        resource: Some("complaintclassifiers".into()),
        subresource: Some("feedback".into()),
        verb: Some("create".into()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        ..ResourceAttributes::default()
    }
}

/// Which texts, and which of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    which: CapturedKind,
    #[serde(default)]
    place: usize,
}

/// What a person decides. The text is not in it: it is read again, so that a correction is about a captured one.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    id: String,
    #[serde(default)]
    choice: String,
    /// A category by its number in the model's list.
    number: Option<usize>,
    /// The model whose list that is.
    model: String,
}

type Who = Option<Extension<UserInfo>>;
type Named = Path<(String, String)>;

/// The servers of a classifier, for this person, and who that is.
async fn desk(app: &App, who: Who, namespace: &str, name: &str) -> Result<(Desk, String), Response> {
    let frame = app.frame();
    if matches!(frame.health, Health::Starting(_)) {
        return Err(retry(answer(
            StatusCode::SERVICE_UNAVAILABLE,
            problem::starting(&frame),
        )));
    }
    let Some(shelf) = app.board.shelf(namespace, name) else {
        return Err(answer(StatusCode::NOT_FOUND, problem::not_found(&frame)));
    };
    let refused = |refusal: Refusal| match refusal {
        Refusal::Forbidden { user, may_not } => answer(StatusCode::FORBIDDEN, problem::forbidden(&user, &may_not)),
        Refusal::Unknown => answer(StatusCode::UNAUTHORIZED, problem::unknown_user()),
        Refusal::Unanswered(message) => retry(answer(
            StatusCode::SERVICE_UNAVAILABLE,
            problem::unanswered(Timestamp::now(), &message),
        )),
    };
    let forbidden = |user: &str| {
        refused(Refusal::Forbidden {
            user: user.to_owned(),
            may_not: format!("create complaintclassifiers.{GROUP}/feedback in namespace {namespace}"),
        })
    };
    let Some(reviews) = &app.reviews else {
        return Err(answer(StatusCode::FORBIDDEN, problem::nobody_decides()));
    };
    let cluster = reviews.0.scoped(Scope::Namespace(namespace.to_owned()));
    let failed = |error: Error| answer(StatusCode::BAD_GATEWAY, problem::no_texts(&frame, &error.to_string()));
    let by = match (&app.door, who) {
        (Door::Tokens(access), Some(Extension(user))) => {
            let by = user.username.clone().unwrap_or_default();
            if !access.may(&user, right(namespace, name)).await.map_err(refused)? {
                return Err(forbidden(&by));
            }
            by
        }
        (Door::Key(_), _) => {
            let by = Desk::user(&cluster).await.map_err(failed)?;
            if !reviews.may(right(namespace, name)).await.map_err(refused)? {
                return Err(forbidden(&by));
            }
            by
        }
        // Nobody knows who asks.
        _ => return Err(answer(StatusCode::FORBIDDEN, problem::nobody_decides())),
    };
    let feedback = shelf.spec.as_ref().and_then(|spec| spec.spec.serving.feedback.as_ref());
    let desk = Desk::of(&cluster, name, feedback, None).await.map_err(failed)?;
    Ok((desk, by))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path((namespace, name)): Named,
    Query(asked): Query<Asked>,
    who: Who,
) -> Response {
    let (desk, by) = match desk(&app, who, &namespace, &name).await {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let frame = app.frame();
    match desk.list(asked.which, *ROWS.end()).await {
        Ok(list) => {
            let place = Place {
                namespace: &namespace,
                classifier: &name,
                which: asked.which,
                number: asked.place.min(list.rows.len().saturating_sub(1)),
            };
            answer(StatusCode::OK, review::page(&frame, &place, &list, &by))
        }
        Err(error) => answer(StatusCode::BAD_GATEWAY, problem::no_texts(&frame, &error.to_string())),
    }
}

pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Path((namespace, name)): Named,
    Query(asked): Query<Asked>,
    who: Who,
    headers: HeaderMap,
    decision: Result<Form<Decision>, FormRejection>,
) -> Response {
    if !guard::is_own_form(&headers) {
        let said = "a page of another site sent this form, or the browser does not say which one did\n";
        return (StatusCode::FORBIDDEN, said).into_response();
    }
    let Ok(Form(decision)) = decision else {
        return (StatusCode::BAD_REQUEST, "the form can't be read\n").into_response();
    };
    let (desk, by) = match desk(&app, who, &namespace, &name).await {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let frame = app.frame();
    let failed = |error: &Error| answer(StatusCode::BAD_GATEWAY, problem::no_texts(&frame, &error.to_string()));
    let list = match desk.list(asked.which, *ROWS.end()).await {
        Ok(list) => list,
        Err(error) => return failed(&error),
    };
    let back = review::address(&namespace, &name, asked.which, asked.place);
    let Some(row) = list.rows.iter().find(|row| row.id == decision.id) else {
        return answer(StatusCode::CONFLICT, problem::decided_before(&frame, &back));
    };
    let (category, also) = match decision.choice.as_str() {
        "answer" => (row.category.clone(), None),
        "second" => (row.second.clone().unwrap_or_default(), None),
        "both" => (row.category.clone(), row.second.clone()),
        _ => {
            let chosen = decision.number.filter(|_| decision.model == list.model_digest);
            match chosen.and_then(|number| list.categories.get(number)) {
                Some(category) => (category.clone(), None),
                // Another model serves now, whose numbers mean something else.
                None => return answer(StatusCode::CONFLICT, problem::decided_before(&frame, &back)),
            }
        }
    };
    let correction = Row {
        id: Some(row.id.clone()),
        text: row.text.clone(),
        category,
        also,
        by,
    };
    match desk.send(&[correction]).await {
        // What is decided leaves the list, so the next one has the same place.
        Ok(()) => Redirect::to(&back).into_response(),
        Err(error) => failed(&error),
    }
}
