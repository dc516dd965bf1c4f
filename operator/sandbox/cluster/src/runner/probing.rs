//! Runs the probes of one container in a task that ends with it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::container::One;
use super::probe::{self, Pace, Purpose, Streak};
use super::process;
use crate::controllers::events::Notice;

/// The finding of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// The startup probe has succeeded.
    Started,
    /// The container became ready or unready.
    Ready(bool),
    /// The container must be restarted.
    Unhealthy {
        /// The probe that found it.
        purpose: Purpose,
        /// The probe's own grace period, if set.
        grace: Option<Duration>,
    },
}

/// The probes of one run of a container.
pub(super) struct Probing {
    findings: mpsc::Receiver<Finding>,
    task: JoinHandle<()>,
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Probing {
    /// Starts the probes.
    pub(super) fn start(one: Arc<One>, container: Container) -> Self {
        let (sender, findings) = mpsc::channel(8);
        Self {
            findings,
            task: tokio::spawn(probe_all(one, container, sender)),
        }
    }

    /// The next finding; never returns without probes.
    pub(super) async fn next(&mut self) -> Finding {
        match self.findings.recv().await {
            Some(finding) => finding,
            None => std::future::pending().await,
        }
    }
}

async fn probe_all(one: Arc<One>, container: Container, findings: mpsc::Sender<Finding>) {
    if let Some(startup) = &container.startup_probe {
        let series = Series {
            one: &one,
            container: &container,
            probe: startup,
            purpose: Purpose::Startup,
        };
        if !series.until_started().await {
            let _ = findings
                .send(Finding::Unhealthy {
                    purpose: Purpose::Startup,
                    grace: own_grace(startup),
                })
                .await;
            return;
        }
        let _ = findings.send(Finding::Started).await;
    }
    let readiness = async {
        if let Some(probe) = &container.readiness_probe {
            let series = Series {
                one: &one,
                container: &container,
                probe,
                purpose: Purpose::Readiness,
            };
            series.follow(&findings).await;
        }
    };
    let liveness = async {
        if let Some(probe) = &container.liveness_probe {
            let series = Series {
                one: &one,
                container: &container,
                probe,
                purpose: Purpose::Liveness,
            };
            series.follow(&findings).await;
        }
    };
    tokio::join!(readiness, liveness);
}

fn own_grace(probe: &Probe) -> Option<Duration> {
    probe
        .termination_grace_period_seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs)
}

/// Runs one probe periodically.
struct Series<'a> {
    one: &'a One,
    container: &'a Container,
    probe: &'a Probe,
    purpose: Purpose,
}

impl Series<'_> {
    async fn until_started(&self) -> bool {
        let pace = Pace::from(self.probe);
        let mut streak = Streak::default();
        tokio::time::sleep(pace.delay).await;
        loop {
            if let Some(verdict) = streak.take(self.attempt(&pace).await, &pace) {
                return verdict;
            }
            tokio::time::sleep(pace.period).await;
        }
    }

    async fn follow(&self, findings: &mpsc::Sender<Finding>) {
        let pace = Pace::from(self.probe);
        let mut streak = Streak::default();
        let mut last = None;
        tokio::time::sleep(pace.delay).await;
        loop {
            let verdict = streak.take(self.attempt(&pace).await, &pace);
            if verdict.is_some() && verdict != last {
                last = verdict;
                let finding = match (self.purpose, verdict) {
                    (Purpose::Liveness, Some(false)) => Some(Finding::Unhealthy {
                        purpose: self.purpose,
                        grace: own_grace(self.probe),
                    }),
                    (Purpose::Readiness, Some(ready)) => Some(Finding::Ready(ready)),
                    _ => None,
                };
                if let Some(finding) = finding
                    && findings.send(finding).await.is_err()
                {
                    return;
                }
            }
            tokio::time::sleep(pace.period).await;
        }
    }

    /// One attempt; a failure is recorded as an Event.
    async fn attempt(&self, pace: &Pace) -> bool {
        let outcome = match tokio::time::timeout(pace.timeout, self.check(pace)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("probe timed out after {}s", pace.timeout.as_secs())),
        };
        let Err(why) = outcome else { return true };
        let notice = Notice::warning("Unhealthy", format!("{} probe failed: {why}", self.purpose.name()));
        self.one.run.tell_of(self.one.role, &self.container.name, &notice).await;
        false
    }

    async fn check(&self, pace: &Pace) -> Result<(), String> {
        let address = self
            .one
            .run
            .with_book(|book| book.address.map(|address| address.to_string()))
            .unwrap_or_default();
        if let Some(get) = &self.probe.http_get {
            return probe::http(get, &address, probe::port(self.container, &get.port)?).await;
        }
        if let Some(socket) = &self.probe.tcp_socket {
            let host = socket.host.as_deref().unwrap_or(&address);
            return probe::tcp(host, probe::port(self.container, &socket.port)?).await;
        }
        let Some(exec) = &self.probe.exec else {
            return Err("the sandbox probes with httpGet, tcpSocket and exec only".into());
        };
        let launch = self
            .one
            .exec(self.container, exec.command.as_deref().unwrap_or_default())
            .await?;
        match process::run_to_end(&launch, pace.timeout).await {
            Ok(Some(0)) => Ok(()),
            Ok(Some(code)) => Err(format!("command exited with {code}")),
            Ok(None) => Err(format!("command timed out after {}s", pace.timeout.as_secs())),
            Err(error) => Err(error.to_string()),
        }
    }
}
