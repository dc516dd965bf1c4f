//! The plugin's program; see the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    complaint_cli::main_from(std::env::args_os())
}
