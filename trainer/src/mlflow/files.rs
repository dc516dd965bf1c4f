//! Files, which go through the tracking server to where it keeps them.

use bytes::Bytes;
use complaint_contract::{MlflowTarget, TrainerReason};
use url::Url;

use super::client::{Server, TrackingError};

/// A folder that the server writes to.
pub(super) struct Folder(Vec<String>);

impl Folder {
    /// The folder at an address that the server at `server` gives; `None` if the server does not pass files on to it.
    pub(super) fn of(address: &str, server: &str) -> Option<Self> {
        let path = address.strip_prefix("mlflow-artifacts:")?;
        let path = match path.strip_prefix("//") {
            None => path,
            Some(path) => {
                let (authority, path) = path.split_once('/')?;
                let server = Url::parse(server).ok()?;
                let here = match server.port() {
                    Some(port) => format!("{}:{port}", server.host_str()?),
                    None => server.host_str()?.to_owned(),
                };
                (authority.is_empty() || authority == here).then_some(path)?
            }
        };
        let segments: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let plain = |part: &String| {
            part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        (!segments.is_empty() && segments.iter().all(plain)).then_some(Self(segments))
    }

    /// Writes or replaces a file.
    pub(super) async fn put(&self, server: &Server, name: &str, bytes: &Bytes) -> Result<(), TrackingError> {
        let mut path: Vec<&str> = self.0.iter().map(String::as_str).collect();
        path.push(name);
        server.put(&path, bytes).await
    }
}

/// The error for a folder that the server does not pass files on to.
pub(super) fn not_proxied(target: &MlflowTarget) -> TrackingError {
    TrackingError::new(
        TrainerReason::ArtifactsNotProxied,
        format!(
            "the run is logged without its files, its logged model and a registered version: the files of experiment `{}` do not go \
             through the tracking server. Start the server with --serve-artifacts, and name another experiment in \
             spec.tracking.mlflow.experiment, since an experiment keeps its place",
            target.experiment
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::Folder;

    #[test]
    fn only_folders_behind_the_same_server_are_written_to() {
        let of = |address: &str| Folder::of(address, "http://mlflow:5000/base").map(|folder| folder.0.join("/"));
        for address in [
            "mlflow-artifacts:/1/ab/artifacts",
            "mlflow-artifacts:///1/ab/artifacts",
            "mlflow-artifacts://mlflow:5000/1/ab/artifacts",
        ] {
            assert_eq!(of(address).as_deref(), Some("1/ab/artifacts"), "{address}");
        }
        for address in [
            "s3://bucket/1/ab/artifacts",
            "/mlruns/1/ab/artifacts",
            "file:///mlruns/1",
            "mlflow-artifacts://elsewhere:5000/1/ab",
            "mlflow-artifacts:/1/../../etc",
            "mlflow-artifacts:/1/a?b",
            "mlflow-artifacts:",
            "",
        ] {
            assert_eq!(of(address), None, "{address}");
        }
    }
}
