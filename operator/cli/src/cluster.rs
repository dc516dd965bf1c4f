//! The cluster: who connects, and the few requests that commands make. Every error names verb, resource and object.

use std::{fmt::Debug, time::Duration};

use complaint_contract::captured::TOKEN_HEADER;
use http::{HeaderName, HeaderValue, Request};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Config, Resource,
    api::{ListParams, Patch, PatchParams},
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
    core::{DeserializeGuard, Status},
};
use serde::de::DeserializeOwned;

use crate::{
    cli::Global,
    error::{Access, Error, chain},
    info::Objects,
};

/// How long a connection to the API server may take.
const CONNECT: Duration = Duration::from_secs(15);
/// The most bytes of an answer through a Service's proxy: a report has a few hundred kilobytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Where a command looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All namespaces.
    All,
    /// One.
    Namespace(String),
}

/// A kind of ours, or a built-in one in a namespace.
pub(crate) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug + Send + 'static
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug + Send + 'static
{
}

/// An answer of a pod through a Service's proxy.
pub(crate) struct Proxied {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    pub(crate) scope: Scope,
    /// The namespace of the kubeconfig's context.
    pub(crate) default_namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig. Nothing is sent yet.
    pub(crate) async fn connect(global: &Global) -> Result<Self, Error> {
        let config = config(global).await?;
        let scope = match (&global.namespace, global.all_namespaces) {
            (_, true) => Scope::All,
            (Some(namespace), false) => Scope::Namespace(namespace.clone()),
            (None, false) => Scope::Namespace(config.default_namespace.clone()),
        };
        let default_namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| Error::NoCluster(chain(&error)))?;
        Ok(Self {
            client,
            scope,
            default_namespace,
        })
    }

    /// A connection of a test.
    #[cfg(test)]
    pub(crate) fn of(client: Client, scope: Scope) -> Self {
        Self {
            client,
            scope,
            default_namespace: "default".into(),
        }
    }

    /// The same connection, looking elsewhere.
    pub(crate) fn scoped(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// The client, for requests about no kind of ours.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The namespace of a command about one object.
    pub(crate) fn namespace(&self) -> Result<&str, Error> {
        match &self.scope {
            Scope::Namespace(namespace) => Ok(namespace),
            Scope::All => Err(Error::Usage(
                "an object is in one namespace: name it with -n instead of -A".into(),
            )),
        }
    }

    /// The API of a kind in the command's scope.
    pub(crate) fn api<K: Kind>(&self) -> Api<DeserializeGuard<K>> {
        match &self.scope {
            Scope::All => Api::all(self.client.clone()),
            Scope::Namespace(namespace) => Api::namespaced(self.client.clone(), namespace),
        }
    }

    /// The API of a kind in one namespace.
    pub(crate) fn plain<K: Kind>(&self) -> Result<Api<K>, Error> {
        Ok(Api::namespaced(self.client.clone(), self.namespace()?))
    }

    /// The access to a kind, for errors.
    pub(crate) fn access<K: Kind>(&self, verb: &'static str, name: &str) -> Access {
        let (group, plural) = (K::group(&()), K::plural(&()));
        Access {
            verb,
            resource: if group.is_empty() {
                plural.into_owned()
            } else {
                format!("{plural}.{group}")
            },
            kind: K::kind(&()).into_owned(),
            namespace: match &self.scope {
                Scope::All => String::new(),
                Scope::Namespace(namespace) => namespace.clone(),
            },
            name: name.into(),
        }
    }

    /// Whether the user may list a kind, asked by listing one object of it.
    pub(crate) async fn may_list<K: Kind>(&self) -> Result<(), Error> {
        match self.api::<K>().list(&ListParams::default().limit(1)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::of_access(self.access::<K>("list", ""), error)),
        }
    }

    /// All objects of a kind.
    pub(crate) async fn list<K: Kind>(&self) -> Result<Vec<DeserializeGuard<K>>, Error> {
        let listed = self.api::<K>().list(&ListParams::default()).await;
        match listed {
            Ok(list) => Ok(list.items),
            Err(error) => Err(Error::of_access(self.access::<K>("list", ""), error)),
        }
    }

    /// All classifiers, versions and runs.
    pub(crate) async fn objects(&self) -> Result<Objects, Error> {
        let (classifiers, versions, runs) = tokio::try_join!(self.list(), self.list(), self.list())?;
        let mut objects = Objects::default();
        objects.add_classifiers(classifiers);
        objects.add_versions(versions);
        objects.add_runs(runs);
        Ok(objects)
    }

    /// One object.
    pub(crate) async fn get<K: Kind>(&self, name: &str) -> Result<K, Error> {
        self.namespace()?;
        let access = self.access::<K>("get", name);
        match self.api::<K>().get(name).await {
            Ok(DeserializeGuard(Ok(object))) => Ok(object),
            Ok(DeserializeGuard(Err(invalid))) => Err(Error::Other(format!(
                "{} {name} can't be read: {}. Use the plugin of the operator's release",
                access.kind, invalid.error
            ))),
            Err(error) => Err(Error::of_access(access, error)),
        }
    }

    /// Changes an object.
    pub(crate) async fn patch<K: Kind>(
        &self,
        name: &str,
        params: &PatchParams,
        patch: &Patch<serde_json::Value>,
    ) -> Result<K, Error> {
        let patched = self.plain::<K>()?.patch(name, params, patch).await;
        patched.map_err(|error| Error::of_access(self.access::<K>("patch", name), error))
    }

    /// Asks a pod behind a Service's port `http`, through the API server. A text posts JSON.
    pub(crate) async fn ask(&self, service: &str, path: &str, json: Option<Vec<u8>>) -> Result<Proxied, Error> {
        self.ask_with(service, path, json, None).await
    }

    /// As [`ask`](Self::ask), with a token for corrections.
    pub(crate) async fn ask_with(
        &self,
        service: &str,
        path: &str,
        json: Option<Vec<u8>>,
        token: Option<&HeaderValue>,
    ) -> Result<Proxied, Error> {
        let namespace = self.namespace()?;
        let access = Access {
            verb: if json.is_some() { "create" } else { "get" },
            resource: "services/proxy".into(),
            kind: "Service".into(),
            namespace: namespace.into(),
            name: service.into(),
        };
        let uri = format!("/api/v1/namespaces/{namespace}/services/{service}:http/proxy/{path}");
        let request = match json {
            Some(body) => Request::post(uri)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(Body::from(body)),
            None => Request::get(uri).body(Body::empty()),
        };
        let mut request =
            request.map_err(|error| Error::Usage(format!("{service} is no name of a classifier: {error}")))?;
        if let Some(token) = token {
            let name = HeaderName::from_static(TOKEN_HEADER);
            request.headers_mut().insert(name, token.clone());
        }
        let failed = |error| Error::of_access(access.clone(), error);
        let response = self.client.send(request).await.map_err(failed)?;
        let status = response.status();
        let body = response.into_body().collect_bytes().await.map_err(failed)?;
        if body.len() > ANSWER_BYTES {
            return Err(Error::Other(format!(
                "the answer to `{access}` is larger than {ANSWER_BYTES} bytes"
            )));
        }
        // The API server's own refusals are a Status; a pod's errors are not.
        if !status.is_success()
            && let Ok(refusal) = serde_json::from_slice::<Refusal>(&body)
            && refusal.kind == "Status"
        {
            return Err(Error::of_status(access, &refusal.status));
        }
        Ok(Proxied {
            status: status.as_u16(),
            body: body.to_vec(),
        })
    }
}

#[derive(serde::Deserialize)]
struct Refusal {
    kind: String,
    #[serde(flatten)]
    status: Status,
}

async fn config(global: &Global) -> Result<Config, Error> {
    let options = KubeConfigOptions {
        context: global.context.clone(),
        ..KubeConfigOptions::default()
    };
    let told = |error: &dyn std::error::Error| Error::NoCluster(chain(error));
    let mut config = match &global.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|error| told(&error))?;
            Config::from_custom_kubeconfig(read, &options)
                .await
                .map_err(|error| told(&error))?
        }
        None if global.context.is_some() => Config::from_kubeconfig(&options).await.map_err(|error| told(&error))?,
        None => Config::infer().await.map_err(|error| told(&error))?,
    };
    config.connect_timeout = Some(CONNECT);
    // A person is told at once, rather than after many attempts.
    config.default_retry = false;
    let user = global.r#as.clone().or_else(|| config.auth_info.impersonate.clone());
    let groups = match global.as_group.is_empty() {
        true => config.auth_info.impersonate_groups.clone().unwrap_or_default(),
        false => global.as_group.clone(),
    };
    for (name, value) in user
        .iter()
        .map(|user| ("impersonate-user", user))
        .chain(groups.iter().map(|group| ("impersonate-group", group)))
    {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Error::Usage(format!(
                "`{value}` can't be sent as a user or group: use printable characters"
            ))
        })?;
        config.headers.push((HeaderName::from_static(name), value));
    }
    Ok(config)
}
