//! Traces of operator, trainer and server, sent as OTLP over HTTP.
//!
//! They are off unless `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. Off means: no thread, no
//! connection, no span. The other standard variables (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_…`) mean what the [specification] says.
//!
//! * [`start`] reads the variables, once for a process; [`end`] sends what is left.
//! * [`Parent`] is a place in a trace: a request's or a Job's `traceparent` ([W3C Trace Context]), or the one that
//!   [`Parent::of_uid`] derives from an object's uid, so that a trace can go on after a restart with nothing stored.
//! * [`Span`] is one piece of work.
//!
//! A collector that does not answer costs nothing but its spans: they wait in a bounded queue, and those over it are dropped.
//!
//! [specification]: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod exporter;
mod ids;
mod parent;
mod span;

use std::sync::OnceLock;
use std::time::Duration;

pub use opentelemetry::KeyValue;
pub use opentelemetry_sdk::trace::SdkTracer;
pub use parent::Parent;
pub use span::{Kind, Span};

use opentelemetry::Key;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Config, SdkTracerProvider, ShouldSample};

/// The longest time that [`end`] waits for the collector.
const LAST_WORDS: Duration = Duration::from_secs(3);

static TRACES: OnceLock<Option<Traces>> = OnceLock::new();

/// The traces of this process.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// What `OTEL_TRACES_SAMPLER` asks for.
    sampler: Box<dyn ShouldSample>,
}

/// Why traces are off although the variables ask for them. The program goes on without.
#[derive(Debug, thiserror::Error)]
pub enum NotTraced {
    /// Another form of OTLP is asked for.
    #[error(
        "{0} asks for `{1}`; set it to http/protobuf, and the endpoint to the collector's HTTP port (usually 4318)"
    )]
    Protocol(&'static str, String),
    /// A variable has a value that it can't have. The value may hold a secret and is not shown.
    #[error(
        "the OTEL_EXPORTER_OTLP_… variables can't be used: the endpoint is no URL, or another value is none of those allowed"
    )]
    Settings,
    /// The thread that sends can't be started.
    #[error("the thread that sends traces can't be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Starts the traces of `program`, if the environment asks for them; later calls return the first result.
///
/// # Errors
/// [`NotTraced`] at the first call when they are asked for in a way that can't be followed.
pub fn start(program: &'static str) -> Result<Option<&'static Traces>, NotTraced> {
    if let Some(traces) = TRACES.get() {
        return Ok(traces.as_ref());
    }
    let made = match Traces::from_environment(program) {
        Ok(traces) => traces,
        Err(reason) => {
            let _ = TRACES.set(None);
            return Err(reason);
        }
    };
    Ok(TRACES.get_or_init(|| made).as_ref())
}

/// The traces that [`start`] began, or `None` where they are off.
pub fn traces() -> Option<&'static Traces> {
    TRACES.get()?.as_ref()
}

/// Sends what is left, for at most three seconds. Spans that end later are lost.
pub fn end() {
    if let Some(traces) = traces() {
        // Who sends has told of a failure.
        let _ = traces.provider.shutdown_with_timeout(LAST_WORDS);
    }
}

impl Traces {
    /// The tracer of the process, for layers of other crates.
    pub fn tracer(&self) -> &SdkTracer {
        &self.tracer
    }

    fn from_environment(program: &'static str) -> Result<Option<Self>, NotTraced> {
        if !is_asked_for(variable) {
            return Ok(None);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(program))
            .with_id_generator(ids::Ids::default())
            .with_batch_exporter(exporter::from_environment(variable)?)
            .build();
        let tracer = provider.tracer("complaint-operator");
        let sampler = Config::default().sampler;
        Ok(Some(Self {
            provider,
            tracer,
            sampler,
        }))
    }
}

/// A variable's value. An empty one is as good as none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Whether the variables ask for traces.
fn is_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    let has_endpoint = exporter::ENDPOINTS.iter().any(|name| variable(name).is_some());
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let goes_elsewhere = variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value != "otlp");
    has_endpoint && !is_disabled && !goes_elsewhere
}

/// Who sends: `OTEL_SERVICE_NAME`, or the program's name, with its version and what `OTEL_RESOURCE_ATTRIBUTES` adds.
fn resource(program: &'static str) -> Resource {
    let told = Resource::builder().build();
    let name = told.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let mut resource = Resource::builder();
    if !is_named {
        resource = resource.with_service_name(program);
    }
    if told.get(&Key::from_static_str("service.version")).is_none() {
        resource = resource.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    }
    resource.build()
}

#[cfg(test)]
mod tests {
    use super::is_asked_for;

    #[test]
    fn traces_are_off_unless_an_endpoint_is_named() {
        let cases: [(&[(&str, &str)], bool); 6] = [
            (&[], false),
            (
                &[("OTEL_SERVICE_NAME", "cards"), ("OTEL_TRACES_EXPORTER", "otlp")],
                false,
            ),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")], true),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces")],
                true,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_SDK_DISABLED", "true"),
                ],
                false,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_TRACES_EXPORTER", "none"),
                ],
                false,
            ),
        ];
        for (variables, expected) in cases {
            let read = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_asked_for(read), expected, "{variables:?}");
        }
    }
}
