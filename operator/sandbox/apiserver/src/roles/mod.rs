//! The default ClusterRoles and bindings, and aggregated ClusterRoles.

mod aggregation;
mod bootstrap;

pub(crate) use aggregation::gather;
pub(crate) use bootstrap::create_initial;
