//! The program `complaint-trainer`. All its code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    complaint_trainer::main_from(std::env::args_os())
}
