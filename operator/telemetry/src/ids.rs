//! Ids of spans: random, but for a span that was announced before it began.

use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    static ANNOUNCED: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Random ids, except within [`announced`].
#[derive(Debug, Default)]
pub(crate) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        ANNOUNCED
            .get()
            .map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        ANNOUNCED.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// Spans that `begin` starts have these ids.
pub(crate) fn announced<T>(trace: TraceId, span: SpanId, begin: impl FnOnce() -> T) -> T {
    ANNOUNCED.set(Some((trace, span)));
    let begun = begin();
    ANNOUNCED.set(None);
    begun
}
