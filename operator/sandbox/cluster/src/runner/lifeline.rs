//! No process outlives the sandbox, not even when the sandbox is killed.
//!
//! A container's standard input is a pipe whose other end the runner holds and never writes to. When the sandbox ends,
//! however it ends, the kernel closes that end; the program sees the end of its input and ends with its whole process
//! group. The group is its own, so whoever started it stays alive. (Linux' parent-death signal would need `unsafe` code
//! between fork and exec, and covers one process only.)

use std::io::Read;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp, getpid, setpgid};

/// Watches standard input in a thread of its own and ends this process and its group when the input ends. A process that
/// does not lead its group leaves it for one of its own first: the others in it belong to whoever started this one.
///
/// Programs that the sandbox starts as containers call this first. A program started by hand must not: its terminal is
/// its input.
pub fn watch_stdin() {
    // Fails for the leader of a session, which leads its group already.
    let this = Pid::from_raw(0);
    let _ = setpgid(this, this);
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
    if getpgrp() == getpid() {
        // Fails only if the group is gone, and then so are we.
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
    std::process::exit(137);
}
