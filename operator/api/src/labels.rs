//! Labels, annotations and finalizers that the operator writes.

/// Label on everything that belongs to a classifier; selectors use it, and it never changes.
pub const CLASSIFIER: &str = "complaints.dev/classifier";
/// Label on everything that belongs to a training run.
pub const TRAINING_RUN: &str = "complaints.dev/training-run";
/// Label on a TrainingRun that the operator made: what it was made for, `Schedule`, `Request`, `Drift` or `Feedback`.
pub const TRIGGER: &str = "complaints.dev/trigger";
/// Annotation on a TrainingRun that the operator made: the scheduled or requested time, or the end of the window that showed a drift
/// or had the last of enough corrections (RFC 3339).
pub const TRIGGER_TIME: &str = "complaints.dev/trigger-time";
/// Annotation on a TrainingRun that was made for a drift: in what the traffic has drifted.
pub const TRIGGER_REASON: &str = "complaints.dev/trigger-reason";
/// Label with the first 16 digits of the digest that a pod serves (a label value has at most 63 characters).
pub const DIGEST_PREFIX: &str = "complaints.dev/digest";
/// Annotation with the full `sha256:…` digest that a pod template serves.
pub const DIGEST: &str = "complaints.dev/model-digest";
/// Annotation with the name of the ModelVersion that a Deployment rolls out.
pub const MODEL_VERSION: &str = "complaints.dev/model-version";
/// Annotation on a ModelVersion: when it became champion (RFC 3339). It is shown to people where the record was lost, and
/// decides nothing, since every editor can write it.
pub const PROMOTED_AT: &str = "complaints.dev/promoted-at";
/// Annotation on a ModelVersion: the user who approved it. The chart's admission policy lets nobody write another user's name; dossiers
/// show it, and no program decides by it.
pub const APPROVED_BY: &str = "complaints.dev/approved-by";
/// Annotation on a Job and a ModelVersion: digest of the run's spec.
pub const SPEC_HASH: &str = "complaints.dev/spec-hash";
/// Annotation with the place in a trace, as `traceparent` of W3C Trace Context: on a TrainingRun the trace that it is to be
/// part of, on its Job and its ModelVersion its own. It decides nothing, since every editor can write it.
pub const TRACEPARENT: &str = "complaints.dev/traceparent";
/// Finalizer on a ModelVersion whose files go with it.
pub const ARTIFACT_FINALIZER: &str = "complaints.dev/artifact";
/// Standard label: the program.
pub const NAME: &str = "app.kubernetes.io/name";
/// Standard label: the instance, here the classifier or run.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Standard label: the part of the product.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Standard label: who manages the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const OPERATOR: &str = "complaint-operator";
