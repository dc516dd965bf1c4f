//! Volumes and buckets.
//!
//! * [`Store`]: a directory or a part of a bucket, with five operations: read, write, list, delete, and adding a folder that
//!   is complete with its last file. Artifacts live in one; [`layout`] names their files.
//! * [`fetch()`] and [`read`]: the bytes behind one [`Address`], over `http(s)://`, `s3://` and, by the features `gcp` and
//!   `azure`, `gs://` and `az://`. A transfer that breaks goes on where it broke off.
//!
//! The rules are the same everywhere:
//!
//! * **Settings** come from the environment, under the names of the providers' own programs (`AWS_ACCESS_KEY_ID`,
//!   `AWS_ENDPOINT`, …). For artifacts, variables that begin with `STORE_` (`STORE_AWS_ACCESS_KEY_ID`) replace all of them,
//!   since the data set's may be others ([`Purpose`]). Without keys the pod's own identity is used.
//! * **Plain http** is used only where an address or an endpoint says `http://`; a redirect never leads from https to it.
//! * **Retries**: what may pass is tried again, after a tenth of a second first, then with doubled pauses of up to five
//!   seconds, as often and as long as the [`Bounds`] allow.
//! * **Certificates** are checked against the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), or
//!   against Mozilla's list where the system has none.
//! * **Proxies** come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
//!
//! All functions are asynchronous and run on any Tokio runtime with time and I/O; one thread is enough.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod bounds;
mod bucket;
mod client;
mod directory;
mod error;
mod fetch;
pub mod layout;
mod object;
mod purpose;
mod settings;
mod store;
mod web;

pub use address::{Address, ObjectAddress};
pub use bounds::Bounds;
pub use error::{Fault, StoreError};
pub use fetch::{Sink, fetch, read};
pub use purpose::Purpose;
pub use store::{Added, Entry, Store};
