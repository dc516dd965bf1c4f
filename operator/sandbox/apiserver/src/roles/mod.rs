//! The ClusterRoles and bindings that every cluster has, and ClusterRoles that gather others by label.

mod aggregation;
mod bootstrap;

pub(crate) use aggregation::gather;
pub(crate) use bootstrap::create_initial;
