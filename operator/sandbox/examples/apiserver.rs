//! The API server with its controllers and without a node, for programs that check what it answers.
//!
//! ```text
//! cargo run -p complaint-sandbox --example apiserver -- --port 6443 --token secret
//! ```

use std::path::PathBuf;

use clap::Parser;
use complaint_sandbox::{Options, Sandbox, controllers};

#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Bearer token; a random one if absent.
    #[arg(long)]
    token: Option<String>,
    /// Where to write a kubeconfig.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let Arguments {
        port,
        token,
        kubeconfig,
    } = Arguments::parse();
    let sandbox = Sandbox::start(Options {
        port,
        token,
        kubeconfig,
        ..Options::default()
    })
    .await?;
    println!("{} {}", sandbox.url(), sandbox.token());
    let controllers = tokio::spawn(controllers::run(sandbox.client()?, sandbox.stopping()));
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    controllers.await?;
    Ok(())
}
