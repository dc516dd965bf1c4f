//! A request's path, parameters and attributes for authorisation.

mod attributes;
mod query;
mod route;

pub(crate) use attributes::Attributes;
pub(crate) use query::{Query, check_dry_run, percent};
pub(crate) use route::{Route, Target, route};
