//! The server's binary: everything is in the library, so that other binaries can carry the server too.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    complaint_inference::main_from(std::env::args_os())
}
