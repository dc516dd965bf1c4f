//! The spans of a training, received by a collector.

mod support;

use complaint_harness::collector::{Collector, Received};
use support::{Job, csv, rows};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn named<'a>(spans: &'a [Received], name: &str) -> &'a Received {
    let span = spans.iter().find(|span| span.name == name);
    span.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}

#[test]
fn a_training_is_a_span_with_a_child_for_each_stage() {
    let (job, collector) = (Job::new(), Collector::start());
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("TRACEPARENT", traceparent.as_str()),
    ];
    let ended = job.run_in(&job.file("data.csv", csv(&rows())), &variables);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // They were sent before the program ended.
    let spans = collector.spans();
    let whole = named(&spans, "train");
    assert_eq!((whole.trace.as_str(), whole.parent.as_str()), (TRACE, PARENT));
    assert_eq!(whole.service, "complaint-trainer");
    assert_eq!(whole.attributes["complaints.dataset.rows"], "240");
    let digest = format!("sha256:{}", ended.message["artifact"]["sha256"].as_str().unwrap());
    assert_eq!(whole.attributes["complaints.model_digest"], digest);
    let mut stages = 0.0;
    for stage in ["load", "preprocess", "search", "fit", "evaluate", "write"] {
        let span = named(&spans, stage);
        assert_eq!((&span.trace, &span.parent), (&whole.trace, &whole.id), "{stage}");
        stages += span.seconds;
    }
    assert!(stages <= whole.seconds, "{spans:#?}");
    // Neither a text nor a label.
    let told = format!("{spans:?}");
    for secret in ["Card", "Loan", "Account", "case ", "narrative"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[test]
fn a_training_that_fails_says_why() {
    let (job, collector) = (Job::new(), Collector::start());
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str())];
    let ended = job.run_in(
        &job.file("data.csv", "id,narrative,product\n1,a card,Card\n"),
        &variables,
    );
    assert_ne!(ended.code, 0);
    let spans = collector.spans();
    let whole = named(&spans, "train");
    assert!(whole.failed && whole.parent.is_empty(), "{whole:?}");
    assert_eq!(
        whole.attributes["error.type"],
        ended.message["error"]["reason"].as_str().unwrap()
    );
}

#[test]
fn a_collector_that_is_away_fails_no_training() {
    let job = Job::new();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = format!("http://{address}");
    let ended = job.run_in(
        &job.file("data.csv", csv(&rows())),
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.message["artifact"]["sha256"].is_string());
}
