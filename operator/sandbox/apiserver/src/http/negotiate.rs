//! Content negotiation.

use crate::error::ApiError;

/// The form of a response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object itself.
    Object,
    /// A `meta.k8s.io/v1` Table.
    Table,
    /// PartialObjectMetadata of one object.
    PartialObject,
    /// PartialObjectMetadata of a list.
    PartialList,
    /// An aggregated discovery document.
    Discovery,
}

/// The negotiated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// The form of the body.
    pub(crate) form: Form,
    /// YAML instead of JSON.
    pub(crate) yaml: bool,
}

impl Negotiated {
    /// Plain JSON.
    pub(crate) const JSON: Self = Self {
        form: Form::Object,
        yaml: false,
    };
}

/// Reads an Accept header and picks its first supported alternative.
///
/// # Errors
/// 406 if there is none.
pub(crate) fn negotiate(accept: Option<&str>) -> Result<Negotiated, ApiError> {
    let accept = accept.unwrap_or("").trim();
    if accept.is_empty() {
        return Ok(Negotiated::JSON);
    }
    accept
        .split(',')
        .find_map(alternative)
        .ok_or_else(ApiError::not_acceptable)
}

fn alternative(text: &str) -> Option<Negotiated> {
    let mut parts = text.split(';').map(str::trim);
    let yaml = match parts.next()? {
        "application/json" | "*/*" | "application/*" => false,
        "application/yaml" => true,
        _ => return None,
    };
    let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
    let get = |key: &str| parameters.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    let form = match (get("as"), get("g"), get("v")) {
        (None, ..) => Form::Object,
        (Some("Table"), Some("meta.k8s.io"), Some("v1")) => Form::Table,
        (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1")) => Form::PartialObject,
        (Some("PartialObjectMetadataList"), Some("meta.k8s.io"), Some("v1")) => Form::PartialList,
        (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => Form::Discovery,
        _ => return None,
    };
    Some(Negotiated { form, yaml })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_alternative_counts() {
        for (accept, form) in [
            ("", Form::Object),
            ("*/*", Form::Object),
            (
                "application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json",
                Form::Object,
            ),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Form::Table,
            ),
        ] {
            assert_eq!(negotiate(Some(accept)).unwrap().form, form, "{accept}");
        }
        assert_eq!(negotiate(Some("text/csv")).unwrap_err().code, 406);
    }
}
