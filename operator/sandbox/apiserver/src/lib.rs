//! A Kubernetes API server in one process: store, discovery, validation, patches, watches, tables, garbage collection.
//!
//! It is for trying a product out and for its tests; production is a real cluster. It must never be kinder than
//! Kubernetes: what it does not support it refuses by name.
//!
//! The modules stand in layers. A module uses modules of the layers below its own, and of its own layer without a
//! circle.
//!
//! | layer | modules |
//! |---|---|
//! | start | `server`, on a `state` directory, over `tls` |
//! | requests, and what goes on beside them | `http` (a request, its answer); `tasks`: `collector` (owner references, definitions), `namespaces` (their end), `roles` (those that every cluster has) |
//! | answers | `verbs` (read, watch, create, update, patch, delete), `authentication`, `reviews`, `discovery`, `openapi`, `table` |
//! | rights and owners | `rbac` (who may do what), `ownership` (who owns which field) |
//! | the server's state | `api`: objects, kinds, keys; `audit` |
//! | kinds | `registry` of `builtin` ones and of those of `crd`s, in terms of `resource` and `selector` |
//! | objects | `store`, `schema` (with CEL rules), `definitions` (schemas of Kubernetes' types), `patch`, `json`, `protobuf` |
//! | words | `request` and `context` (what is asked, by whom, how), `user`, `token`, `addresses`, `error`, `field`, `meta`, `names`, `quantity`, `value` |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod addresses;
mod api;
mod audit;
mod authentication;
mod builtin;
mod collector;
mod context;
mod crd;
mod definitions;
mod discovery;
mod error;
mod field;
mod http;
mod json;
mod meta;
mod names;
mod namespaces;
mod openapi;
mod ownership;
mod patch;
mod protobuf;
mod quantity;
mod rbac;
mod registry;
mod request;
mod resource;
mod reviews;
mod roles;
mod schema;
mod selector;
mod server;
mod state;
mod store;
mod table;
mod tasks;
mod tls;
mod token;
mod user;
mod value;
mod verbs;

use api::Api;

pub use server::{Options, Server, StartError};
pub use state::StateError;
pub use store::JournalError;
pub use tls::CertificateError;
