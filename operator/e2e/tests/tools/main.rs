//! The product through the tools that people use: kubectl with the examples, and helm with the chart.

use std::process::ExitCode;

mod cluster;
mod dashboard;
mod documents;
mod gitops;
mod helm;
mod kubectl;
mod plugin;
mod policy;
mod retention;
mod review;
mod rights;
mod shell;
mod tracking;
mod workloads;

fn main() -> ExitCode {
    complaint_harness::run([
        dashboard::tests(),
        documents::tests(),
        gitops::tests(),
        helm::tests(),
        kubectl::tests(),
        plugin::tests(),
        policy::tests(),
        retention::tests(),
        review::tests(),
        rights::tests(),
        tracking::tests(),
        workloads::tests(),
    ])
}
