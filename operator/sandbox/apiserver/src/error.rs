//! Errors of the API: a `Status` object with a code, a reason and details.

use serde_json::{Map, Value, json};

use crate::field::FieldError;

/// A failed request, which is answered with a `Status`.
///
/// The messages are upstream's, because clients and people match on them.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`; a few upstream errors have none.
    pub reason: Option<&'static str>,
    /// Message for people.
    pub message: String,
    /// `details` of the Status, if any.
    pub details: Option<Value>,
    /// Texts of `Warning` headers that accompany the Status.
    pub warnings: Vec<String>,
}

impl ApiError {
    fn new(code: u16, reason: Option<&'static str>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            warnings: Vec::new(),
        }
    }

    fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// 400: the request itself is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, Some("BadRequest"), message)
    }

    /// 401: the bearer token is missing or invalid.
    pub fn unauthorized() -> Self {
        Self::new(401, Some("Unauthorized"), "Unauthorized")
    }

    /// 403 about one object.
    pub fn forbidden(what: &Qualified, name: &str, why: impl AsRef<str>) -> Self {
        let message = if name.is_empty() {
            format!("{what} is forbidden: {}", why.as_ref())
        } else {
            format!("{what} \"{name}\" is forbidden: {}", why.as_ref())
        };
        Self::new(403, Some("Forbidden"), message).with_details(what.details(name))
    }

    /// 403 about a path that names no object.
    pub fn forbidden_path(why: impl AsRef<str>) -> Self {
        Self::new(403, Some("Forbidden"), format!("forbidden: {}", why.as_ref())).with_details(json!({}))
    }

    /// 404: the object does not exist.
    pub fn not_found(what: &Qualified, name: &str) -> Self {
        Self::new(404, Some("NotFound"), format!("{what} \"{name}\" not found")).with_details(what.details(name))
    }

    /// 404: the path is unknown.
    pub fn unknown_path() -> Self {
        Self::new(
            404,
            Some("NotFound"),
            "the server could not find the requested resource",
        )
        .with_details(json!({}))
    }

    /// 405: the resource does not support the verb.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            Some("MethodNotAllowed"),
            "the server does not allow this method on the requested resource",
        )
        .with_details(json!({}))
    }

    /// 406: none of the accepted media types is supported.
    pub fn not_acceptable() -> Self {
        Self::new(
            406,
            Some("NotAcceptable"),
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf, application/json;stream=watch, \
             application/vnd.kubernetes.protobuf;stream=watch",
        )
        .with_details(json!({}))
    }

    /// 409: an object of this name already exists.
    pub fn already_exists(what: &Qualified, name: &str) -> Self {
        Self::new(409, Some("AlreadyExists"), format!("{what} \"{name}\" already exists"))
            .with_details(what.details(name))
    }

    /// 409: a write that conflicts with the object's current state.
    pub fn conflict(what: &Qualified, name: &str, why: impl AsRef<str>) -> Self {
        let message = format!("Operation cannot be fulfilled on {what} \"{name}\": {}", why.as_ref());
        Self::new(409, Some("Conflict"), message).with_details(what.details(name))
    }

    /// 409: a write with an old resourceVersion.
    pub fn stale(what: &Qualified, name: &str) -> Self {
        Self::conflict(
            what,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409: a server-side apply that conflicts with other managers; `causes` are Status causes.
    pub fn apply_conflict(message: String, causes: Vec<Value>) -> Self {
        Self::new(409, Some("Conflict"), message).with_details(json!({ "causes": causes }))
    }

    /// 410: the resourceVersion has expired.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, Some("Expired"), message)
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            413,
            Some("RequestEntityTooLarge"),
            format!("Request entity too large: limit is {limit}"),
        )
    }

    /// 415: the body's media type is not one of `accepted`.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        Self::new(
            415,
            Some("UnsupportedMediaType"),
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 415 for the patch of a built-in resource, which upstream rejects before it reads the body.
    pub fn unsupported_patch_type() -> Self {
        Self::new(415, Some("UnsupportedMediaType"), "415: Unsupported Media Type").with_details(json!({}))
    }

    /// 422: the object is invalid.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut messages: Vec<String> = Vec::new();
        for error in errors {
            let text = error.to_string();
            if !messages.contains(&text) {
                messages.push(text);
            }
        }
        let text = match messages.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let what = if group.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind}.{group}")
        };
        let mut details = Map::new();
        if !kind.is_empty() {
            details.insert("kind".into(), kind.into());
        }
        if !name.is_empty() {
            details.insert("name".into(), name.into());
        }
        if !group.is_empty() {
            details.insert("group".into(), group.into());
        }
        details.insert("causes".into(), errors.iter().map(FieldError::cause).collect());
        Self::new(422, Some("Invalid"), format!("{what} \"{name}\" is invalid: {text}"))
            .with_details(Value::Object(details))
    }

    /// 422 about query parameters, which upstream validates as an object of the options kind `kind`.
    pub fn invalid_options(kind: &str, error: FieldError) -> Self {
        Self::invalid("meta.k8s.io", kind, "", &[error])
    }

    /// 422: a JSON patch that could not be applied.
    pub fn unprocessable_patch() -> Self {
        Self::new(
            422,
            Some("Invalid"),
            "the server rejected our request due to an error in our request",
        )
        .with_details(json!({}))
    }

    /// 500 without a reason, as upstream answers a few client errors.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, None, message)
    }

    /// 500: the object could not be stored.
    pub fn not_stored(why: &str) -> Self {
        Self::new(
            500,
            Some("InternalError"),
            format!("Internal error occurred: the object could not be stored: {why}"),
        )
    }

    /// 501: the sandbox does not support `feature`.
    pub fn not_implemented(feature: impl AsRef<str>) -> Self {
        Self::new(
            501,
            Some("NotImplemented"),
            format!("the sandbox does not support {}", feature.as_ref()),
        )
    }

    /// 503: no backend is available.
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(503, Some("ServiceUnavailable"), message)
    }

    /// 504: a backend did not answer in time.
    pub fn bad_gateway(message: impl Into<String>) -> Self {
        Self::new(502, Some("ServiceUnavailable"), message)
    }

    /// Adds Status causes to the details.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<Value>) -> Self {
        let details = self.details.get_or_insert_with(|| json!({}));
        details["causes"] = Value::Array(causes);
        self
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if let Some(reason) = self.reason {
            status["reason"] = reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    /// Whether this is a `NotFound`.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }
}

/// A resource with its group as in messages: `deployments.apps`, `configmaps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qualified {
    /// API group, empty for the core group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
}

impl Qualified {
    /// Details of a Status about the object `name`.
    pub fn details(&self, name: &str) -> Value {
        let mut details = Map::new();
        if !name.is_empty() {
            details.insert("name".into(), name.into());
        }
        if !self.group.is_empty() {
            details.insert("group".into(), self.group.clone().into());
        }
        details.insert("kind".into(), self.resource.clone().into());
        Value::Object(details)
    }
}

impl std::fmt::Display for Qualified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.resource)
        } else {
            write!(f, "{}.{}", self.resource, self.group)
        }
    }
}
