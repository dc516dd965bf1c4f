//! A training is one trace, from its first reconcile to the promotion of its version. The operator needs variables of its own,
//! so the test runs its own, on a sandbox of its own.

use complaint_api::{ModelVersion, TrainingRun};
use complaint_harness::collector::{Collector, Received};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::{
    cluster::{World, with_operator_in},
    runs::{apply_classifier, apply_sample, run, sample, train, until_champion},
};

const TRACEPARENT: &str = "complaints.dev/traceparent";

/// The spans of a trace.
fn of(spans: &[Received], trace: &str) -> Vec<Received> {
    spans.iter().filter(|span| span.trace == trace).cloned().collect()
}

fn named<'a>(spans: &'a [Received], service: &str, name: &str) -> Vec<&'a Received> {
    let is_it = |span: &&Received| span.service == service && span.name == name;
    spans.iter().filter(is_it).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_one_trace_from_the_first_reconcile_to_the_promotion() {
    let collector = Collector::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let (_running, config) = with_operator_in(&variables).await;
    let world = World::open_with(Client::try_from(config).expect("a client"), "traces").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({})).await;
    let env = json!([{ "name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": collector.endpoint }]);
    let traced = |name: &str| run(name, "sample", json!({ "podTemplate": { "env": env } }));
    let trained = train(&world, traced("cards-1")).await;
    until_champion(&world, "cards", "cards-1").await;

    // The trace is found by the run's uid.
    let trace = trained.uid().expect("a uid").replace('-', "");
    let promoted = |spans: &[Received]| {
        let spans = of(spans, &trace);
        let operators = |name| !named(&spans, "complaint-operator", name).is_empty();
        let is_whole = operators("training") && operators("promotion");
        (is_whole && !named(&spans, "complaint-trainer", "train").is_empty()).then_some(spans)
    };
    let spans = collector.until(promoted).await;
    let one = |service, name| match named(&spans, service, name)[..] {
        [span] => span.clone(),
        _ => panic!("not one {name}: {spans:#?}"),
    };
    let whole = one("complaint-operator", "training");
    assert!(whole.parent.is_empty() && !whole.failed, "{whole:?}");
    assert_eq!(whole.attributes["complaints.training_run"], "cards-1");
    for child in [
        one("complaint-trainer", "train"),
        one("complaint-operator", "promotion"),
    ] {
        assert_eq!(child.parent, whole.id, "{child:?}");
    }
    let reconciles = named(&spans, "complaint-operator", "training-run-controller");
    assert!(reconciles.iter().all(|span| span.parent == whole.id), "{reconciles:#?}");
    // The Job was made in one of them.
    let made = spans.iter().find(|span| {
        span.attributes
            .get("http.method")
            .is_some_and(|method| method == "POST")
    });
    let made = made.expect("a request that makes an object");
    assert!(reconciles.iter().any(|span| span.id == made.parent), "{made:?}");
    let version = world
        .api::<ModelVersion>()
        .get("cards-1")
        .await
        .expect("it is recorded");
    assert!(version.annotations()[TRACEPARENT].contains(&trace));

    // Requests of the Lease and of watches are no traces.
    let alone = |span: &Received| span.parent.is_empty() && span.attributes.contains_key("http.method");
    let received = collector.spans();
    assert!(
        !received.iter().any(alone),
        "{:#?}",
        received.iter().find(|span| alone(span))
    );
    // Neither a text nor a category.
    let categories = categories();
    for span in &received {
        for value in span.attributes.values() {
            assert!(!categories.iter().any(|category| value.contains(category)), "{span:#?}");
        }
    }

    // A run can be part of a pipeline's trace. One that fails says so.
    let (outer, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let mut manifest = traced("cards-2");
    manifest["metadata"]["annotations"] = json!({ TRACEPARENT: format!("00-{outer}-{parent}-01") });
    manifest["spec"]["dataset"]["textField"] = json!("absent");
    world
        .apply::<TrainingRun>(manifest)
        .await
        .expect("a TrainingRun is accepted");
    let failed = |spans: &[Received]| {
        let spans = of(spans, outer);
        named(&spans, "complaint-operator", "training")
            .first()
            .copied()
            .cloned()
    };
    let whole = collector.until(failed).await;
    assert!(whole.failed && whole.parent == parent, "{whole:?}");
    assert!(whole.attributes.contains_key("error.type"));
    world.close().await;
}

/// The categories of the sample.
fn categories() -> Vec<String> {
    let sample = sample();
    let mut reader = csv::Reader::from_reader(sample.as_slice());
    let headers = reader.headers().expect("a header").clone();
    let column = headers.iter().position(|name| name == "category").expect("a category");
    let mut categories: Vec<String> = reader
        .records()
        .map(|record| record.expect("a row")[column].to_owned())
        .collect();
    categories.sort();
    categories.dedup();
    categories
}
