//! Reviews, which are answered and not stored: access reviews, TokenReview and SelfSubjectReview.

use serde_json::{Value, json};

use crate::Api;
use crate::authentication;
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::meta::now;
use crate::rbac::{Decision, decide, judge, rules_review};
use crate::request::Attributes;
use crate::resource::Resource;
use crate::user::User;

/// Answers a review that `user` requests.
///
/// # Errors
/// 422 if the review is incomplete, 501 for reviews that the sandbox does not support.
pub(crate) fn answer(
    api: &Api,
    user: &User,
    resource: &Resource,
    namespace: &str,
    mut review: Value,
) -> Result<Value, ApiError> {
    match resource.kind.as_str() {
        "SelfSubjectAccessReview" => {
            check_access(resource, &review)?;
            let decision = judge(api, user, &Attributes::of_review(&review["spec"]));
            review["status"] = access(decision);
        }
        "LocalSubjectAccessReview" | "SubjectAccessReview" => {
            check_access(resource, &review)?;
            check_namespace(resource, namespace, &review)?;
            let spec = &review["spec"];
            // Reviews use RBAC even if requests don't, so that bindings can be tried out.
            let decision = decide(api, &User::of_review(spec), &Attributes::of_review(spec));
            review["status"] = access(decision);
        }
        "SelfSubjectRulesReview" => {
            let within = review["spec"]["namespace"].as_str().unwrap_or_default();
            if within.is_empty() {
                return Err(ApiError::bad_request("no namespace on request"));
            }
            review["status"] = rules_review(api, user, within);
        }
        "SelfSubjectReview" => {
            review["status"] = json!({ "userInfo": user.info() });
            review["metadata"]["creationTimestamp"] = now().into();
        }
        "TokenReview" => {
            if review["spec"]["token"].as_str().unwrap_or_default().is_empty() {
                return Err(ApiError::bad_request(
                    "token is required for TokenReview in authentication",
                ));
            }
            review["status"] = authentication::review(api, &review["spec"]);
        }
        other => return Err(ApiError::not_implemented(other)),
    }
    Ok(review)
}

fn access(decision: Decision) -> Value {
    let mut status = json!({ "allowed": decision.allowed });
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    status
}

/// A local review is about its own namespace.
fn check_namespace(resource: &Resource, namespace: &str, review: &Value) -> Result<(), ApiError> {
    let asked = &review["spec"]["resourceAttributes"]["namespace"];
    if resource.kind != "LocalSubjectAccessReview" || asked == namespace {
        return Ok(());
    }
    let detail = "must match metadata.namespace";
    let error = FieldError::invalid(&Path::new("spec.resourceAttributes.namespace"), asked, detail);
    Err(ApiError::invalid(&resource.group, "", "", &[error]))
}

fn check_access(resource: &Resource, review: &Value) -> Result<(), ApiError> {
    let spec = &review["spec"];
    let path = Path::new("spec");
    let mut errors = Vec::new();
    let (on_resource, on_path) = (
        !spec["resourceAttributes"].is_null(),
        !spec["nonResourceAttributes"].is_null(),
    );
    if on_resource && on_path {
        let detail = "cannot be specified in combination with resourceAttributes";
        errors.push(FieldError::invalid(
            &path.child("nonResourceAttributes"),
            &spec["nonResourceAttributes"],
            detail,
        ));
    }
    if !on_resource && !on_path {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(FieldError::invalid(
            &path.child("resourceAttributes"),
            &Value::Null,
            detail,
        ));
    }
    if resource.kind != "SelfSubjectAccessReview"
        && spec["user"].as_str().unwrap_or_default().is_empty()
        && spec["groups"].as_array().is_none_or(Vec::is_empty)
    {
        errors.push(FieldError::invalid(
            &path.child("user"),
            &"".into(),
            "at least one of user or group must be specified",
        ));
    }
    // Upstream does not name the kind here.
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(&resource.group, "", "", &errors))
    }
}
