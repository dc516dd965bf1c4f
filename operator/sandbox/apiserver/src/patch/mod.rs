//! The patch formats: RFC 6902, RFC 7396 and Kubernetes' strategic merge.

mod json;
mod merge;
mod strategic;

pub(crate) use json::apply_json_patch;
pub(crate) use merge::apply_merge_patch;
pub(crate) use strategic::apply_strategic_patch;
