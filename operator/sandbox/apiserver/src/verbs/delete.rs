//! DELETE: grace periods, finalizers, propagation.

use serde_json::{Value, json};

use super::update::{finished, same_but_managed};
use super::{ListQuery, effects, list};
use crate::Api;
use crate::error::ApiError;
use crate::json::Decoded;
use crate::meta::{Meta, now};
use crate::request::{Query, check_dry_run};
use crate::resource::{Resource, Source};
use crate::store::WriteError;

/// The propagation policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// Dependents are deleted after the owner.
    Background,
    /// The owner is deleted after the dependents that block it.
    Foreground,
    /// Dependents are kept and lose the owner reference.
    Orphan,
}

/// The options of a delete.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) propagation: Option<Propagation>,
    pub(crate) grace: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

impl DeleteOptions {
    /// Reads the options from the body or the query.
    ///
    /// # Errors
    /// 400 or 422 for values that upstream rejects.
    pub(crate) fn read(query: &Query, body: Option<Decoded>) -> Result<Self, ApiError> {
        let body = body.map(|b| b.value).unwrap_or(Value::Null);
        let policy = match body["propagationPolicy"].as_str() {
            Some(policy) => policy.to_owned(),
            None => query.get("propagationPolicy").to_owned(),
        };
        let propagation = match policy.as_str() {
            "" if body["orphanDependents"] == true || query.flag("orphanDependents") => Some(Propagation::Orphan),
            "" => None,
            "Background" => Some(Propagation::Background),
            "Foreground" => Some(Propagation::Foreground),
            "Orphan" => Some(Propagation::Orphan),
            other => {
                use crate::field::{FieldError, Path};
                let supported = ["Background", "Foreground", "Orphan", "nil"];
                let error = FieldError::unsupported(&Path::new("propagationPolicy"), &other.into(), &supported);
                return Err(ApiError::invalid_options("DeleteOptions", error));
            }
        };
        let from_body: Vec<&str> = body["dryRun"]
            .as_array()
            .map(|l| l.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let text = |key: &str| body["preconditions"][key].as_str().map(str::to_owned);
        Ok(Self {
            propagation,
            grace: match body["gracePeriodSeconds"].as_i64() {
                Some(grace) => Some(grace),
                None => query.number("gracePeriodSeconds")?,
            },
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            dry_run: query.dry_run("DeleteOptions")? || check_dry_run(&from_body, "DeleteOptions")?,
        })
    }
}

/// The result of a delete.
pub(crate) enum Deleted {
    /// The object is gone; its last state.
    Gone(Value),
    /// The object waits for finalizers or for its node.
    Waiting(Value),
}

impl Deleted {
    /// The body of the response.
    pub(crate) fn body(self, resource: &Resource) -> Value {
        match self {
            Self::Waiting(object) => object,
            Self::Gone(object) if returns_object(resource) => object,
            Self::Gone(object) => {
                let mut details = resource.qualified().details(object.name());
                details["uid"] = object.uid().into();
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
            }
        }
    }
}

/// Whether a delete returns the object itself instead of a Status.
fn returns_object(resource: &Resource) -> bool {
    const KINDS: [&str; 5] = [
        "Pod",
        "Service",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "ResourceQuota",
    ];
    !resource.is_custom() && KINDS.contains(&resource.kind.as_str())
}

/// Deletes an object.
///
/// # Errors
/// 404 if it does not exist, 403 for protected namespaces, 409 if a precondition fails.
pub(crate) fn delete(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let qualified = resource.qualified();
    if resource.kind == "Namespace"
        && &*resource.storage == "/namespaces"
        && ["default", "kube-system", "kube-public"].contains(&name)
    {
        return Err(ApiError::forbidden(
            &qualified,
            name,
            "this namespace may not be deleted",
        ));
    }
    loop {
        let Some(item) = api.store.get(&resource.storage, namespace, name) else {
            return Err(ApiError::not_found(&qualified, name));
        };
        let old = resource.present(&item.object);
        check_preconditions(resource, &old, options)?;
        let new = marked(resource, &old, options);
        let grace = new
            .meta("deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let gone = grace == 0 && finished(&new);
        if options.dry_run {
            return Ok(if gone {
                Deleted::Gone(old)
            } else {
                Deleted::Waiting(new)
            });
        }
        if !gone && same_but_managed(&new, &old) {
            return Ok(Deleted::Waiting(old));
        }
        let written = if gone {
            api.store
                .remove(&resource.storage, namespace, name, item.revision, None)
        } else {
            api.store
                .update(&resource.storage, item.revision, resource.store(new.clone()))
        };
        match written {
            Ok(item) if gone => {
                effects::removed(api, resource, &item);
                let mut last = if grace_matters(resource) { new } else { old };
                last.set_meta("resourceVersion", item.revision.to_string());
                return Ok(Deleted::Gone(last));
            }
            Ok(item) => {
                effects::wrote(api, resource, &item);
                return Ok(Deleted::Waiting(resource.present(&item.object)));
            }
            Err(WriteError::File(why)) => return Err(ApiError::not_stored(&why)),
            // The object has changed meanwhile.
            Err(WriteError::Changed | WriteError::Exists) => {}
        }
    }
}

fn grace_matters(resource: &Resource) -> bool {
    &*resource.storage == "/pods"
}

fn check_preconditions(resource: &Resource, object: &Value, options: &DeleteOptions) -> Result<(), ApiError> {
    let refuse = |what: &str, wanted: &str, found: &str| {
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might \
             have been {}",
            if what == "UID" {
                "deleted and then recreated"
            } else {
                "modified"
            }
        );
        Err(ApiError::conflict(&resource.qualified(), object.name(), why))
    };
    if let Some(uid) = &options.uid
        && uid != object.uid()
    {
        return refuse("UID", uid, object.uid());
    }
    if let Some(version) = &options.resource_version
        && version != object.resource_version()
    {
        return refuse("ResourceVersion", version, object.resource_version());
    }
    Ok(())
}

/// The object with its deletion timestamp.
fn marked(resource: &Resource, old: &Value, options: &DeleteOptions) -> Value {
    let mut new = old.clone();
    settle_finalizers(resource, &mut new, options.propagation);
    let grace = grace_period(resource, old, options);
    let before = old.meta("deletionGracePeriodSeconds").and_then(Value::as_i64);
    if old.is_deleting() {
        // A second delete can only shorten the grace period.
        if before.is_some_and(|b| grace < b) {
            new.set_meta("deletionGracePeriodSeconds", grace);
            new.set_meta("deletionTimestamp", later(grace));
        }
        return new;
    }
    new.set_meta("deletionTimestamp", later(grace));
    new.set_meta("deletionGracePeriodSeconds", grace);
    if let Some(generation) = old.meta("generation").and_then(Value::as_i64).filter(|g| *g > 0) {
        new.set_meta("generation", generation + 1);
    }
    if &*resource.storage == "/namespaces" {
        new["status"]["phase"] = "Terminating".into();
    }
    new
}

fn later(grace: i64) -> String {
    if grace <= 0 {
        return now();
    }
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(grace);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The grace period, which is 0 except for pods on a node.
fn grace_period(resource: &Resource, pod: &Value, options: &DeleteOptions) -> i64 {
    if !grace_matters(resource) {
        return 0;
    }
    let assigned = pod["spec"]["nodeName"].as_str().is_some_and(|n| !n.is_empty());
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !assigned || over {
        return 0;
    }
    let own = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    options.grace.unwrap_or(own).max(0)
}

/// Sets the finalizer of the propagation policy.
fn settle_finalizers(resource: &Resource, object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation.or(default_propagation(resource)) else {
        return;
    };
    let mut kept: Vec<String> = object
        .finalizers()
        .into_iter()
        .filter(|f| *f != "orphan" && *f != "foregroundDeletion")
        .map(str::to_owned)
        .collect();
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => kept.push("foregroundDeletion".into()),
        Propagation::Orphan => kept.push("orphan".into()),
    }
    if kept.is_empty() {
        object.remove_meta("finalizers");
    } else {
        object.set_meta("finalizers", kept);
    }
}

fn default_propagation(resource: &Resource) -> Option<Propagation> {
    (&*resource.storage == "batch/jobs").then_some(Propagation::Orphan)
}

/// The warning of a delete without a propagation policy.
pub(crate) fn warning(resource: &Resource, options: &DeleteOptions) -> Option<String> {
    (options.propagation.is_none() && default_propagation(resource).is_some()).then(|| {
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or \
         set propagationPolicy=Orphan to suppress this warning"
            .to_owned()
    })
}

/// Deletes the selected objects of a collection; returns their states.
///
/// # Errors
/// See [`delete`]; objects that others delete meanwhile are skipped.
pub(crate) fn delete_collection(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    query: &ListQuery,
    options: &DeleteOptions,
) -> Result<Value, ApiError> {
    let listed = list(api, resource, namespace, query)?;
    for item in &listed.items {
        match delete(api, resource, item.object.namespace(), item.object.name(), options) {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    let items: Vec<Value> = listed
        .items
        .iter()
        .map(|i| super::listed(resource, &i.object))
        .collect();
    Ok(json!({
        "kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": listed.metadata, "items": items,
    }))
}

impl Resource {
    /// Whether the server itself handles the finalizer of this resource.
    pub(crate) fn is_definition(&self) -> bool {
        matches!(&self.source, Source::BuiltIn(kind) if kind.kind == "CustomResourceDefinition")
    }
}
