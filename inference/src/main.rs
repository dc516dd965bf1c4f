//! The server's binary. All code is in the library, so other binaries can include the server too.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    complaint_inference::main_from(std::env::args_os())
}
