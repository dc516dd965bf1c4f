//! A program with a lifeline ends with the holder of the other end, together with its own group and nothing else.
//!
//! The program is this test binary itself, run again with the role in a variable.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use sandbox_cluster::runner::lifeline;

const ROLE: &str = "LIFELINE_ROLE";

/// Not a test by itself: the code of the started programs.
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
        Ok("starter") => {
            let mut holder = again("holder")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a holder");
            let lifeline = holder.stdin.take();
            let pids = pids(&mut holder);
            drop(lifeline);
            assert!(!holder.wait().expect("an end").success());
            until_gone(&pids);
            println!("\nthe starter lives");
        }
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

/// Whether the process exists and is not a zombie.
fn lives(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(Pid::from_raw(pid), None).is_ok() && !state.contains(") Z ")
}

/// A holder's output: its process id and its child's.
fn pids(holder: &mut Child) -> Vec<i32> {
    let output = BufReader::new(holder.stdout.take().expect("output"));
    let line = output
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("pids "))
        .expect("the pids");
    let pids: Vec<i32> = line.split(' ').skip(1).map(|pid| pid.parse().expect("a pid")).collect();
    assert_eq!(pids.len(), 2);
    pids
}

fn until_gone(pids: &[i32]) {
    let patience = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < patience, "a process outlived its lifeline");
        std::thread::yield_now();
    }
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
    let pids = pids(&mut holder);
    assert!(pids.iter().all(|pid| lives(*pid)), "both run while the pipe is open");

    drop(lifeline);
    let status = holder.wait().expect("an end");
    assert!(!status.success());
    until_gone(&pids);
}

#[test]
fn whoever_started_the_program_stays_alive() {
    use std::os::unix::process::CommandExt;
    // The starter shares a group with the program that it starts, and not with this test.
    let output = again("starter").process_group(0).output().expect("an end");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the starter lives"), "{}\n{said}", output.status);
}
