//! Lifecycle hooks.

use k8s_openapi::api::core::v1::Container;
use std::time::Duration;
use tokio::time::Instant;

use super::container::One;
use super::{probe, process};
use crate::controllers::events::Notice;

/// Runs a container's preStop hook until `deadline`. A failed hook is reported and does not affect the termination.
pub(super) async fn before_stop(one: &One, container: &Container, deadline: Instant) {
    let Some(hook) = container
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.pre_stop.as_ref())
    else {
        return;
    };
    let work = async {
        if let Some(sleep) = &hook.sleep {
            tokio::time::sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))).await;
            return Ok(());
        }
        if let Some(get) = &hook.http_get {
            let port = probe::port(container, &get.port)?;
            let address = one
                .run
                .with_book(|book| book.address.map(|address| address.to_string()))
                .unwrap_or_default();
            return probe::http(get, &address, port).await;
        }
        let Some(exec) = &hook.exec else { return Ok(()) };
        let launch = one.exec(container, exec.command.as_deref().unwrap_or_default()).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        match process::run_to_end(&launch, left).await {
            Ok(Some(0) | None) => Ok(()),
            Ok(Some(code)) => Err(format!("command exited with {code}")),
            Err(error) => Err(error.to_string()),
        }
    };
    if let Ok(Err(why)) = tokio::time::timeout_at(deadline, work).await {
        one.run
            .tell_of(one.role, &container.name, &Notice::warning("FailedPreStopHook", why))
            .await;
    }
}
