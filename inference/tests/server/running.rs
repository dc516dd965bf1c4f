//! The real program as a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

/// The program, with nothing of this process's environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_complaint-inference"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running server that ends with the test.
pub struct Running {
    pub address: SocketAddr,
    /// Its line on standard output.
    pub line: Value,
    child: Child,
    output: BufReader<ChildStdout>,
    log: NamedTempFile,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(program().args(arguments))
    }

    /// Starts `command` on a free port. Its log goes to a file, so that a long one never fills a pipe.
    pub fn start_with(command: &mut Command) -> Self {
        let log = NamedTempFile::new().unwrap();
        let file = File::create(log.path()).unwrap();
        let mut child = command.args(["--bind", "127.0.0.1:0"]).stderr(file).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let log_text = || std::fs::read_to_string(log.path()).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {}", log_text()));
        let address = line["address"].as_str().unwrap().parse().unwrap();
        Self {
            address,
            line,
            child,
            output,
            log,
        }
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// The most memory that the process has had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// What standard output got behind its first line; of a process that has ended.
    pub fn rest_of_output(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
