//! Requests for subresources: status, scale, logs, proxies, evictions.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::{Method, header};
use serde_json::{Value, json};

use super::dispatch::{Asked, one, patched, read_body, replaced, reply};
use super::endpoints::{ServicePort, pick};
use super::negotiate::negotiate;
use super::respond::Answer;
use super::{logs, proxy};
use crate::Api;
use crate::authentication::issue;
use crate::error::ApiError;
use crate::meta::Meta;
use crate::request::Target;
use crate::resource::{Resource, Source};
use crate::selector::LabelSelector;
use crate::verbs::{self, DeleteOptions, Part, PatchType, body_from, patch_scale, put_scale, scale_of};

/// Answers a request for a subresource.
///
/// # Errors
/// 404 if the resource does not have it, 501 if the sandbox does not support it.
pub(super) async fn subresource(
    api: Arc<Api>,
    resource: &Arc<Resource>,
    target: &Target,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let known = match &resource.source {
        Source::BuiltIn(kind) => kind.subresources.iter().any(|s| s.name == target.subresource),
        Source::Custom(version) => match target.subresource.as_str() {
            "status" => version.has_status,
            "scale" => version.scale.is_some(),
            _ => false,
        },
    };
    if !known {
        return Err(ApiError::unknown_path());
    }
    match target.subresource.as_str() {
        "status" => part(&api, resource, target, Part::Status, asked, request).await,
        "finalize" => part(&api, resource, target, Part::Whole, asked, request).await,
        "scale" => scale(&api, resource, target, asked, request).await,
        "log" => {
            let pod = verbs::get(&api, resource, &target.namespace, &target.name)?;
            logs::serve(api, pod, &asked.query).await
        }
        "proxy" => proxied(&api, target, asked, request).await,
        "eviction" => evict(&api, resource, target, asked, request).await,
        "binding" => bind(&api, resource, target, asked, request).await,
        "token" => token(&api, target, asked, request).await,
        other => Err(ApiError::not_implemented(format!("{}/{other}", resource.plural))),
    }
}

async fn part(
    api: &Api,
    resource: &Resource,
    target: &Target,
    part: Part,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let negotiated = negotiate(asked.accept())?;
    let written = match asked.method {
        Method::GET => {
            let object = verbs::get(api, resource, &target.namespace, &target.name)?;
            return one(resource, object, 200, Vec::new(), asked, negotiated);
        }
        Method::PUT => replaced(api, resource, target, part, asked, request).await?,
        Method::PATCH => patched(api, resource, target, part, asked, request).await?,
        _ => return Err(ApiError::method_not_allowed()),
    };
    reply(resource, written, asked, negotiated)
}

async fn scale(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let (namespace, name) = (&target.namespace, &target.name);
    let body = match asked.method {
        Method::GET => scale_of(resource, &verbs::get(api, resource, namespace, name)?)?,
        Method::PUT => {
            let context = asked.context("UpdateOptions")?;
            let body = read_body(request.into_body()).await?;
            let scale = body_from(asked.header(header::CONTENT_TYPE), &body)?.value;
            put_scale(api, resource, namespace, name, &scale, &context)?
        }
        Method::PATCH => {
            let kind = PatchType::read(asked.header(header::CONTENT_TYPE), resource)?;
            let context = asked.context("PatchOptions")?;
            let body = read_body(request.into_body()).await?;
            patch_scale(api, resource, namespace, name, kind, &body, &context)?
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok(Answer::ok(body).into_response(negotiate(asked.accept())?.yaml))
}

async fn proxied(api: &Api, target: &Target, asked: &Asked, request: Request) -> Result<Response, ApiError> {
    let named = ServicePort::parse(&target.name);
    let authority = if target.plural == "services" {
        pick(api, &target.namespace, &named)?
    } else {
        let pods = crate::error::Qualified {
            group: String::new(),
            resource: "pods".into(),
        };
        let pod = api
            .store
            .get("/pods", &target.namespace, &named.name)
            .ok_or_else(|| ApiError::not_found(&pods, &named.name))?;
        let address = pod.object["status"]["podIP"].as_str().unwrap_or_default();
        if address.is_empty() {
            return Err(ApiError::bad_request(format!(
                "address not allowed: pod {} has no address yet",
                named.name
            )));
        }
        let port = if named.port.is_empty() {
            let first = &pod.object["spec"]["containers"][0]["ports"][0]["containerPort"];
            first.as_u64().unwrap_or(80).to_string()
        } else {
            named.port.clone()
        };
        format!("{address}:{port}")
    };
    let query = request.uri().query().map(str::to_owned);
    tracing::debug!(%authority, path = target.rest, method = %asked.method, "proxying");
    proxy::forward(&named.scheme, &authority, &target.rest, query.as_deref(), request).await
}

/// The body of a request that must be a POST.
async fn posted(asked: &Asked, request: Request) -> Result<Value, ApiError> {
    if asked.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let body = read_body(request.into_body()).await?;
    Ok(body_from(asked.header(header::CONTENT_TYPE), &body)?.value)
}

fn success() -> Response {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 });
    Answer::created(body).into_response(false)
}

async fn token(api: &Api, target: &Target, asked: &Asked, request: Request) -> Result<Response, ApiError> {
    let wanted = posted(asked, request).await?;
    let body = issue(api, &target.namespace, &target.name, wanted)?;
    Ok(Answer::created(body).into_response(negotiate(asked.accept())?.yaml))
}

async fn evict(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let eviction = posted(asked, request).await?;
    let pod = verbs::get(api, resource, &target.namespace, &target.name)?;
    if let Some(budget) = budget_of(api, &pod) {
        let what =
            format!("evictions of pods that a PodDisruptionBudget selects (here \"{budget}\"); delete the pod instead");
        return Err(ApiError::not_implemented(what));
    }
    let options = DeleteOptions {
        grace: eviction["deleteOptions"]["gracePeriodSeconds"].as_i64(),
        dry_run: asked.query.dry_run("CreateOptions")?,
        ..DeleteOptions::default()
    };
    if !options.dry_run {
        // As upstream: a Job's failure policy tells an eviction from a failure by this condition.
        let disrupted = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastTransitionTime": crate::meta::now(),
        });
        change(api, resource, target, asked, &|pod| {
            let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            let others = conditions
                .filter(|condition| condition["type"] != disrupted["type"])
                .cloned();
            pod["status"]["conditions"] = others.chain([disrupted.clone()]).collect();
            Ok(())
        })?;
    }
    verbs::delete(api, resource, &target.namespace, &target.name, &options)?;
    Ok(success())
}

/// Changes the whole of an object as its subresource asks.
fn change(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    edit: &dyn Fn(&mut Value) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let context = asked.context("CreateOptions")?;
    let (namespace, name) = (&target.namespace, &target.name);
    verbs::update(api, resource, namespace, name, Part::Whole, &context, &|old| {
        let mut object = old.clone();
        edit(&mut object)?;
        Ok(verbs::Change {
            object,
            tracking: verbs::Tracking::Update,
            warnings: Vec::new(),
        })
    })
    .map(drop)
}

/// A disruption budget that selects a pod. The sandbox does not track its allowed disruptions.
fn budget_of(api: &Api, pod: &Value) -> Option<String> {
    let budgets = api.store.all("policy/poddisruptionbudgets", pod.namespace());
    let selects = |budget: &Value| {
        let selector = &budget["spec"]["selector"];
        let selector = LabelSelector::from_object(selector).filter(|_| selector.is_object());
        selector.is_some_and(|selector| selector.matches(pod.meta("labels")))
    };
    let found = budgets.iter().find(|budget| selects(&budget.object));
    found.map(|budget| budget.object.name().to_owned())
}

async fn bind(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let binding = posted(asked, request).await?;
    let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
    let qualified = resource.qualified();
    change(api, resource, target, asked, &|pod| {
        if let Some(taken) = pod["spec"]["nodeName"].as_str().filter(|n| !n.is_empty()) {
            let why = format!("pod {} is already assigned to node \"{taken}\"", target.name);
            return Err(ApiError::conflict(&qualified, &target.name, why));
        }
        pod["spec"]["nodeName"] = node.clone().into();
        Ok(())
    })?;
    Ok(success())
}
