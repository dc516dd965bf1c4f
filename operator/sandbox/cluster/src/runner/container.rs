//! The life cycle of one container: start, supervise, stop, restart.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStatus, Pod,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::hooks;
use super::launch::{LaunchError, PodContext};
use super::pod::{PodRun, Stop, ordered};
use super::probing::{Finding, Probing};
use super::process::{Exit, Launch, Process};
use super::refusal::Refusal;
use super::status::{exit_code, waiting};
use super::termination;
use crate::controllers::events::Notice;

/// The role of a container in its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An init container: runs to completion before the others.
    Init,
    /// A sidecar: runs next to the others.
    Sidecar,
    /// A main container.
    Main,
}

/// The failures so far, for the back-off.
#[derive(Default)]
pub(super) struct Attempts {
    pub(super) restarts: u32,
    pub(super) refusals: u32,
}

/// Runs a container until it has finished or the Pod must stop. True if its last run succeeded.
pub(super) async fn supervise(run: Arc<PodRun>, role: Role, index: usize) -> bool {
    let one = One { run, role, index };
    let mut attempts = Attempts::default();
    loop {
        if let Some(code) = exit_code(&one.entry()) {
            if one.run.is_stopping() || !one.restarts_after(code) {
                return code == 0;
            }
            one.wait_out(&mut attempts).await;
        }
        if one.run.is_stopping() {
            return exit_code(&one.entry()) == Some(0);
        }
        match one.launch().await {
            Ok((container, launch)) => one.run_once(&container, &launch, &mut attempts).await,
            Err(refusal) => one.refuse(refusal, &mut attempts).await,
        }
    }
}

/// One container of a Pod.
pub(super) struct One {
    pub(super) run: Arc<PodRun>,
    pub(super) role: Role,
    pub(super) index: usize,
}

impl One {
    pub(super) fn container(&self) -> Container {
        let pod = self.run.pod();
        let spec = pod.spec.as_ref();
        let found = match self.role {
            Role::Main => spec.and_then(|spec| spec.containers.get(self.index)),
            Role::Init | Role::Sidecar => spec.and_then(|spec| spec.init_containers.as_ref()?.get(self.index)),
        };
        found.cloned().unwrap_or_default()
    }

    fn entry(&self) -> ContainerStatus {
        self.change(|entry| entry.clone())
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ContainerStatus) -> T) -> T {
        self.run.with_book(|book| {
            let entries = if self.role == Role::Main {
                &mut book.main
            } else {
                &mut book.init
            };
            change(&mut entries[self.index])
        })
    }

    pub(super) async fn tell(&self, notice: Notice) {
        let name = self.entry().name;
        self.run.tell_of(self.role, &name, &notice).await;
    }

    fn restarts_after(&self, code: i32) -> bool {
        let pod = self.run.pod();
        let policy = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref())
            .unwrap_or("Always");
        match (self.role, policy) {
            (Role::Sidecar, _) => true,
            (_, "Never") => false,
            (Role::Main, "Always") => true,
            _ => code != 0,
        }
    }

    /// Waits before a restart, shown as CrashLoopBackOff, and prepares the entry for the next run.
    async fn wait_out(&self, attempts: &mut Attempts) {
        let delay = self.run.node.options.back_off.delay(attempts.restarts);
        attempts.restarts = attempts.restarts.saturating_add(1);
        if !delay.is_zero() {
            let pod = self.run.pod();
            let who = format!(
                "{}_{}({})",
                pod.name_any(),
                pod.namespace().unwrap_or_default(),
                self.run.uid
            );
            let name = self.entry().name;
            let text = format!(
                "back-off {}s restarting failed container={name} pod={who}",
                delay.as_secs()
            );
            self.change(|entry| {
                entry.last_state = entry.state.replace(waiting("CrashLoopBackOff", Some(text)));
            });
            self.run.publish().await;
            let text = format!("Back-off restarting failed container {name} in pod {who}");
            self.tell(Notice::warning("BackOff", text)).await;
            self.run.pause(delay).await;
        }
        if self.run.is_stopping() {
            // It keeps its last termination state.
            self.change(|entry| {
                if exit_code(entry).is_none() {
                    entry.state = entry.last_state.take();
                }
            });
            return;
        }
        self.change(|entry| {
            entry.restart_count += 1;
            if exit_code(entry).is_some() {
                entry.last_state = entry.state.replace(waiting("ContainerCreating", None));
            }
        });
    }

    async fn launch(&self) -> Result<(Container, Launch), Refusal> {
        let container = self.container();
        let restart = self.entry().restart_count;
        let launch = self.in_context(|context| context.launch(&container, restart)).await?;
        Ok((container, launch))
    }

    async fn in_context(
        &self,
        make: impl FnOnce(&PodContext<'_>) -> Result<Launch, LaunchError>,
    ) -> Result<Launch, Refusal> {
        let sources = self.run.sources().await?;
        let kubeconfig = self.run.kubeconfig().await?;
        let pod: Pod = self.run.addressed();
        let none = std::collections::HashMap::new();
        let context = PodContext {
            options: &self.run.node.options,
            pod: &pod,
            sources: &sources,
            volumes: self.run.volumes.get().unwrap_or(&none),
            directory: &self.run.directory,
            kubeconfig: kubeconfig.as_deref(),
        };
        Ok(make(&context)?)
    }

    /// The process of a command (a probe, a hook) in this container's environment.
    pub(super) async fn exec(&self, container: &Container, command: &[String]) -> Result<Launch, String> {
        let restart = self.entry().restart_count;
        let launch = self
            .in_context(|context| context.exec(container, restart, command))
            .await;
        launch.map_err(|refusal| refusal.to_string())
    }

    async fn run_once(&self, container: &Container, launch: &Launch, attempts: &mut Attempts) {
        let image = container.image.clone().unwrap_or_default();
        self.tell(Notice::normal(
            "Pulled",
            format!("Container image \"{image}\" already present on machine"),
        ))
        .await;
        let id = self.identity(container);
        let process = Process::start(launch);
        self.tell(Notice::normal(
            "Created",
            format!("Created container: {}", container.name),
        ))
        .await;
        let mut process = match process {
            Ok(process) => process,
            Err(error) => return self.start_failed(container, launch, &id, &error.to_string()).await,
        };
        let began = Instant::now();
        let started_at = Time(process.started_at());
        self.change(|entry| {
            let running = ContainerStateRunning {
                started_at: Some(started_at.clone()),
            };
            entry.state = Some(ContainerState {
                running: Some(running),
                ..ContainerState::default()
            });
            entry.container_id = Some(id.clone());
            entry.image = image.clone();
            entry.image_id = format!("sandbox://{}", launch.program.display());
            entry.started = Some(container.startup_probe.is_none());
            entry.ready =
                self.role != Role::Init && container.startup_probe.is_none() && container.readiness_probe.is_none();
        });
        self.run.publish().await;
        self.tell(Notice::normal(
            "Started",
            format!("Started container {}", container.name),
        ))
        .await;
        let exit = self.watch(container, &mut process).await;
        if began.elapsed() >= self.run.node.options.back_off.forgiven_after {
            attempts.restarts = 0;
        }
        let ended = termination::state(container, launch, &id, started_at, exit);
        self.end(ended).await;
    }

    async fn end(&self, ended: ContainerStateTerminated) {
        self.change(|entry| {
            entry.ready = self.role == Role::Init && ended.exit_code == 0;
            entry.started = Some(false);
            entry.state = Some(ContainerState {
                terminated: Some(ended),
                ..ContainerState::default()
            });
        });
        self.run.publish().await;
    }

    /// An id for this run in the format of a container runtime.
    fn identity(&self, container: &Container) -> String {
        let text = format!("{}/{}/{}", self.run.uid, container.name, self.entry().restart_count);
        format!("sandbox://{}", hex::encode(Sha256::digest(text)))
    }

    async fn start_failed(&self, container: &Container, launch: &Launch, id: &str, error: &str) {
        let message = format!("{}: {error}", launch.program.display());
        self.tell(Notice::warning(
            "Failed",
            format!("Error: failed to start container {}: {message}", container.name),
        ))
        .await;
        let now = Time(jiff::Timestamp::now());
        self.end(ContainerStateTerminated {
            container_id: Some(id.into()),
            exit_code: 128,
            reason: Some("StartError".into()),
            message: Some(message),
            started_at: Some(now.clone()),
            finished_at: Some(now),
            signal: None,
        })
        .await;
    }

    /// Supervises a running process: its probes, orders and end.
    async fn watch(&self, container: &Container, process: &mut Process) -> Exit {
        let mut stop = self.run.stops();
        let mut probing = Probing::start(Arc::new(self.again()), container.clone());
        loop {
            tokio::select! {
                exit = process.wait() => return exit,
                () = ordered(&mut stop) => {
                    return self.stop(container, process, None).await;
                }
                finding = probing.next() => match finding {
                    Finding::Started => {
                        self.change(|entry| {
                            entry.started = Some(true);
                            entry.ready = container.readiness_probe.is_none();
                        });
                        self.run.publish().await;
                    }
                    Finding::Ready(ready) => {
                        self.change(|entry| entry.ready = ready);
                        self.run.publish().await;
                    }
                    Finding::Unhealthy { purpose, grace } => {
                        let text = format!(
                            "Container {} failed {} probe, will be restarted",
                            container.name,
                            purpose.name().to_lowercase()
                        );
                        self.tell(Notice::normal("Killing", text)).await;
                        let grace = grace.unwrap_or_else(|| self.run.grace());
                        return self.stop(container, process, Some(Stop::within(grace, true))).await;
                    }
                },
            }
        }
    }

    fn again(&self) -> One {
        One {
            run: Arc::clone(&self.run),
            role: self.role,
            index: self.index,
        }
    }

    /// Stops a process: hook, SIGTERM, and SIGKILL at the deadline. An order for the Pod can shorten the time.
    async fn stop(&self, container: &Container, process: &mut Process, own: Option<Stop>) -> Exit {
        let mut orders = self.run.stops();
        if own.is_none() {
            self.tell(Notice::normal(
                "Killing",
                format!("Stopping container {}", container.name),
            ))
            .await;
        }
        let first = own.or(*orders.borrow()).unwrap_or(Stop::within(self.run.grace(), true));
        if first.hooks && container.lifecycle.is_some() {
            tokio::select! {
                exit = process.wait() => return exit,
                () = hooks::before_stop(self, container, first.deadline) => {}
            }
        }
        process.terminate();
        // After a hook that used all of the time, two seconds remain, as in the kubelet.
        let least = Instant::now()
            + if first.hooks && container.lifecycle.is_some() {
                Duration::from_secs(2)
            } else {
                Duration::ZERO
            };
        loop {
            let order = *orders.borrow_and_update();
            let deadline = order
                .map_or(first.deadline, |order| order.deadline.min(first.deadline))
                .max(least);
            tokio::select! {
                exit = process.wait() => return exit,
                () = tokio::time::sleep_until(deadline) => break,
                Ok(()) = orders.changed() => {}
            }
        }
        process.kill();
        process.wait().await
    }
}
