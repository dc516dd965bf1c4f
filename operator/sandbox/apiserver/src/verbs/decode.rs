//! Decodes bodies into objects: checks kind, version and types, and prunes or rejects unknown fields.

use serde_json::Value;

use crate::context::{Context, FieldValidation};
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::json::{Decoded, from_json, from_yaml};
use crate::meta::Meta;
use crate::protobuf;
use crate::resource::Resource;
use crate::schema::{check_types, prune};

const ACCEPTED: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// Decodes a body by its content type.
///
/// # Errors
/// 415 for another type, 400 for text that cannot be decoded, 501 for protobuf.
pub(crate) fn body_from(content_type: &str, body: &[u8]) -> Result<Decoded, ApiError> {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => from_json(body),
        "application/yaml" => from_yaml(body),
        "application/vnd.kubernetes.protobuf" => protobuf::decode(body),
        _ => Err(ApiError::unsupported_media_type(ACCEPTED)),
    }
}

/// Checks a decoded body against the resource and prunes it; returns the object and warnings.
///
/// # Errors
/// 400 if kind, version or a type is wrong, or (strict) a field is unknown or duplicate.
pub(crate) fn decode(
    resource: &Resource,
    decoded: Decoded,
    raw: &[u8],
    context: &Context,
) -> Result<(Value, Vec<String>), ApiError> {
    let Decoded { mut value, duplicates } = decoded;
    if !value.is_object() {
        let message = format!(
            "{} in version \"{}\" cannot be handled as a {}: the body is not an object",
            resource.kind, resource.version, resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    check_identity(resource, &value, raw).map_err(|error| warned(resource, error, &value, context))?;
    value["kind"] = resource.kind.clone().into();
    value["apiVersion"] = resource.api_version().into();
    let warnings = conform(resource, &mut value, duplicates, context)?;
    Ok((value, warnings))
}

/// Prunes an object and checks the types of a built-in one; returns warnings.
///
/// # Errors
/// 400 if a type is wrong, or (strict) a field is unknown or duplicate.
pub(crate) fn conform(
    resource: &Resource,
    value: &mut Value,
    duplicates: Vec<String>,
    context: &Context,
) -> Result<Vec<String>, ApiError> {
    let handled = |why: String| {
        ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            resource.kind, resource.version, resource.kind
        ))
    };
    if !resource.is_custom()
        && let Some(wrong) = check_types(value, &resource.schema)
    {
        let why = format!(
            "json: cannot unmarshal {} into Go struct field {}.{} of type {}",
            go_name(wrong.found),
            resource.kind,
            wrong.path,
            wrong.wanted
        );
        return Err(handled(why));
    }
    let unknown = prune(value, &resource.schema);
    if context.validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    let problems: Vec<String> = duplicates
        .iter()
        .map(|path| format!("duplicate field \"{path}\""))
        .chain(unknown.iter().map(|path| format!("unknown field \"{path}\"")))
        .collect();
    if problems.is_empty() {
        return Ok(Vec::new());
    }
    match context.validation {
        FieldValidation::Strict => Err(handled(format!("strict decoding error: {}", problems.join(", ")))),
        _ => Ok(problems),
    }
}

/// The name of a JSON Schema type in Go's JSON decoder.
fn go_name(found: &str) -> &str {
    match found {
        "integer" => "number",
        "boolean" => "bool",
        other => other,
    }
}

/// The warnings for a version that the definition does not have. Upstream then knows only the fields of every object,
/// and warns of all others before it rejects the version.
fn warned(resource: &Resource, mut error: ApiError, value: &Value, context: &Context) -> ApiError {
    let other_version = value["apiVersion"]
        .as_str()
        .is_some_and(|v| !v.is_empty() && v != resource.api_version());
    if resource.is_custom() && other_version && context.validation == FieldValidation::Warn {
        let fields = value.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown = fields.filter(|name| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata"));
        error
            .warnings
            .extend(unknown.map(|name| format!("unknown field \"{name}\"")));
    }
    error
}

/// Upstream answers `Invalid` for a custom object of another kind or version.
fn wrong_identity(resource: &Resource, value: &Value, kind: &str, api_version: &str, wanted: &str) -> ApiError {
    if api_version != wanted {
        return ApiError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({wanted})"
        ));
    }
    let error = FieldError::invalid(&Path::new("kind"), &kind.into(), format!("must be {}", resource.kind));
    ApiError::invalid(&resource.group, kind, value.name(), &[error])
}

fn check_identity(resource: &Resource, value: &Value, raw: &[u8]) -> Result<(), ApiError> {
    let kind = value["kind"].as_str().unwrap_or_default();
    let api_version = value["apiVersion"].as_str().unwrap_or_default();
    let wanted = resource.api_version();
    if resource.is_custom() {
        if kind.is_empty() || api_version.is_empty() {
            let text = String::from_utf8_lossy(raw);
            let missing = if kind.is_empty() { "Kind" } else { "apiVersion" };
            return Err(ApiError::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): Object '{missing}' is missing in '{text}' ({text})",
                resource.kind
            )));
        }
        if kind != resource.kind || api_version != wanted {
            return Err(wrong_identity(resource, value, kind, api_version, &wanted));
        }
        return Ok(());
    }
    let handled = |why: String| {
        Err(ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            if kind.is_empty() { &resource.kind } else { kind },
            resource.version,
            resource.kind
        )))
    };
    if !api_version.is_empty() && api_version != wanted {
        return handled(format!(
            "no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \
             \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
        ));
    }
    if !kind.is_empty() && kind != resource.kind {
        return handled(format!(
            "converting ({}.{kind}) to ({}.{}): unknown conversion",
            resource.version,
            if resource.group.is_empty() {
                "core"
            } else {
                resource.group.split('.').next().unwrap_or("core")
            },
            resource.kind
        ));
    }
    Ok(())
}
