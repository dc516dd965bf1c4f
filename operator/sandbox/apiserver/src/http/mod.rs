//! HTTP: routing, authentication, content negotiation and answers.

mod dispatch;
mod negotiate;
mod query;
mod respond;
mod route;
mod subresources;

pub(crate) use dispatch::handle;
pub(crate) use query::{Query, check_dry_run, percent};
pub(crate) use respond::text_response;
#[cfg(test)]
pub(crate) use route::route;
pub(crate) use route::{Route, Target};
