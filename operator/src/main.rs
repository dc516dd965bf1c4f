//! The operator's program; see [`complaint_operator::cli`].
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    complaint_operator::cli::main_from(std::env::args_os())
}
