//! Places in traces.

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

/// A span that another process, or this one at another time, began or will send. Its text is a `traceparent` of
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header).
///
/// ```
/// use complaint_telemetry::Parent;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// assert_eq!(text.parse::<Parent>().unwrap().to_string(), text);
/// assert!("00-00000000000000000000000000000000-b7ad6b7169203331-01".parse::<Parent>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    is_sampled: bool,
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is version, trace id, parent id and flags in lower-case hexadecimal, joined with '-'")]
pub struct NoParent;

impl Parent {
    /// The place of the span that stands for the object with this uid: the trace's id is the uid itself if that is a UUID, so
    /// it can be found from the object. `within` is the trace that it belongs to, if there is one.
    pub fn of_uid(uid: &str, within: Option<Self>, is_sampled: impl FnOnce(TraceId) -> bool) -> Option<Self> {
        let digits: String = uid.chars().filter(|character| *character != '-').collect();
        let trace = TraceId::from_hex(&digits).ok().filter(|_| digits.len() == 32)?;
        let [high, low] = [&trace.to_bytes()[..8], &trace.to_bytes()[8..]]
            .map(|half| u64::from_be_bytes(half.try_into().expect("half of sixteen bytes is eight")));
        // Differs from every half of the id, and is no zero where it matters: 1 is as good as any.
        let span = SpanId::from((high ^ low.rotate_left(32)).max(1));
        let trace = within.map_or(trace, |within| within.trace);
        (trace != TraceId::INVALID).then(|| Self {
            trace,
            span,
            is_sampled: within.map_or_else(|| is_sampled(trace), |within| within.is_sampled),
        })
    }

    /// The place of a span of this process.
    pub(crate) fn of(span: &SpanContext) -> Self {
        Self {
            trace: span.trace_id(),
            span: span.span_id(),
            is_sampled: span.is_sampled(),
        }
    }

    /// Whether its trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The context whose spans are its children.
    pub fn context(&self) -> Context {
        let flags = TraceFlags::default().with_sampled(self.is_sampled);
        let remote = SpanContext::new(self.trace, self.span, flags, true, TraceState::default());
        Context::new().with_remote_span_context(remote)
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

impl FromStr for Parent {
    type Err = NoParent;

    /// Reads a `traceparent`. As the recommendation asks, later versions may have more parts, and flags that are not known are
    /// ignored.
    fn from_str(text: &str) -> Result<Self, NoParent> {
        let is_lower_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut parts = text.split('-');
        let mut next = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length && is_lower_hex(part));
            part.ok_or(NoParent)
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(NoParent);
        }
        let parent = Self {
            trace: TraceId::from_hex(trace).map_err(|_| NoParent)?,
            span: SpanId::from_hex(span).map_err(|_| NoParent)?,
            is_sampled: u8::from_str_radix(flags, 16).map_err(|_| NoParent)? & 1 == 1,
        };
        let is_valid = parent.trace != TraceId::INVALID && parent.span != SpanId::INVALID;
        is_valid.then_some(parent).ok_or(NoParent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "866fa4ed-c507-45a4-9d96-5ca8bc2760e0";

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let cases = [
            (format!("00-{trace}-b7ad6b7169203331-01"), true),
            (format!("00-{trace}-b7ad6b7169203331-00"), true),
            (format!("cc-{trace}-b7ad6b7169203331-09-more"), true),
            (format!("00-{trace}-b7ad6b7169203331-01-more"), false),
            (format!("ff-{trace}-b7ad6b7169203331-01"), false),
            (format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()), false),
            (format!("00-{trace}-0000000000000000-01"), false),
            (format!("00-{trace}-b7ad6b7169203331"), false),
            (format!("00-{trace}é-b7ad6b7169203331-01"), false),
            (String::new(), false),
        ];
        for (text, is_one) in cases {
            assert_eq!(text.parse::<Parent>().is_ok(), is_one, "{text}");
        }
    }

    #[test]
    fn an_objects_trace_is_the_same_at_any_time_and_found_by_its_uid() {
        let one = Parent::of_uid(UID, None, |_| true).expect("a uid");
        assert_eq!(Parent::of_uid(UID, None, |_| true), Some(one));
        assert!(
            one.to_string().starts_with("00-866fa4edc50745a49d965ca8bc2760e0-"),
            "{one}"
        );
        assert!(!Parent::of_uid(UID, None, |_| false).expect("a uid").is_sampled());
        for no_uuid in ["", "job-uid", "866fa4ed", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(Parent::of_uid(no_uuid, None, |_| true), None, "{no_uuid}");
        }
    }

    #[test]
    fn an_object_within_a_trace_has_a_place_of_its_own_there() {
        let outer: Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
            .parse()
            .expect("a parent");
        let inner = Parent::of_uid(UID, Some(outer), |_| true).expect("a uid");
        assert_eq!((inner.trace, inner.is_sampled), (outer.trace, false));
        assert_ne!(inner.span, outer.span);
    }
}
