//! Services: each listens on its cluster IP and balances connections over its ready endpoints.
//!
//! Cluster IPs are loopback addresses that the API server allocates. [`routes`] computes the routes, [`balancer`]
//! listens, and this file watches the API.

mod balancer;
mod routes;

use std::collections::HashMap;
use std::net::SocketAddr;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::controllers::events::{EventWriter, Notice};
use balancer::Balancer;
use routes::Routes;

/// Starts serving all Services; `shutdown` closes all connections.
pub fn start(client: Client, shutdown: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(run(client, shutdown))
}

async fn run(client: Client, shutdown: CancellationToken) {
    let events = EventWriter::new(client.clone(), "kube-proxy", Some(crate::runner::NODE.into()));
    let (services, service_changes) = follow(Api::<Service>::all(client.clone()));
    let (slices, slice_changes) = follow(Api::<EndpointSlice>::all(client));
    let mut changes = futures::stream::select(service_changes, slice_changes).boxed();
    let mut balancer = Balancer::default();
    let mut refused: HashMap<SocketAddr, String> = HashMap::new();
    loop {
        let routes = routes::of(&services.state(), &slices.state());
        let wanted = routes
            .iter()
            .map(|(address, (_, endpoints))| (*address, endpoints.clone()))
            .collect();
        let failed = balancer.set(wanted).await;
        tell(&events, &routes, &failed, &mut refused).await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            change = changes.next() => if change.is_none() { break },
        }
    }
    balancer.close().await;
}

fn follow<K>(api: Api<K>) -> (Store<K>, impl Stream<Item = ()> + Send)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let changes = watcher(api, watcher::Config::default().any_semantic())
        .default_backoff()
        .reflect(writer)
        .touched_objects()
        .filter_map(|change| async move {
            match change {
                Ok(_) => Some(()),
                Err(error) => {
                    tracing::debug!(%error, "watching Services and EndpointSlices");
                    None
                }
            }
        });
    (store, changes)
}

/// Reports once why a Service's address can't be bound, with the fix.
async fn tell(
    events: &EventWriter,
    routes: &Routes,
    failed: &[(SocketAddr, std::io::Error)],
    refused: &mut HashMap<SocketAddr, String>,
) {
    refused.retain(|address, _| failed.iter().any(|(other, _)| other == address));
    for (address, error) in failed {
        let text = reason(*address, error);
        if refused.insert(*address, text.clone()).as_ref() == Some(&text) {
            continue;
        }
        if let Some((service, _)) = routes.get(address) {
            events
                .tell(service.as_ref(), &Notice::warning("ListenFailed", text))
                .await;
        }
    }
}

fn reason(address: SocketAddr, error: &std::io::Error) -> String {
    let port = address.port();
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => format!(
            "the sandbox can't listen on {address}: ports under 1024 need root, or \
             `sysctl net.ipv4.ip_unprivileged_port_start={port}`. Set the Service's port to 1024 or more"
        ),
        std::io::ErrorKind::AddrInUse => {
            format!("the sandbox can't listen on {address}: another program does. Choose another port or stop it")
        }
        std::io::ErrorKind::AddrNotAvailable => format!(
            "the sandbox can't listen on {address}: this machine has no such loopback address. On macOS add it with \
             `sudo ifconfig lo0 alias {}`",
            address.ip()
        ),
        _ => format!("the sandbox can't listen on {address}: {error}"),
    }
}
