//! Custom resources of the complaints.dev API group: types, schemas, conditions and reasons
#![forbid(unsafe_code)]
#![deny(missing_docs)]
