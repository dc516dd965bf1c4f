//! The API server with controllers and without a node, for conformance checks.
//!
//! ```text
//! cargo run -p sandbox-cluster --example apiserver -- --port 6443 --token secret
//! ```

use clap::Parser;
use sandbox_apiserver::{Options, Server};
use sandbox_cluster::controllers;

#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Bearer token; a random one if absent.
    #[arg(long)]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let Arguments { port, token } = Arguments::parse();
    let server = Server::start(Options {
        port,
        token,
        ..Options::default()
    })
    .await?;
    println!("{} {}", server.url(), server.token());
    let controllers = controllers::start(server.client()?, server.stopping());
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    controllers.await?;
    Ok(())
}
