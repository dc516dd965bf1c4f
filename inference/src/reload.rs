//! SIGHUP: reads the model again and, if it has changed and can be used, puts the new one into service.
//!
//! This is for servers that run without Kubernetes. In a cluster a new digest always means new pods. Requests in flight
//! keep the model that they began with, so no request is lost and none is answered by two models.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;

use crate::core::app::App;
use crate::core::loading::{LoadError, Loaded, load};
use crate::core::metrics::Reload;
use crate::options::Options;

/// Reads the model again at each signal, forever. If anything fails, the current model stays in service.
pub async fn at_each(mut hangup: Signal, app: Arc<App>, options: Arc<Options>) {
    while hangup.recv().await.is_some() {
        let before = app.served().engine.digest();
        let again = {
            let options = Arc::clone(&options);
            // Opening a model takes a while, and the caller's thread must accept connections in the meantime.
            spawn_blocking(move || Handle::current().block_on(load(&options.source, Some(before))))
        };
        let outcome = match again.await {
            Ok(outcome) => take_over(&app, outcome),
            Err(error) => {
                tracing::error!(%error, "reading the model again failed because of a bug; the one in service stays");
                Reload::refused
            }
        };
        app.metrics.reloaded(outcome);
    }
    // No more signals can arrive, but the caller must not end because of that.
    std::future::pending().await
}

fn take_over(app: &App, outcome: Result<Option<Loaded>, LoadError>) -> Reload {
    match outcome {
        Ok(Some(Loaded { engine, report })) => {
            let (before, now) = (app.served().digest.clone(), engine.digest().prefixed());
            app.serve(engine, report);
            tracing::info!(before, now, "another model is in service");
            Reload::swapped
        }
        Ok(None) => {
            let digest = &app.served().digest;
            tracing::info!(
                digest,
                "the model is the one in service already; with --digest no other is taken"
            );
            Reload::unchanged
        }
        Err(error) => {
            let digest = &app.served().digest;
            tracing::error!(%error, reason = error.reason().as_str(), digest, "the new model can't be used; the one in service stays");
            Reload::refused
        }
    }
}
