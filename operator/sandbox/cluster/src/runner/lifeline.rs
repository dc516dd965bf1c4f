//! No process outlives the sandbox, not even when the sandbox is killed.
//!
//! A container's standard input is a pipe whose other end the runner holds and never writes to. When the sandbox ends,
//! however it ends, the kernel closes that end; the program sees the end of its input and leaves with its whole process
//! group. (Linux' parent-death signal would need `unsafe` code between fork and exec, and covers one process only.)

use std::io::Read;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::getpgrp;

/// Watches standard input in a thread of its own and ends this process and its group when the input ends.
///
/// Programs that the sandbox starts as containers call this first. A program started by hand must not: its terminal is
/// its input.
pub fn watch_stdin() {
    let watch = || {
        let mut stdin = std::io::stdin().lock();
        let mut ignored = [0_u8; 256];
        loop {
            match stdin.read(&mut ignored) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        leave();
    };
    // Without the thread the program would still run and only lack the lifeline.
    if std::thread::Builder::new()
        .name("lifeline".into())
        .spawn(watch)
        .is_err()
    {
        tracing::warn!("the lifeline thread could not be started");
    }
}

fn leave() -> ! {
    // Fails only if the group is gone, and then so are we.
    let _ = killpg(getpgrp(), Signal::SIGKILL);
    std::process::exit(137);
}
