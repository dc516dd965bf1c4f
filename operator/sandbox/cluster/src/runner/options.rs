//! The options of a runner.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::Connection;

/// The program of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSpec {
    /// The executable.
    pub program: PathBuf,
    /// Arguments before those of the container, such as the subcommand of a multi-call executable.
    pub args: Vec<String>,
}

/// Delays of retries. Kubernetes' values are the default; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct BackOff {
    /// Delay before the second restart of a container (the first is immediate); it doubles with each restart.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
    /// A container that ran for this time restarts without delay.
    pub forgiven_after: Duration,
    /// Delay before the next check for a missing ConfigMap, Secret or volume.
    pub configuration: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            longest: Duration::from_secs(300),
            forgiven_after: Duration::from_secs(600),
            configuration: Duration::from_secs(2),
        }
    }
}

impl BackOff {
    /// The delay before restart number `restart`, counted from 0.
    pub fn delay(&self, restart: u32) -> Duration {
        match restart.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => self
                .first
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(self.longest),
        }
    }
}

/// The options of a runner.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// Directory for the data of Pods: `pods/<uid>/…` and `volumes/<namespace>/<claim>`.
    pub state: PathBuf,
    /// Programs by the last path segment of an image's repository (`ghcr.io/x/tool:1` is `tool`).
    pub programs: HashMap<String, ProgramSpec>,
    /// The API server, for Pods with a service account token; without it they get no kubeconfig.
    pub api: Option<Connection>,
    /// Storage classes whose claims are bound; claims without a class always are.
    pub storage_classes: Vec<String>,
    /// Delays of retries.
    pub back_off: BackOff,
    /// Time between SIGTERM and SIGKILL when the sandbox itself ends.
    pub shutdown_grace: Duration,
}

impl RunnerOptions {
    /// Options with defaults: no programs, Kubernetes' back-off, the storage class `standard`.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            programs: HashMap::new(),
            api: None,
            storage_classes: vec!["standard".into()],
            back_off: BackOff::default(),
            shutdown_grace: Duration::from_secs(3),
        }
    }

    /// Adds a program for an image.
    #[must_use]
    pub fn program(mut self, image: &str, program: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        self.programs.insert(
            image.into(),
            ProgramSpec {
                program: program.into(),
                args,
            },
        );
        self
    }

    /// Directory of logs and volumes of Pods: `<here>/<uid>/<container>/<restart count>.log`.
    pub fn pods_dir(&self) -> PathBuf {
        self.state.join("pods")
    }

    /// Directory of claims: `<here>/<namespace>/<claim>`.
    pub fn volumes_dir(&self) -> PathBuf {
        self.state.join("volumes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_immediate_and_the_delay_doubles_up_to_a_limit() {
        let seconds: Vec<u64> = (0..8)
            .map(|restart| BackOff::default().delay(restart).as_secs())
            .collect();
        assert_eq!(seconds, [0, 10, 20, 40, 80, 160, 300, 300]);
    }
}
