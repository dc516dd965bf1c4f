//! Questions that are answered and not stored: access reviews and who am I.

use serde_json::{Value, json};

use super::Api;
use super::access::allowed_by;
use super::error::ApiError;
use super::field::{FieldError, Path};
use super::meta::now;
use super::resource::Resource;

/// The user behind the sandbox's one token.
pub(crate) const USER: &str = "sandbox-admin";

/// Answers a review.
///
/// # Errors
/// 422 if the question is incomplete, 501 for reviews that the sandbox has no answer to.
pub(crate) fn answer(api: &Api, resource: &Resource, mut review: Value) -> Result<Value, ApiError> {
    match resource.kind.as_str() {
        "SelfSubjectAccessReview" | "LocalSubjectAccessReview" | "SubjectAccessReview" => {
            check_access(resource, &review)?;
            let reason = if resource.kind == "SelfSubjectAccessReview" || is_admin(&review["spec"]) {
                Some("the sandbox authorises its one user for everything".to_owned())
            } else {
                allowed_by(api, &review["spec"])
            };
            review["status"] = json!({ "allowed": reason.is_some() });
            if let Some(reason) = reason {
                review["status"]["reason"] = reason.into();
            }
        }
        "SelfSubjectRulesReview" => {
            review["status"] = json!({
                "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
                "incomplete": false,
            });
        }
        "SelfSubjectReview" => {
            review["status"] = json!({
                "userInfo": { "username": USER, "groups": ["system:masters", "system:authenticated"] },
            });
            review["metadata"]["creationTimestamp"] = now().into();
        }
        other => return Err(ApiError::not_implemented(other)),
    }
    Ok(review)
}

fn is_admin(spec: &Value) -> bool {
    spec["user"] == USER
        || spec["groups"]
            .as_array()
            .is_some_and(|g| g.iter().any(|name| name == "system:masters"))
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
