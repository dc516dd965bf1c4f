//! Pieces of work.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceId, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SamplingDecision, Span as SdkSpan};

use crate::{Parent, Traces, ids};

/// Whose work a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that came from elsewhere.
    Server,
    /// Work within the program.
    Internal,
}

/// A piece of work that is recorded. It ends, and is sent, when it is dropped.
#[derive(Debug)]
pub struct Span(SdkSpan);

impl Traces {
    /// Begins a span, if its trace is recorded. Without a parent it begins a trace of its own.
    pub fn span(&self, name: &'static str, kind: Kind, parent: Option<Parent>) -> Option<Span> {
        self.begin(SpanBuilder::from_name(name), kind, &context(parent))
    }

    /// Begins the span that [`Parent::of_uid`] announced, at a time that has passed.
    pub fn announced(
        &self,
        name: &'static str,
        place: Parent,
        within: Option<Parent>,
        began: SystemTime,
    ) -> Option<Span> {
        if !place.is_sampled() {
            return None;
        }
        let builder = SpanBuilder::from_name(name).with_start_time(began);
        ids::announced(place.trace, place.span, || {
            self.begin(builder, Kind::Internal, &context(within))
        })
    }

    /// Begins a span at a time that has passed.
    pub fn since(&self, name: &'static str, parent: Option<Parent>, began: SystemTime) -> Option<Span> {
        let builder = SpanBuilder::from_name(name).with_start_time(began);
        self.begin(builder, Kind::Internal, &context(parent))
    }

    fn begin(&self, builder: SpanBuilder, kind: Kind, context: &Context) -> Option<Span> {
        let kind = match kind {
            Kind::Server => SpanKind::Server,
            Kind::Internal => SpanKind::Internal,
        };
        let span = self.tracer.build_with_context(builder.with_kind(kind), context);
        span.is_recording().then_some(Span(span))
    }

    /// Whether `OTEL_TRACES_SAMPLER` records a trace with this id that begins here.
    pub fn samples(&self, trace: TraceId) -> bool {
        let result = self
            .sampler
            .should_sample(None, trace, "", &SpanKind::Internal, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

/// The context of a child of `parent`, or of a trace of its own.
fn context(parent: Option<Parent>) -> Context {
    parent.map_or_else(Context::new, |parent| parent.context())
}

impl Span {
    /// Its place, for children elsewhere.
    pub fn place(&self) -> Parent {
        Parent::of(self.0.span_context())
    }

    /// Sets an attribute. Neither a text nor a label belongs there.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(key, value));
    }

    /// Gives it another name, of a bounded number.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.0.update_name(name);
    }

    /// Marks it as failed, for a reason in CamelCase.
    pub fn fail(&mut self, reason: impl Into<Cow<'static, str>>) {
        let reason = reason.into();
        self.set("error.type", reason.to_string());
        self.0.set_status(Status::error(reason));
    }

    /// Ends it at a time that has passed.
    pub fn end_at(mut self, time: SystemTime) {
        self.0.end_with_timestamp(time);
    }
}
