//! SIGHUP: the model is read again, and takes the other's place if it is another and can be used.
//!
//! For servers that run without Kubernetes; in a cluster a new digest always means new pods. Requests in flight keep the
//! model they began with, so none is lost and none is answered by two.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;

use crate::core::app::App;
use crate::core::loading::{LoadError, Loaded, load};
use crate::core::metrics::Reload;
use crate::options::Options;

/// Reads the model again at each signal, for ever. Whatever goes wrong, the model in service stays.
pub async fn at_each(mut hangup: Signal, app: Arc<App>, options: Arc<Options>) {
    while hangup.recv().await.is_some() {
        let before = app.served().engine.digest();
        let again = {
            let options = Arc::clone(&options);
            // Opening a model takes a while, in which the caller's thread has connections to accept.
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
    // No more signals can come, which is no reason for the caller to end.
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
