//! What a training signs, and what PyPI's `model-signing` says about it.

use std::process::ExitCode;

mod by_hand;
mod folder;
mod keys;
#[path = "../support/mod.rs"]
mod support;
mod training;

fn main() -> ExitCode {
    complaint_harness::run([training::tests(), by_hand::tests(), keys::tests()])
}
