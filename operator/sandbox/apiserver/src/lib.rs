//! A Kubernetes API server in one process: store, discovery, validation, patches, watches, tables, garbage collection.
//!
//! It is for trying a product out and for its tests; production is a real cluster. It must never be kinder than
//! Kubernetes: what it does not support it refuses by name.
//!
//! A request goes through `http` (routing, negotiation) to a verb in `verbs`, which works on the `store` with what
//! `resource` and `schema` know about the kind. Built-in kinds stand in `builtin`, custom ones in `crd`. Two background
//! tasks keep promises that outlive a request: `collector` (owner references, definitions) and `namespaces` (deletion of
//! a namespace's content). [`Server`] starts it all.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod audit;
mod authentication;
mod builtin;
mod collector;
mod crd;
mod discovery;
mod endpoints;
mod error;
mod field;
mod http;
mod json;
mod logs;
mod meta;
mod names;
mod namespaces;
mod openapi;
mod ownership;
mod patch;
mod protobuf;
mod proxy;
mod quantity;
mod rbac;
mod registry;
mod resource;
mod reviews;
mod schema;
mod selector;
mod server;
mod state;
mod store;
mod table;
mod tls;
mod verbs;

use api::{Api, version};

pub use server::{Options, Server, StartError};
pub use state::StateError;
pub use store::JournalError;
pub use tls::CertificateError;
