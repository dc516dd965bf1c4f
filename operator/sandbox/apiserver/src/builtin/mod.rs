//! The built-in kinds: a table of their properties, and a `Strategy` for the behaviour of each.

mod config;
mod events;
mod pod;
mod policy;
mod service;
mod table;
mod workload;

use std::sync::OnceLock;

use k8s_openapi::api::{autoscaling::v1::Scale, policy::v1::Eviction};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;

use crate::definitions::{Schemas, register};

pub(crate) use table::{KINDS, UNSUPPORTED};

/// The definitions of all kinds, built once per process.
pub(crate) fn schemas() -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let others = [register::<Scale>, register::<Eviction>, register::<DeleteOptions>];
        Schemas::of(KINDS.iter().map(|kind| kind.schema).chain(others))
    })
}
