//! A Pod's credentials: a kubeconfig with a token of its service account that is bound to the Pod.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};

use super::launch::PodDirectory;
use super::volumes::is_account_volume;
use crate::Connection;

/// Why a Pod has no credentials.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The token request failed.
    #[error("failed to fetch token: {0}")]
    Token(#[from] kube::Error),
    /// The kubeconfig can't be written.
    #[error("writing {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Whether a service account's token is mounted into the Pod: the API server adds a volume to such Pods.
pub fn is_wanted(pod: &Pod) -> bool {
    pod.spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten())
        .any(is_account_volume)
}

/// Requests a token as the kubelet does and writes the kubeconfig; returns its path.
pub(super) async fn write(
    client: &Client,
    connection: &Connection,
    pod: &Pod,
    directory: &PodDirectory,
) -> Result<PathBuf, AccountError> {
    let namespace = pod.namespace().unwrap_or_default();
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
    let account = account.unwrap_or_else(|| "default".into());
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".into()),
                kind: Some("Pod".into()),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone(),
            }),
            // As in the volume that the API server adds.
            expiration_seconds: Some(3607),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
    let answer = accounts
        .create_token_request(&account, &PostParams::default(), &request)
        .await?;
    let token = answer.status.and_then(|status| status.token).unwrap_or_default();
    let path = directory.kubeconfig();
    let written =
        std::fs::create_dir_all(directory.path()).and_then(|()| connection.write(&path, &account, &token, &namespace));
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(AccountError::Write { path, source }),
    }
}
