//! Response times of the API server with many objects and watchers, over HTTP on loopback.
//!
//! ```text
//! cargo bench -p sandbox-apiserver --bench api_server
//! ```

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use sandbox_apiserver::{Options, Server};
use serde_json::json;
use tokio::sync::mpsc;

const OBJECTS: usize = 10_000;
const WATCHERS: usize = 100;
const ROUNDS: usize = 20;

fn report(what: &str, limit: Duration, mut times: Vec<Duration>) {
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let verdict = if median <= limit { "within" } else { "OVER" };
    println!(
        "{what}: median {median:.1?}, longest {longest:.1?} of {} ({verdict} {limit:.0?})",
        times.len()
    );
}

async fn fill(maps: &Api<ConfigMap>) {
    let started = Instant::now();
    stream::iter(0..OBJECTS)
        .map(|n| async move {
            let object = serde_json::from_value::<ConfigMap>(json!({
                "metadata": { "name": format!("object-{n:05}"), "labels": { "app": "bench", "part": (n % 10).to_string() } },
                "data": { "key": "a value of some length, as people write them", "n": n.to_string() },
            }));
            let object = object.expect("an object");
            maps.create(&PostParams::default(), &object).await.expect("made");
        })
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    let took = started.elapsed();
    println!(
        "{OBJECTS} objects made in {took:.1?} ({:.0} per second)",
        OBJECTS as f64 / took.as_secs_f64()
    );
}

async fn get(client: &Client, path: &str) -> (Duration, usize) {
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    let started = Instant::now();
    let body = client.request_text(request).await.expect("a list");
    (started.elapsed(), body.len())
}

async fn lists(client: &Client) {
    let path = "/api/v1/namespaces/default/configmaps";
    for (what, query) in [
        ("list of all", ""),
        ("list by label, a tenth", "?labelSelector=part%3D3"),
        ("page of 500", "?limit=500"),
    ] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let (time, length) = get(client, &format!("{path}{query}")).await;
            times.push(time);
            bytes = length;
        }
        report(
            &format!("{what} ({:.1} MB)", bytes as f64 / 1e6),
            Duration::from_millis(100),
            times,
        );
    }
}

/// The time from a write until the last watcher has received its event.
async fn fan_out(maps: &Api<ConfigMap>) {
    let version = maps
        .get("object-00000")
        .await
        .expect("it is there")
        .resource_version()
        .unwrap_or_default();
    let (sender, mut seen) = mpsc::unbounded_channel();
    for _ in 0..WATCHERS {
        let (maps, sender, version) = (maps.clone(), sender.clone(), version.clone());
        tokio::spawn(async move {
            let mut events = maps
                .watch(&WatchParams::default(), &version)
                .await
                .expect("a watch")
                .boxed();
            while let Ok(Some(event)) = events.try_next().await {
                if let WatchEvent::Modified(object) = event {
                    let _ = sender.send(object.data.and_then(|data| data.get("round").cloned()));
                }
            }
        });
    }
    let mut times = Vec::new();
    // The first round waits for the watches to be open.
    for round in 0..=ROUNDS {
        let patch = Patch::Merge(json!({ "data": { "round": round.to_string() } }));
        let started = Instant::now();
        maps.patch("object-00000", &PatchParams::default(), &patch)
            .await
            .expect("written");
        let mut count = 0;
        while count < WATCHERS {
            let told = seen.recv().await.expect("watchers").expect("a round");
            count += usize::from(told == round.to_string());
        }
        if round > 0 {
            times.push(started.elapsed());
        }
    }
    report(
        &format!("write and its event at {WATCHERS} watchers"),
        Duration::from_millis(50),
        times,
    );
}

#[tokio::main]
async fn main() {
    let started = Instant::now();
    let sandbox = Server::start(Options::default()).await.expect("an API server");
    let client = sandbox.client().expect("a client");
    client.apiserver_version().await.expect("an answer");
    println!("first answer after {:.1?}", started.elapsed());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    fill(&maps).await;
    lists(&client).await;
    fan_out(&maps).await;
    sandbox.stop().await;
}
