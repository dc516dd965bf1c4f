//! The product through the tools that people use: kubectl with the examples, and helm with the chart.
//!
//! `KUBECTL` and `HELM` name the programs, otherwise `PATH` does. A missing one skips its test, aloud; with
//! `REQUIRE_TOOLS` set it fails it.

mod cluster;
mod documents;
mod gitops;
mod helm;
mod kubectl;
mod rights;
#[path = "../../../../trainer/tests/support/weed.rs"]
mod weed;
mod workloads;
