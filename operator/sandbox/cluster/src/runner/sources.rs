//! The ConfigMaps and Secrets that a Pod refers to.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::{Api, Client, ResourceExt};

use super::variables::{Holder, Sources};

/// Reads the current ConfigMaps and Secrets.
pub(super) async fn read(client: &Client, pod: &Pod) -> Result<Sources, kube::Error> {
    let namespace = pod.namespace().unwrap_or_default();
    let mut sources = Sources::new();
    for (holder, name) in references(pod) {
        let data = match holder {
            Holder::ConfigMap => {
                let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
                maps.get_opt(&name).await?.map(|map| {
                    let text = map
                        .data
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(key, value)| (key, value.into_bytes()));
                    text.chain(bytes(map.binary_data)).collect()
                })
            }
            Holder::Secret => {
                let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
                secrets.get_opt(&name).await?.map(|secret| bytes(secret.data).collect())
            }
        };
        sources.insert((holder, name), data);
    }
    Ok(sources)
}

fn bytes(data: Option<BTreeMap<String, ByteString>>) -> impl Iterator<Item = (String, Vec<u8>)> {
    data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0))
}

/// The names of the ConfigMaps and Secrets of a Pod's volumes and variables.
fn references(pod: &Pod) -> Vec<(Holder, String)> {
    let mut found: Vec<(Holder, String)> = Vec::new();
    let Some(spec) = pod.spec.as_ref() else { return found };
    for volume in spec.volumes.iter().flatten() {
        found.extend(
            volume
                .config_map
                .iter()
                .map(|map| (Holder::ConfigMap, map.name.clone())),
        );
        found.extend(
            volume
                .secret
                .iter()
                .filter_map(|secret| Some((Holder::Secret, secret.secret_name.clone()?))),
        );
        for source in volume
            .projected
            .iter()
            .flat_map(|projected| projected.sources.iter().flatten())
        {
            found.extend(
                source
                    .config_map
                    .iter()
                    .map(|map| (Holder::ConfigMap, map.name.clone())),
            );
            found.extend(source.secret.iter().map(|secret| (Holder::Secret, secret.name.clone())));
        }
    }
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        for from in container.env_from.iter().flatten() {
            found.extend(
                from.config_map_ref
                    .iter()
                    .map(|map| (Holder::ConfigMap, map.name.clone())),
            );
            found.extend(
                from.secret_ref
                    .iter()
                    .map(|secret| (Holder::Secret, secret.name.clone())),
            );
        }
        for from in container
            .env
            .iter()
            .flatten()
            .filter_map(|variable| variable.value_from.as_ref())
        {
            found.extend(
                from.config_map_key_ref
                    .iter()
                    .map(|at| (Holder::ConfigMap, at.name.clone())),
            );
            found.extend(from.secret_key_ref.iter().map(|at| (Holder::Secret, at.name.clone())));
        }
    }
    found.sort();
    found.dedup();
    found
}
