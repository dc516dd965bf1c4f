//! Termination messages.

use std::io::Read;
use std::path::Path;

use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::logs;
use super::process::{Exit, Launch};

/// Largest termination message in bytes.
const LONGEST: u64 = 4096;
/// Most bytes and lines of the log that replace a missing message.
const LOG_BYTES: usize = 2048;
const LOG_LINES: usize = 80;

/// The terminated state of a container. Like the kubelet's it has no `signal`; the exit code contains it.
pub fn state(container: &Container, launch: &Launch, id: &str, started: Time, exit: Exit) -> ContainerStateTerminated {
    let reason = match exit {
        Exit {
            out_of_memory: true, ..
        } => "OOMKilled",
        Exit { code: 0, .. } => "Completed",
        _ => "Error",
    };
    ContainerStateTerminated {
        container_id: Some(id.into()),
        exit_code: exit.code,
        reason: Some(reason.into()),
        message: message(container, launch, exit.code),
        started_at: Some(started),
        finished_at: Some(Time(exit.at)),
        signal: None,
    }
}

fn message(container: &Container, launch: &Launch, code: i32) -> Option<String> {
    let written = read_start(&launch.message);
    let from_log = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError") && code != 0;
    let text = if written.is_empty() && from_log {
        logs::tail(&launch.log, LOG_LINES, LOG_BYTES)
    } else {
        written
    };
    (!text.is_empty()).then_some(text)
}

fn read_start(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        // An unreadable message counts as missing.
        let _ = file.take(LONGEST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
