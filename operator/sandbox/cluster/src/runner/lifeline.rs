//! Ends all processes with the sandbox, even if it is killed.
//!
//! A container's standard input is a pipe whose other end the runner holds and never writes to. When the sandbox ends
//! for any reason, the kernel closes that end; the program reads the end of its input and ends its process group. The
//! group is its own, so the process that started it is not affected. (Linux' parent-death signal would need `unsafe`
//! code between fork and exec, and affects one process only.)

use std::io::Read;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp, getpid, setpgid};

/// Reads standard input in its own thread and ends this process and its group at the end of the input. A process that
/// does not lead its group first creates its own, because the others in the group belong to its starter.
///
/// Programs that the sandbox starts as containers call this first. A program started by hand must not, because its
/// input is the terminal.
pub fn watch_stdin() {
    // Fails for a session leader, which already leads its group.
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
    // Without the thread the program runs without the lifeline.
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
        // Fails only if the group, and so this process, is gone.
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
    std::process::exit(137);
}
