//! What a request says: its path, its parameters, and what it is about as authorisation sees it.

mod attributes;
mod query;
mod route;

pub(crate) use attributes::Attributes;
pub(crate) use query::{Query, check_dry_run, percent};
pub(crate) use route::{Route, Target, route};
