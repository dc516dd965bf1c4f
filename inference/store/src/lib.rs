//! Stores on volumes and in buckets, downloads, and requests to web services.
//!
//! * [`Store`]: a directory or a part of a bucket, with six operations: read, write, change, list, delete, and add a
//!   folder, whose last file marks it as complete. It holds the artifacts. [`layout`] names their files.
//! * [`segments`]: compressed rows that servers append to a store, and how they are read.
//! * [`fetch()`] and [`read`] download one [`Address`]: `http(s)://`, `s3://` and, with the features `gcp` and `azure`,
//!   `gs://` and `az://`. An interrupted transfer resumes.
//! * [`Service`] sends requests with bodies to the API of one web service.
//!
//! These rules apply to all of them:
//!
//! * **Settings** come from the environment, under the names that the providers' own tools use (`AWS_ACCESS_KEY_ID`,
//!   `AWS_ENDPOINT`, …). Artifacts and holdouts may need other settings than the data set. For artifacts, variables
//!   that begin with `STORE_` (`STORE_AWS_ACCESS_KEY_ID`) replace all of them, and for a holdout those that begin with
//!   `HOLDOUT_` ([`Purpose`]). Without keys, the pod's own identity is used.
//! * **Plain http** is used only if an address or an endpoint begins with `http://`. A redirect never leads from https
//!   to http.
//! * **Retries**: transient errors are retried after a tenth of a second, then after pauses that double up to five
//!   seconds, within the limits of the [`Bounds`].
//! * **Certificates** are checked against the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), or
//!   against Mozilla's list if the system has none.
//! * **Reach**: within [`Bounds::reach`], a connection never leads to the machine itself, its link or its cloud's
//!   metadata service, and a redirect never leads to another host.
//! * **Responses** of servers are not quoted in messages. Content encodings are not decoded: digests and resumed
//!   transfers count the bytes as sent.
//! * **Proxies** come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
//!
//! All functions are asynchronous and run on any Tokio runtime with time and I/O. One thread is enough.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod bounds;
mod bucket;
mod client;
mod directory;
mod error;
mod fetch;
mod object;
mod purpose;
pub mod segments;
mod service;
mod settings;
mod store;
mod web;

pub use address::{Address, ObjectAddress};
pub use bounds::Bounds;
pub use complaint_contract::{Reach, layout};
pub use error::{Fault, StoreError};
pub use fetch::{Sink, fetch, read};
pub use purpose::Purpose;
pub use service::{Answer, Body, Login, Service, Verb};
pub use store::{Added, Entry, Store};
