//! A Kubernetes API server in one process: store, discovery, validation, patches, watches, tables, garbage collection.
//!
//! It is for trials and tests; production needs a real cluster. It must never accept what Kubernetes rejects, and it
//! rejects unsupported features by name.
//!
//! The modules form layers. A module uses modules of lower layers, and of its own layer without cycles.
//!
//! | layer | modules |
//! |---|---|
//! | start | `server`, on a `state` directory, over `tls` |
//! | requests and background tasks | `http` (requests and responses); `tasks`: `collector` (owner references, definitions), `namespaces` (termination), `roles` (bootstrap roles) |
//! | answers | `verbs` (read, watch, create, update, patch, delete), `authentication`, `reviews`, `discovery`, `openapi`, `table` |
//! | access and ownership | `rbac` (authorisation), `ownership` (managed fields) |
//! | state | `api`: objects, kinds, keys; `audit` |
//! | kinds | `registry` of `builtin` and `crd` kinds, in terms of `resource` and `selector` |
//! | objects | `store`, `schema` (with CEL rules), `definitions` (schemas of Kubernetes' types), `patch`, `json`, `protobuf` |
//! | basics | `request` and `context` (a request's path, options and user), `user`, `token`, `addresses`, `error`, `field`, `meta`, `names`, `quantity`, `value` |
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
