//! A program that holds the lifeline ends with whoever held the other end, and takes its group with it.
//!
//! The program is this test binary itself, run again with the role in a variable.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use sandbox_cluster::runner::lifeline;

const ROLE: &str = "LIFELINE_ROLE";

/// Not a test by itself: what the started programs do.
#[test]
fn program() {
    match std::env::var(ROLE).as_deref() {
        Ok("holder") => {
            lifeline::watch_stdin();
            let mut child = again("child").stdin(Stdio::null()).spawn().expect("a child");
            println!("\npids {} {}", std::process::id(), child.id());
            child.wait().expect("the child's end");
        }
        Ok("child") => std::thread::sleep(Duration::from_secs(60)),
        _ => {}
    }
}

fn again(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["program", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role);
    command
}

/// The process exists and is no zombie.
fn lives(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(Pid::from_raw(pid), None).is_ok() && !state.contains(") Z ")
}

#[test]
fn closing_the_pipe_ends_the_whole_group() {
    use std::os::unix::process::CommandExt;
    let mut holder = again("holder")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a holder");
    let lifeline = holder.stdin.take().expect("a pipe");
    let output = BufReader::new(holder.stdout.take().expect("output"));
    let line = output
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("pids "))
        .expect("the pids");
    let pids: Vec<i32> = line.split(' ').skip(1).map(|pid| pid.parse().expect("a pid")).collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| lives(*pid)), "both run while the pipe is open");

    drop(lifeline);
    let status = holder.wait().expect("an end");
    assert!(!status.success());
    let patience = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < patience, "a process outlived its lifeline");
        std::thread::yield_now();
    }
}
