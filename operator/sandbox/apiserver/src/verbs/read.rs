//! Reads one object or a list.

use std::sync::Arc;

use base64::Engine;
use serde_json::{Value, json};

use crate::Api;
use crate::error::ApiError;
use crate::field::{FieldError, Path};
use crate::meta::Meta;
use crate::request::Query;
use crate::resource::Resource;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::{Expired, Item, PageQuery};

/// Reads one object.
///
/// # Errors
/// 404 if it does not exist.
pub(crate) fn get(api: &Api, resource: &Resource, namespace: &str, name: &str) -> Result<Value, ApiError> {
    match api.store.get(&resource.storage, namespace, name) {
        Some(item) => Ok(resource.present(&item.object)),
        None => Err(ApiError::not_found(&resource.qualified(), name)),
    }
}

/// The validated options of a list or watch.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) limit: usize,
    pub(crate) continues: Option<Continue>,
    pub(crate) resource_version: String,
    pub(crate) exact: bool,
    pub(crate) send_initial_events: bool,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<u64>,
}

/// The position of a continued list.
#[derive(Debug, Clone)]
pub(crate) struct Continue {
    revision: u64,
    after: String,
}

impl ListQuery {
    /// Reads and validates the options.
    ///
    /// # Errors
    /// 400 for invalid selectors and tokens, 422 for combinations that upstream rejects.
    pub(crate) fn read(query: &Query, resource: &Resource, watch: bool) -> Result<Self, ApiError> {
        check_match(query, watch)?;
        let resource_version = query.get("resourceVersion").to_owned();
        let continues = match query.get("continue") {
            "" => None,
            token => Some(read_token(token)?),
        };
        if continues.is_some() && !resource_version.is_empty() && resource_version != "0" {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(Self {
            labels: LabelSelector::parse(query.get("labelSelector"))?,
            fields: FieldSelector::parse(query.get("fieldSelector"), resource)?,
            limit: query
                .number("limit")?
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
            continues,
            exact: query.get("resourceVersionMatch") == "Exact",
            resource_version,
            send_initial_events: query.flag("sendInitialEvents"),
            bookmarks: query.flag("allowWatchBookmarks"),
            timeout: query.number("timeoutSeconds")?.and_then(|n| u64::try_from(n).ok()),
        })
    }

    /// Whether a stored object is selected.
    pub(crate) fn matches(&self, resource: &Resource, item: &Item) -> bool {
        if !self.labels.matches(item.object.meta("labels")) {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let viewed = matches!(&resource.source, crate::resource::Source::BuiltIn(kind) if kind.view.is_some());
        if viewed {
            self.fields.matches(&resource.present(&item.object))
        } else {
            self.fields.matches(&item.object)
        }
    }
}

/// The rules of `resourceVersionMatch` and `sendInitialEvents`.
fn check_match(query: &Query, watch: bool) -> Result<(), ApiError> {
    let path = Path::new("resourceVersionMatch");
    let refuse = |why: &str| {
        Err(ApiError::invalid_options(
            "ListOptions",
            FieldError::forbidden(&path, why),
        ))
    };
    let wanted = query.get("resourceVersionMatch");
    let version = query.get("resourceVersion");
    if query.has("sendInitialEvents") {
        if !watch {
            let error = FieldError::forbidden(
                &Path::new("sendInitialEvents"),
                "sendInitialEvents is forbidden for list",
            );
            return Err(ApiError::invalid_options("ListOptions", error));
        }
        if wanted != "NotOlderThan" {
            return refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        return Ok(());
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if watch {
        return refuse("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    if version.is_empty() {
        return refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if !query.get("continue").is_empty() {
        return refuse("resourceVersionMatch is forbidden when continue is provided");
    }
    if wanted != "Exact" && wanted != "NotOlderThan" {
        let error = FieldError::unsupported(&path, &wanted.into(), &["Exact", "NotOlderThan", ""]);
        return Err(ApiError::invalid_options("ListOptions", error));
    }
    if wanted == "Exact" && version == "0" {
        return refuse("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
    Ok(())
}

/// Parses a resourceVersion.
///
/// # Errors
/// 400 if it is not a number.
pub(crate) fn parse_version(text: &str) -> Result<u64, ApiError> {
    text.parse()
        .map_err(|_| ApiError::bad_request(format!("invalid resource version: {}", version_problem(text))))
}

/// Upstream's message about an invalid resourceVersion.
pub(crate) fn version_problem(text: &str) -> String {
    format!("resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax")
}

/// Trailing bits are ignored, as Go's decoder does.
const TOKEN: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
);

fn write_token(revision: u64, after: &str) -> String {
    TOKEN.encode(json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": format!("{after}\0") }).to_string())
}

fn read_token(token: &str) -> Result<Continue, ApiError> {
    let refuse =
        |why: String| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes = TOKEN
        .decode(token.trim_end_matches('='))
        .map_err(|e| refuse(e.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let shown = match bytes.first() {
            Some(byte) if byte.is_ascii_graphic() => char::from(*byte).to_string(),
            Some(byte) => format!("\\u{byte:04x}"),
            None => return refuse("unexpected end of JSON input".to_owned()),
        };
        refuse(format!("invalid character '{shown}' looking for beginning of value"))
    })?;
    let (Some(revision), Some(start)) = (value["rv"].as_u64(), value["start"].as_str()) else {
        return Err(refuse("the token misses rv or start".to_owned()));
    };
    Ok(Continue {
        revision,
        after: start.trim_end_matches('\0').to_owned(),
    })
}

/// A list: the selected items as stored, and the list's metadata.
pub(crate) struct Listed {
    /// Items in key order.
    pub(crate) items: Vec<Arc<Item>>,
    /// `metadata` of the list.
    pub(crate) metadata: Value,
}

/// Reads a list.
///
/// # Errors
/// 400 for an invalid resourceVersion, 410 for an expired one, 504 for one in the future.
pub(crate) fn list(api: &Api, resource: &Resource, namespace: &str, query: &ListQuery) -> Result<Listed, ApiError> {
    let version = match query.resource_version.as_str() {
        "" => 0,
        text => parse_version(text)?,
    };
    let newest = api.store.revision();
    if version > newest {
        return Err(ApiError::internal(format!(
            "Too large resource version: {version}, current: {newest}"
        )));
    }
    let legacy_exact = query.limit > 0 && version > 0 && query.continues.is_none();
    let at = match &query.continues {
        Some(token) => Some(token.revision),
        None if query.exact || legacy_exact => Some(version),
        None => None,
    };
    let page = api
        .store
        .page(
            &resource.storage,
            namespace,
            &PageQuery {
                limit: query.limit,
                after: query.continues.as_ref().map(|t| t.after.as_str()),
                at,
                matches: &|item| query.matches(resource, item),
            },
        )
        .map_err(|e| expired(e, query.continues.is_some()))?;
    let mut metadata = json!({ "resourceVersion": page.revision.to_string() });
    match &page.next {
        Some(next) => metadata["continue"] = write_token(page.revision, next).into(),
        None if resource.is_custom() => metadata["continue"] = "".into(),
        None => {}
    }
    if page.next.is_some() && query.labels.is_empty() && query.fields.is_empty() {
        metadata["remainingItemCount"] = page.remaining.into();
    }
    Ok(Listed {
        items: page.items,
        metadata,
    })
}

fn expired(expired: Expired, continued: bool) -> ApiError {
    if continued {
        return ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter.",
        );
    }
    ApiError::expired(format!(
        "too old resource version: {} ({})",
        expired.asked, expired.oldest
    ))
}
