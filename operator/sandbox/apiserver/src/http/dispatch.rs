//! Dispatches a request: authentication, authorisation, and the verb that answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::negotiate::{Form, Negotiated, negotiate};
use super::respond::{Answer, error_response, text_response};
use super::subresources::subresource;
use crate::audit::Entry;
use crate::authentication::{authenticate, impersonate};
use crate::builtin::UNSUPPORTED;
use crate::context::Context;
use crate::error::ApiError;
use crate::meta::Meta;
use crate::ownership::New;
use crate::rbac::authorize;
use crate::request::{Attributes, Query, Route, Target, route};
use crate::resource::{Resource, Source, Verbs};
use crate::user::User;
use crate::verbs::{
    self, DeleteOptions, ListQuery, Part, PatchType, Written, body_from, create, decode, delete_collection,
    delete_warning, patch, put,
};
use crate::{Api, discovery, openapi, reviews, table};

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Handles every request.
pub(crate) async fn handle(State(api): State<Arc<Api>>, request: Request) -> Response {
    let mut entry = api.audit.as_ref().map(|_| Entry::of_request(&request));
    let response = match answer(&api, request, entry.as_mut()).await {
        Ok(response) => response,
        Err(error) => error_response(&error),
    };
    if let (Some(log), Some(entry)) = (&api.audit, entry) {
        log.write(entry, response.status().as_u16());
    }
    response
}

/// The parts of a request that verbs read.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) query: Query,
    pub(super) user: Arc<User>,
    headers: HeaderMap,
}

impl Asked {
    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn accept(&self) -> Option<&str> {
        self.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok())
    }

    pub(super) fn context(&self, kind: &str) -> Result<Context, ApiError> {
        let mut context = Context::from_query(&self.query, self.header(header::USER_AGENT), kind)?;
        context.user = self.user.clone();
        Ok(context)
    }
}

/// Authenticates, authorises and answers a request.
async fn answer(api: &Arc<Api>, request: Request, entry: Option<&mut Entry>) -> Result<Response, ApiError> {
    let path = request.uri().path().to_owned();
    if matches!(path.as_str(), "/healthz" | "/livez" | "/readyz" | "/healthz/ping") {
        return Ok(text_response(200, "text/plain; charset=utf-8", "ok"));
    }
    let user = authenticate(api, request.headers())?;
    let acting = impersonate(api, user.clone(), request.headers())?;
    let (route, query) = (route(&path), Query::parse(request.uri().query().unwrap_or_default()));
    let wish = Attributes::of_request(request.method(), &path, &route, &query);
    let decision = authorize(api, &acting, &wish);
    if let Some(entry) = entry {
        entry.judged(&user, &acting, &wish, &decision);
    }
    decision?;
    let asked = Asked {
        method: request.method().clone(),
        query,
        user: Arc::new(acting),
        headers: request.headers().clone(),
    };
    respond(api, &path, route, &asked, request).await
}

async fn respond(
    api: &Arc<Api>,
    path: &str,
    route: Route,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    match route {
        Route::Objects(target) => objects(api.clone(), target, asked, request).await,
        Route::CoreVersions => discover(asked, api, true),
        Route::Groups => discover(asked, api, false),
        Route::Group(name) => match discovery::group(api, &name) {
            Some(document) => Ok(Answer::ok(document).into_response(false)),
            None => Ok(page_not_found()),
        },
        Route::Resources { group, version } => {
            if discovery::has_version(api, &group, &version) {
                Ok(Answer::ok(discovery::resource_list(api, &group, &version)).into_response(false))
            } else if api.registry.has_group(&group, None) {
                Err(ApiError::unknown_path())
            } else {
                Ok(page_not_found())
            }
        }
        Route::Other(_) => other(api, path.trim_start_matches('/'), asked),
    }
}

fn page_not_found() -> Response {
    text_response(404, "text/plain; charset=utf-8", "404 page not found\n")
}

fn discover(asked: &Asked, api: &Api, core: bool) -> Result<Response, ApiError> {
    if negotiate(asked.accept())?.form == Form::Discovery {
        let text = discovery::aggregated(api, core).to_string();
        let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        return Ok(text_response(200, kind, text));
    }
    let host = asked.header(header::HOST);
    let document = if core {
        discovery::core_versions(host)
    } else {
        discovery::group_list(api)
    };
    Ok(Answer::ok(document).into_response(false))
}

fn other(api: &Api, name: &str, asked: &Asked) -> Result<Response, ApiError> {
    let name = name.trim_end_matches('/');
    match name {
        "version" => return Ok(Answer::ok(discovery::version()).into_response(false)),
        "openapi/v3" => {
            return Ok(text_response(
                200,
                "text/plain; charset=utf-8",
                openapi::index(api).to_string(),
            ));
        }
        "openapi/v2" => return Err(ApiError::not_implemented("OpenAPI v2; use /openapi/v3")),
        "" => {
            return Ok(
                Answer::ok(serde_json::json!({ "paths": ["/api", "/apis", "/openapi/v3", "/version"] }))
                    .into_response(false),
            );
        }
        _ => {}
    }
    if let Some(document) = name.strip_prefix("openapi/v3/") {
        if asked
            .header(header::ACCEPT)
            .starts_with("application/com.github.proto-openapi")
        {
            return Err(ApiError::not_acceptable());
        }
        return openapi::document(api, document)
            .map(|d| Answer::ok(d).into_response(false))
            .ok_or_else(ApiError::unknown_path);
    }
    Ok(page_not_found())
}

pub(super) async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(BODY_LIMIT)),
        Err(error) => Err(ApiError::bad_request(format!("reading the body: {error}"))),
    }
}

async fn objects(api: Arc<Api>, target: Target, asked: &Asked, request: Request) -> Result<Response, ApiError> {
    let Some(resource) = api.registry.get(&target.group, &target.version, &target.plural) else {
        return unknown_resource(&api, &target);
    };
    if resource.namespaced == target.namespace.is_empty()
        && (!target.name.is_empty() || !resource.namespaced || asked.method == Method::POST)
    {
        if resource.is_custom() {
            return Ok(page_not_found());
        }
        return Err(if target.name.is_empty() {
            ApiError::method_not_allowed()
        } else {
            ApiError::unknown_path()
        });
    }
    let mut response = if target.subresource.is_empty() {
        main_resource(api, &resource, &target, asked, request).await?
    } else {
        subresource(api, &resource, &target, asked, request).await?
    };
    if let Some(text) = resource.custom().and_then(|c| c.deprecation.as_ref())
        && let Ok(value) = http::HeaderValue::from_str(&format!("299 - \"{text}\""))
    {
        response.headers_mut().append(header::WARNING, value);
    }
    Ok(response)
}

fn unknown_resource(api: &Api, target: &Target) -> Result<Response, ApiError> {
    let unsupported = UNSUPPORTED
        .iter()
        .any(|(g, p)| *g == target.group && *p == target.plural);
    if unsupported {
        let group = if target.group.is_empty() { "core" } else { &target.group };
        let text = format!("{} of {group}/{}", target.plural, target.version);
        return Err(ApiError::not_implemented(text));
    }
    if api.registry.has_group(&target.group, None) {
        Err(ApiError::unknown_path())
    } else {
        Ok(page_not_found())
    }
}

fn takes(resource: &Resource, verbs: Verbs) -> bool {
    matches!(&resource.source, Source::BuiltIn(kind) if kind.verbs == verbs)
}

async fn main_resource(
    api: Arc<Api>,
    resource: &Arc<Resource>,
    target: &Target,
    asked: &Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let negotiated = negotiate(asked.accept())?;
    let on_collection = target.name.is_empty();
    if takes(resource, Verbs::CreateOnly) && asked.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    match (&asked.method, on_collection) {
        (&Method::GET, _) if asked.query.flag("watch") => watch(api, resource, target, asked, negotiated),
        (&Method::GET, true) => list(&api, resource, target, asked, negotiated),
        (&Method::GET, false) => {
            let object = verbs::get(&api, resource, &target.namespace, &target.name)?;
            one(resource, object, 200, Vec::new(), asked, negotiated)
        }
        (&Method::POST, true) => {
            let body = read_body(request.into_body()).await?;
            let written = post(&api, resource, target, asked, &body)?;
            reply(resource, written, asked, negotiated)
        }
        (&Method::PUT, false) => {
            let written = replaced(&api, resource, target, Part::Main, asked, request).await?;
            reply(resource, written, asked, negotiated)
        }
        (&Method::PATCH, false) => {
            let written = patched(&api, resource, target, Part::Main, asked, request).await?;
            reply(resource, written, asked, negotiated)
        }
        (&Method::DELETE, _) => remove(&api, resource, target, asked, request, negotiated).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn post(api: &Api, resource: &Resource, target: &Target, asked: &Asked, body: &[u8]) -> Result<Written, ApiError> {
    let context = asked.context("CreateOptions")?;
    let decoded = body_from(asked.header(header::CONTENT_TYPE), body)?;
    let (object, mut warnings) = decode(resource, decoded, body, &context)?;
    if !resource.stores_objects() {
        let object = reviews::answer(api, &asked.user, resource, &target.namespace, object)?;
        return Ok(Written {
            object,
            warnings,
            created: true,
        });
    }
    let mut written = create(api, resource, &target.namespace, object, &context, New::Update)?;
    warnings.append(&mut written.warnings);
    Ok(Written { warnings, ..written })
}

pub(super) async fn replaced(
    api: &Api,
    resource: &Resource,
    target: &Target,
    part: Part,
    asked: &Asked,
    request: Request,
) -> Result<Written, ApiError> {
    let context = asked.context("UpdateOptions")?;
    let body = read_body(request.into_body()).await?;
    let decoded = body_from(asked.header(header::CONTENT_TYPE), &body)?;
    let (object, warnings) = decode(resource, decoded, &body, &context)?;
    let (namespace, name) = (&target.namespace, &target.name);
    put(api, resource, namespace, name, part, object, warnings, &context)
}

pub(super) async fn patched(
    api: &Api,
    resource: &Resource,
    target: &Target,
    part: Part,
    asked: &Asked,
    request: Request,
) -> Result<Written, ApiError> {
    let kind = PatchType::read(asked.header(header::CONTENT_TYPE), resource)?;
    let mut context = asked.context("PatchOptions")?;
    if kind == PatchType::Apply && asked.query.get("fieldManager").is_empty() {
        context.manager.clear();
    }
    let body = read_body(request.into_body()).await?;
    let force = asked.query.flag("force");
    let (namespace, name) = (&target.namespace, &target.name);
    patch(api, resource, namespace, name, part, kind, &body, force, &context)
}

async fn remove(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    request: Request,
    negotiated: Negotiated,
) -> Result<Response, ApiError> {
    let body = read_body(request.into_body()).await?;
    let decoded = if body.is_empty() {
        None
    } else {
        Some(body_from(asked.header(header::CONTENT_TYPE), &body)?)
    };
    let options = DeleteOptions::read(&asked.query, decoded)?;
    let warnings: Vec<String> = delete_warning(resource, &options).into_iter().collect();
    if target.name.is_empty() {
        if takes(resource, Verbs::NoDeleteCollection) {
            return Err(ApiError::method_not_allowed());
        }
        let query = ListQuery::read(&asked.query, resource, false)?;
        let body = delete_collection(api, resource, &target.namespace, &query, &options)?;
        return Ok(Answer {
            warnings,
            ..Answer::ok(body)
        }
        .into_response(negotiated.yaml));
    }
    let body = verbs::delete(api, resource, &target.namespace, &target.name, &options)?.body(resource);
    Ok(Answer {
        warnings,
        ..Answer::ok(body)
    }
    .into_response(negotiated.yaml))
}

pub(super) fn reply(
    resource: &Resource,
    written: Written,
    asked: &Asked,
    negotiated: Negotiated,
) -> Result<Response, ApiError> {
    let status = if written.created { 201 } else { 200 };
    one(resource, written.object, status, written.warnings, asked, negotiated)
}

pub(super) fn one(
    resource: &Resource,
    object: Value,
    status: u16,
    warnings: Vec<String>,
    asked: &Asked,
    negotiated: Negotiated,
) -> Result<Response, ApiError> {
    let body = match negotiated.form {
        Form::Object => object,
        Form::PartialObject => table::partial(&object),
        Form::Table => {
            let metadata = serde_json::json!({ "resourceVersion": object.resource_version() });
            table::table(resource, &[object], metadata, asked.query.get("includeObject"))?
        }
        Form::PartialList | Form::Discovery => return Err(ApiError::not_acceptable()),
    };
    Ok(Answer { status, body, warnings }.into_response(negotiated.yaml))
}

/// A list whose items are serialised from the store without copies, because lists can be long.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredList<'a> {
    kind: &'a str,
    api_version: String,
    metadata: &'a Value,
    items: Vec<WithoutType<'a>>,
}

/// An object without kind and apiVersion, as [`verbs::listed`] returns it.
struct WithoutType<'a>(&'a Value);

impl Serialize for WithoutType<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer.collect_map(fields.filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion")))
    }
}

fn list(
    api: &Api,
    resource: &Resource,
    target: &Target,
    asked: &Asked,
    negotiated: Negotiated,
) -> Result<Response, ApiError> {
    let query = ListQuery::read(&asked.query, resource, false)?;
    let listed = verbs::list(api, resource, &target.namespace, &query)?;
    let body = match negotiated.form {
        Form::Object if !negotiated.yaml && resource.shows_as_stored() => {
            let list = StoredList {
                kind: &resource.list_kind,
                api_version: resource.api_version(),
                metadata: &listed.metadata,
                items: listed.items.iter().map(|item| WithoutType(&item.object)).collect(),
            };
            let text = serde_json::to_string(&list).map_err(|error| ApiError::internal(error.to_string()))?;
            return Ok(text_response(200, "application/json", text));
        }
        Form::Object => {
            let items: Vec<Value> = listed
                .items
                .iter()
                .map(|i| verbs::listed(resource, &i.object))
                .collect();
            serde_json::json!({
                "kind": resource.list_kind,
                "apiVersion": resource.api_version(),
                "metadata": listed.metadata,
                "items": items,
            })
        }
        Form::PartialList => {
            let items: Vec<Value> = listed.items.iter().map(|i| table::partial(&i.object)).collect();
            serde_json::json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": listed.metadata,
                "items": items,
            })
        }
        Form::Table => {
            let objects: Vec<Value> = listed.items.iter().map(|i| resource.present(&i.object)).collect();
            table::table(resource, &objects, listed.metadata, asked.query.get("includeObject"))?
        }
        Form::PartialObject | Form::Discovery => return Err(ApiError::not_acceptable()),
    };
    Ok(Answer::ok(body).into_response(negotiated.yaml))
}

fn watch(
    api: Arc<Api>,
    resource: &Arc<Resource>,
    target: &Target,
    asked: &Asked,
    negotiated: Negotiated,
) -> Result<Response, ApiError> {
    let mut query = ListQuery::read(&asked.query, resource, true)?;
    if !target.name.is_empty() {
        query.fields = crate::selector::FieldSelector::parse(&format!("metadata.name={}", target.name), resource)?;
    }
    let include = asked.query.get("includeObject").to_owned();
    let for_table = resource.clone();
    let shape: Box<dyn Fn(Value) -> Value + Send + Sync> = match negotiated.form {
        Form::Object => Box::new(|object| object),
        Form::PartialObject | Form::PartialList => Box::new(|object| table::partial(&object)),
        Form::Table => Box::new(move |object| {
            let metadata = serde_json::json!({ "resourceVersion": object.resource_version() });
            table::table(&for_table, std::slice::from_ref(&object), metadata, &include).unwrap_or(object)
        }),
        Form::Discovery => return Err(ApiError::not_acceptable()),
    };
    let stream = verbs::watch(api, resource.clone(), target.namespace.clone(), query, shape)?;
    Ok(text_response(200, "application/json", Body::from_stream(stream)))
}
