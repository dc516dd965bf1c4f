//! A server on a free port of this machine, in the test's own runtime.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use complaint_inference::core::app::App;
use complaint_inference::core::engine::Engine;
use complaint_inference::core::review::Thresholds;
use complaint_inference::core::tokens::Tokens;
use complaint_inference::http::serve::{Drain, serve};
use complaint_inference::http::workers::Workers;
use complaint_inference::options::Options;
use complaint_model::{Artifact, Predictor, Sha256Digest};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::model;

pub struct Started {
    pub address: SocketAddr,
    pub digest: Sha256Digest,
    pub app: Arc<App>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<usize>,
}

impl Started {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A server with these options besides the model.
    pub async fn with(extra: &[&str]) -> Self {
        Self::serving(model::predictor(), extra).await
    }

    /// A server whose model has estimating probabilities and a reference profile.
    pub async fn estimating() -> Self {
        Self::serving(model::estimating_predictor(), &[]).await
    }

    /// The same with these options.
    pub async fn estimating_with(extra: &[&str]) -> Self {
        Self::serving(model::estimating_predictor(), extra).await
    }

    /// A server whose model has scores of words.
    pub async fn scored() -> Self {
        Self::serving(model::scored_predictor(), &[]).await
    }

    /// A server whose categories have levels, with these options. The model is read from its file's bytes.
    pub async fn leveled(extra: &[&str]) -> Self {
        let artifact = Artifact::from_bytes(&model::leveled_artifact().to_bytes()).unwrap();
        Self::serving(Predictor::new(artifact), extra).await
    }

    async fn serving(predictor: Predictor, extra: &[&str]) -> Self {
        let digest = Sha256Digest::of_bytes(b"the model of the tests");
        let prefixed = digest.prefixed();
        let base = [
            "complaint-inference",
            "--model",
            "unused",
            "--digest",
            &prefixed,
            "--name",
            "cards",
        ];
        let options = Options::try_parse_from(base.iter().chain(extra)).unwrap();
        let thresholds = Thresholds::new(&options.source.review, predictor.artifact()).unwrap();
        let engine = Engine::new(predictor, digest, options.source.name.clone(), thresholds);
        let threads = options.thread_count();
        let mut app = App::new(engine, None, options.limits, options.statistics);
        app.tokens = options
            .token_file
            .as_deref()
            .map(|path| Tokens::read(path, "--token-file").unwrap());
        let app = Arc::new(app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let drain = Drain {
            delay: options.drain_delay,
            timeout: options.drain_timeout,
        };
        let serving = tokio::spawn(serve(
            listener,
            Arc::clone(&app),
            Workers::start(threads).unwrap(),
            drain,
            async {
                let _ = stopped.await;
            },
        ));
        Self {
            address,
            digest,
            app,
            stop,
            serving,
        }
    }

    /// Asks the server to stop; the handle gives the number of connections cut.
    pub fn stop(self) -> JoinHandle<usize> {
        let _ = self.stop.send(());
        self.serving
    }
}

/// Waits until `condition` holds, for at most ten seconds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
