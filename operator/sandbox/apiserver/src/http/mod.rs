//! HTTP: authentication, content negotiation, dispatch and responses.

mod dispatch;
mod endpoints;
mod logs;
mod negotiate;
mod proxy;
mod respond;
mod subresources;

pub(crate) use dispatch::handle;
