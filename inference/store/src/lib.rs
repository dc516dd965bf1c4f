//! Stores on volumes and in buckets, and downloads.
//!
//! * [`Store`]: a directory or a part of a bucket, with six operations: read, write, change, list, delete, and add a folder,
//!   which its last file completes. It holds the artifacts; [`layout`] names their files.
//! * [`fetch()`] and [`read`] download one [`Address`]: `http(s)://`, `s3://` and, with the features `gcp` and `azure`,
//!   `gs://` and `az://`. An interrupted transfer resumes.
//!
//! The same rules hold for all of them:
//!
//! * **Settings** come from the environment, under the names of the providers' own programs (`AWS_ACCESS_KEY_ID`,
//!   `AWS_ENDPOINT`, …). For artifacts, variables that begin with `STORE_` (`STORE_AWS_ACCESS_KEY_ID`) replace all of them,
//!   and for a holdout those that begin with `HOLDOUT_`, since the data set's may be others ([`Purpose`]). Without keys the pod's own identity is used.
//! * **Plain http** is used only where an address or an endpoint says `http://`; a redirect never leads from https to it.
//! * **Retries**: what may pass is tried again, after a tenth of a second first, then with doubled pauses of up to five
//!   seconds, as often and as long as the [`Bounds`] allow.
//! * **Certificates** are checked against the system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), or
//!   against Mozilla's list where the system has none.
//! * **Reach**: by [`Bounds::reach`] a connection never leads to the machine itself, its link or its cloud's metadata service,
//!   and a redirect never to another host.
//! * **Answers** of servers are not quoted in messages, and a transfer's own compression is not undone: digests and resumed
//!   transfers count the bytes that were sent.
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
mod object;
mod purpose;
mod settings;
mod store;
mod web;

pub use address::{Address, ObjectAddress};
pub use bounds::Bounds;
pub use complaint_contract::{Reach, layout};
pub use error::{Fault, StoreError};
pub use fetch::{Sink, fetch, read};
pub use purpose::Purpose;
pub use store::{Added, Entry, Store};
