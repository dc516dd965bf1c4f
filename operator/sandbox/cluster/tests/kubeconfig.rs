//! Kubeconfigs as programs use them.

use std::os::unix::fs::PermissionsExt;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox_apiserver::{Options, Server};
use sandbox_cluster::Connection;

#[tokio::test]
async fn a_kubeconfig_is_private_and_speaks_https_with_the_certificate_that_it_carries() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let server = Server::start(Options::default()).await.unwrap();
    let connection = Connection {
        cluster: "test".into(),
        server: server.https_url(),
        authority: server.authority().into(),
    };
    connection.write(&path, "admin", server.token(), "default").unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let read = Kubeconfig::read_from(&path).unwrap();
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    assert_eq!(config.cluster_url.scheme_str(), Some("https"));
    let version = Client::try_from(config).unwrap().apiserver_version().await.unwrap();
    assert_eq!(version.minor, "36");
}
