//! Stores on volumes and in buckets, and downloads.
//!
//! * [`Store`]: a directory or a part of a bucket, with five operations: read, write, list, delete, and add a folder,
//!   which its last file completes. It holds the artifacts; [`layout`] names their files.
//! * [`fetch()`] and [`read`] download one [`Address`]: `http(s)://`, `s3://` and, with the features `gcp` and `azure`,
//!   `gs://` and `az://`. An interrupted transfer resumes.
//!
//! The same rules hold for all of them:
//!
//! * **Settings** come from the environment variables of the providers' own tools (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`,
//!   …). For artifacts, variables that begin with `STORE_` (`STORE_AWS_ACCESS_KEY_ID`) replace all of them, as the data
//!   set may need other keys ([`Purpose`]). Without keys the pod's own identity is used.
//! * **Plain http** is used only if an address or an endpoint begins with `http://`. Redirects from https to http are
//!   rejected.
//! * **Retries**: transient faults are retried within the [`Bounds`], first after 0.1 seconds, then with pauses that
//!   double up to five seconds.
//! * **Certificates** are verified against the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others),
//!   or against Mozilla's list if the system has none.
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
