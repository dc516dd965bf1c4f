//! Runs tests that need programs other than the product's: kubectl, helm, an S3 server, a browser.
//!
//! The types of a test's arguments name the tools that it needs. If one is missing, the runner reports the test as
//! ignored, with the reason; with `REQUIRE_TOOLS` set the test fails.
//!
//! A test target uses this crate with `harness = false` in its manifest:
//!
//! ```text
//! use complaint_harness::{Helm, Kubectl};
//!
//! fn the_chart_installs(kubectl: Kubectl, helm: Helm) {}
//! async fn the_page_loads(chromium: complaint_harness::Chromium) {}
//!
//! fn main() -> std::process::ExitCode {
//!     complaint_harness::run([complaint_harness::tests![the_chart_installs, the_page_loads]])
//! }
//! ```
//!
//! The compiler reports a test that is in no list as dead code.
//!
//! [`Browser`] is a headless Chromium that a test tells what to do.
//!
//! [`collector`] receives the traces of programs.
//!
//! [`tap`] has a Kubernetes client whose requests a test sees, and answers where it wants to.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod browser;
mod case;
pub mod collector;
mod mlflow;
mod s3;
pub mod tap;
mod tool;

pub use browser::Browser;
pub use case::{Case, Test, run};
pub use mlflow::MlflowServer;
pub use s3::S3Server;
pub use tool::{
    Chromium, Curl, Go, Helm, Java, Kubectl, Missing, PythonWithKserve, PythonWithLua, PythonWithMlflow,
    PythonWithModelSigning, PythonWithTriton, Schemathesis, Tool, Weed,
};

/// A list of test functions for [`run`]. A test's name is its module and function name, as in Rust's own runner.
#[macro_export]
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        vec![$($crate::Case::new(concat!(module_path!(), "::", stringify!($test)), $test)),*]
    };
}
