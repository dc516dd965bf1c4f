//! One run of a container: a process in its own group, with a log and a lifeline.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use super::logs::LogFile;

/// Everything a process needs to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The file whose content becomes the termination message.
    pub message: PathBuf,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 and the signal's number for a process that a signal ended.
    pub code: i32,
    /// Whether the kernel killed it because of low memory.
    pub out_of_memory: bool,
    /// When.
    pub at: Timestamp,
}

/// A running process.
pub struct Process {
    child: Child,
    group: Pid,
    /// Held open, never written to: see [`super::lifeline`].
    _lifeline: Option<ChildStdin>,
    copies: Vec<JoinHandle<()>>,
    started_at: Timestamp,
    memory_kills: Option<u64>,
    killed: bool,
}

impl Process {
    /// Starts a process with its log.
    pub fn start(launch: &Launch) -> std::io::Result<Self> {
        let log = LogFile::create(&launch.log)?;
        // The file exists from the start, as in a container.
        std::fs::File::create(&launch.message)?;
        let memory_kills = memory_kills();
        let mut child = command(launch).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let copies = [
            child.stdout.take().map(|out| log.copy(out)),
            child.stderr.take().map(|err| log.copy(err)),
        ];
        Ok(Self {
            group: group_of(&child),
            _lifeline: child.stdin.take(),
            child,
            copies: copies.into_iter().flatten().collect(),
            started_at: Timestamp::now(),
            memory_kills,
            killed: false,
        })
    }

    /// When it started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Waits for the end of the process, then kills the rest of its group and completes the log. Cancel safe.
    pub async fn wait(&mut self) -> Exit {
        let status = self.child.wait().await;
        let at = Timestamp::now();
        // The end of a container's first process ends the others.
        let _ = killpg(self.group, Signal::SIGKILL);
        for copy in self.copies.drain(..) {
            let _ = tokio::time::timeout(Duration::from_secs(2), copy).await;
        }
        let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
        let code = status
            .ok()
            .and_then(|status| status.code())
            .unwrap_or(128 + signal.unwrap_or(127));
        let killed_by_kernel = signal == Some(Signal::SIGKILL as i32) && !self.killed;
        let out_of_memory = killed_by_kernel
            && self
                .memory_kills
                .zip(memory_kills())
                .is_some_and(|(then, now)| now > then);
        Exit {
            code,
            out_of_memory,
            at,
        }
    }

    /// Sends SIGTERM to the process group.
    pub fn terminate(&self) {
        let _ = killpg(self.group, Signal::SIGTERM);
    }

    /// Sends SIGKILL to the process group.
    pub fn kill(&mut self) {
        self.killed = true;
        let _ = killpg(self.group, Signal::SIGKILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The task was aborted before the process ended.
        if self.child.id().is_some() {
            self.kill();
        }
    }
}

/// Runs a short command (a probe, a hook) without a log. `None` if it exceeds `limit`.
pub async fn run_to_end(launch: &Launch, limit: Duration) -> std::io::Result<Option<i32>> {
    let mut child = command(launch).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let group = group_of(&child);
    let _lifeline = child.stdin.take();
    let ended = tokio::time::timeout(limit, child.wait()).await;
    let _ = killpg(group, Signal::SIGKILL);
    match ended {
        Ok(status) => Ok(Some(status?.code().unwrap_or(137))),
        Err(_) => Ok(None),
    }
}

fn command(launch: &Launch) -> Command {
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.args)
        .env_clear()
        .envs(&launch.env)
        .current_dir(&launch.directory)
        .stdin(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// The process group of a child, which is its process id: it was started with `process_group(0)`.
fn group_of(child: &Child) -> Pid {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    Pid::from_raw(id.expect("a child that was not awaited has a process id"))
}

/// Number of processes that the kernel has killed because of low memory; `None` if `/proc` is not available.
fn memory_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?
        .trim()
        .parse()
        .ok()
}
