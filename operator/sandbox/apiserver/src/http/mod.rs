//! HTTP: authentication, content negotiation, the right verb, and answers.

mod dispatch;
mod endpoints;
mod logs;
mod negotiate;
mod proxy;
mod respond;
mod subresources;

pub(crate) use dispatch::handle;
