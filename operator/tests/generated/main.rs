//! Files that are made from the code are in step with it.

mod manifests;
mod reference;
