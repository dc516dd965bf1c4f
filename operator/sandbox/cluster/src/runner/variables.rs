//! A container's environment: values, references to ConfigMaps, Secrets and fields of the Pod, `$(NAME)`.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, Pod};
use kube::ResourceExt;

use super::downward;

/// A kind of object that holds configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Holder {
    fn lower(self) -> &'static str {
        match self {
            Holder::ConfigMap => "configmap",
            Holder::Secret => "secret",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Holder::ConfigMap => "ConfigMap",
            Holder::Secret => "Secret",
        }
    }
}

/// The data of the ConfigMaps and Secrets that a Pod refers to; `None` for a missing one.
pub type Sources = HashMap<(Holder, String), Option<BTreeMap<String, Vec<u8>>>>;

/// Why a container's configuration is incomplete. The messages are the kubelet's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A ConfigMap or Secret does not exist.
    #[error("{} \"{name}\" not found", .holder.lower())]
    NotFound {
        /// Its kind.
        holder: Holder,
        /// Its name.
        name: String,
    },
    /// A key is missing in it.
    #[error("couldn't find key {key} in {} {namespace}/{name}", .holder.name())]
    NoKey {
        /// Its kind.
        holder: Holder,
        /// The Pod's namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The missing key.
        key: String,
    },
    /// A field reference that is not supported.
    #[error("{0}")]
    Field(#[from] downward::FieldError),
    /// A source that the sandbox does not support.
    #[error("variable {0}: the sandbox knows configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef only")]
    UnknownSource(String),
}

/// The value of a key, or the error; `Ok(None)` if it is optional and missing.
pub fn lookup<'a>(
    sources: &'a Sources,
    holder: Holder,
    namespace: &str,
    name: &str,
    key: &str,
    optional: bool,
) -> Result<Option<&'a [u8]>, ConfigError> {
    let Some(data) = sources.get(&(holder, name.to_string())).and_then(Option::as_ref) else {
        let missing = ConfigError::NotFound {
            holder,
            name: name.into(),
        };
        return if optional { Ok(None) } else { Err(missing) };
    };
    match data.get(key) {
        Some(value) => Ok(Some(value)),
        None if optional => Ok(None),
        None => Err(ConfigError::NoKey {
            holder,
            namespace: namespace.into(),
            name: name.into(),
            key: key.into(),
        }),
    }
}

/// The environment of a container's manifest; later values override earlier ones.
pub fn of_container(
    pod: &Pod,
    container: &Container,
    sources: &Sources,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let (holder, name, optional) = match (&from.config_map_ref, &from.secret_ref) {
            (Some(reference), _) => (Holder::ConfigMap, &reference.name, reference.optional),
            (None, Some(reference)) => (Holder::Secret, &reference.name, reference.optional),
            (None, None) => continue,
        };
        let Some(data) = sources.get(&(holder, name.clone())).and_then(Option::as_ref) else {
            if optional == Some(true) {
                continue;
            }
            return Err(ConfigError::NotFound {
                holder,
                name: name.clone(),
            });
        };
        let prefix = from.prefix.as_deref().unwrap_or_default();
        variables.extend(data.iter().map(|(key, value)| (format!("{prefix}{key}"), text(value))));
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(pod, container, variable, sources, &variables)? {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

fn value_of(
    pod: &Pod,
    container: &Container,
    variable: &EnvVar,
    sources: &Sources,
    earlier: &BTreeMap<String, String>,
) -> Result<Option<String>, ConfigError> {
    let namespace = pod.namespace().unwrap_or_default();
    let Some(from) = &variable.value_from else {
        return Ok(Some(expand(variable.value.as_deref().unwrap_or_default(), earlier)));
    };
    let (holder, name, key, optional) = match from {
        EnvVarSource {
            config_map_key_ref: Some(at),
            ..
        } => (Holder::ConfigMap, &at.name, &at.key, at.optional),
        EnvVarSource {
            secret_key_ref: Some(at),
            ..
        } => (Holder::Secret, &at.name, &at.key, at.optional),
        EnvVarSource {
            field_ref: Some(at), ..
        } => return Ok(Some(downward::field(pod, &at.field_path)?)),
        EnvVarSource {
            resource_field_ref: Some(at),
            ..
        } => return Ok(Some(downward::resource(pod, Some(container), at)?)),
        _ => return Err(ConfigError::UnknownSource(variable.name.clone())),
    };
    Ok(lookup(sources, holder, &namespace, name, key, optional == Some(true))?.map(text))
}

fn text(value: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(value.as_ref()).into_owned()
}

/// Replaces `$(NAME)` by the variable's value. `$$` is a dollar sign; unknown names are kept.
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[..rest.len() - after.len()]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> (Pod, Container) {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "namespace": "ns", "labels": { "app": "x" } },
            "spec": { "containers": [{ "name": "main",
                "envFrom": [{ "prefix": "CM_", "configMapRef": { "name": "cm" } }, { "secretRef": { "name": "none", "optional": true } }],
                "env": [
                    { "name": "A", "value": "1" },
                    { "name": "B", "value": "$(A)/$(CM_k)/$$(A)/$(UNKNOWN)/$" },
                    { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                    { "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "s", "key": "token" } } },
                    { "name": "MAYBE", "valueFrom": { "configMapKeyRef": { "name": "cm", "key": "no", "optional": true } } },
                ] }] },
        }))
        .expect("a Pod");
        let container = pod.spec.as_ref().expect("a spec").containers[0].clone();
        (pod, container)
    }

    #[test]
    fn values_come_from_everywhere_and_refer_to_earlier_ones() {
        let (pod, container) = pod();
        let sources = Sources::from([
            (
                (Holder::ConfigMap, "cm".into()),
                Some(BTreeMap::from([("k".to_string(), b"v".to_vec())])),
            ),
            (
                (Holder::Secret, "s".into()),
                Some(BTreeMap::from([("token".to_string(), b"t".to_vec())])),
            ),
        ]);
        let variables = of_container(&pod, &container, &sources).expect("complete");
        let expected = [
            ("A", "1"),
            ("B", "1/v/$(A)/$(UNKNOWN)/$"),
            ("CM_k", "v"),
            ("KEY", "t"),
            ("POD", "p"),
        ];
        let expected = expected
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(variables, expected.collect());
    }

    #[test]
    fn what_is_missing_is_named() {
        let (pod, container) = pod();
        let error = of_container(&pod, &container, &Sources::new()).expect_err("no ConfigMap");
        assert_eq!(error.to_string(), "configmap \"cm\" not found");
        let sources = Sources::from([
            ((Holder::ConfigMap, "cm".into()), Some(BTreeMap::new())),
            ((Holder::Secret, "s".into()), Some(BTreeMap::new())),
        ]);
        let error = of_container(&pod, &container, &sources).expect_err("no key");
        assert_eq!(error.to_string(), "couldn't find key token in Secret ns/s");
    }
}
