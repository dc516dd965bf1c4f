//! The sandbox's program; see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    complaint_sandbox::main_from(std::env::args_os().collect())
}
