//! The whole sandbox: API server, controllers, node, Services, and optionally the operator in its own process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::{conditions, wait::await_condition},
};
use tokio::{
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use sandbox_apiserver::{Options, Server};
use sandbox_cluster::{
    Connection, controllers,
    runner::{Runner, RunnerOptions},
    services,
};

/// The name of the cluster and its administrator in kubeconfigs.
const NAME: &str = "complaint-sandbox";

/// The names of the images that the sandbox can run, and their programs.
pub const IMAGES: [(&str, &str); 4] = [
    ("complaint-trainer", "trainer"),
    ("complaint-inference", "inference"),
    ("complaint-operator", "operator"),
    ("complaint-dashboard", "dashboard"),
];

/// The options of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Directory for objects, volumes, logs and the kubeconfig.
    pub state: PathBuf,
    /// Keep objects in memory only.
    pub ephemeral: bool,
    /// Whether the product's kinds are installed, before the kubeconfig is written.
    pub kinds: bool,
    /// Path of the kubeconfig; `None`: `<state>/kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// Port of the API server; 0: any free one.
    pub port: u16,
    /// Authorise requests by RBAC.
    pub rbac: bool,
    /// The audit log.
    pub audit_log: Option<PathBuf>,
    /// The multi-call executable: `<executable> exec trainer|inference|operator|dashboard …`.
    pub executable: PathBuf,
}

/// A running sandbox.
pub struct Cluster {
    server: Server,
    client: Client,
    options: ClusterOptions,
    kubeconfig: PathBuf,
    tasks: Vec<JoinHandle<()>>,
    operator: Option<(Child, Option<ChildStdin>)>,
    shutdown: CancellationToken,
}

impl Cluster {
    /// Starts API server, controllers, node and Services.
    ///
    /// # Errors
    /// When the port is taken or the state directory can't be written.
    pub async fn start(mut options: ClusterOptions) -> anyhow::Result<Self> {
        // Paths that are printed and passed to processes must be valid in every working directory.
        options.state = std::path::absolute(&options.state).context("the state directory has no absolute path")?;
        std::fs::create_dir_all(&options.state)
            .with_context(|| format!("the state directory {} can't be made", options.state.display()))?;
        let kubeconfig = options
            .kubeconfig
            .clone()
            .unwrap_or_else(|| options.state.join("kubeconfig"));
        let mut runner = RunnerOptions::new(&options.state);
        for (image, program) in IMAGES {
            runner = runner.program(image, &options.executable, &["exec", "--lifeline", program]);
        }
        let server = Server::start(Options {
            port: options.port,
            state: (!options.ephemeral).then(|| options.state.join("api")),
            pods_dir: runner.pods_dir(),
            rbac: options.rbac,
            audit_log: options.audit_log.clone(),
            ..Options::default()
        })
        .await
        .context("the API server did not start")?;
        let connection = Connection {
            cluster: NAME.into(),
            server: server.https_url(),
            authority: server.authority().into(),
        };
        let client = server.client()?;
        if options.kinds {
            install_crds(&client).await?;
        }
        // Whoever waits for this file finds the cluster as it was asked for.
        connection
            .write(&kubeconfig, NAME, server.token(), "default")
            .with_context(|| {
                let path = kubeconfig.display();
                format!("writing the kubeconfig {path}; choose a path in a directory that exists and is writable")
            })?;
        runner.api = Some(connection);
        let shutdown = CancellationToken::new();
        let node = Runner::new(client.clone(), runner);
        let tasks = vec![
            controllers::start(client.clone(), shutdown.clone()),
            services::start(client.clone(), shutdown.clone()),
            node.start(shutdown.clone()),
        ];
        Ok(Self {
            server,
            client,
            options,
            kubeconfig,
            tasks,
            operator: None,
            shutdown,
        })
    }

    /// A client with all permissions.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The kubeconfig file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's address.
    pub fn url(&self) -> String {
        self.server.url().to_string()
    }

    /// The directory behind a PersistentVolumeClaim.
    pub fn volume(&self, namespace: &str, claim: &str) -> PathBuf {
        self.options.state.join("volumes").join(namespace).join(claim)
    }

    /// The operator's log file.
    pub fn operator_log(&self) -> PathBuf {
        self.options.state.join("operator.log")
    }

    /// Starts the operator in its own process, as in a cluster with [`ClusterOptions::kinds`].
    ///
    /// # Errors
    /// When the process can't be started.
    pub async fn start_operator(&mut self) -> anyhow::Result<()> {
        let log = std::fs::File::create(self.operator_log()).context("the operator's log can't be made")?;
        let mut child = Command::new(&self.options.executable)
            .args([
                "exec",
                "--lifeline",
                "operator",
                "run",
                "--health-bind",
                "127.0.0.1:0",
                "--log-format",
                "text",
                // Pods are processes here, and servers that they download from are on this machine too.
                "--trainer-reach",
                "anywhere",
                // Windows of seconds are read in time.
                "--monitoring-interval",
                "1s",
            ])
            .env("KUBECONFIG", &self.kubeconfig)
            // The pipe closes when the sandbox ends for any reason.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("the operator's process can't be started")?;
        let lifeline = child.stdin.take();
        self.operator = Some((child, lifeline));
        Ok(())
    }

    /// Waits for the end of the operator, which is an error while the sandbox runs. Never returns without an operator.
    pub async fn operator_ended(&mut self) -> anyhow::Error {
        let Some((child, _)) = &mut self.operator else {
            return std::future::pending().await;
        };
        let status = child.wait().await;
        let log = std::fs::read_to_string(self.operator_log()).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(5).collect();
        let tail: Vec<_> = tail.into_iter().rev().collect();
        anyhow::anyhow!("the operator ended ({status:?}); its last words:\n{}", tail.join("\n"))
    }

    /// Stops the operator, all processes of pods, then the API server.
    pub async fn stop(mut self) {
        if let Some((mut child, lifeline)) = self.operator.take() {
            terminate(&child);
            if tokio::time::timeout(Duration::from_secs(5), child.wait())
                .await
                .is_err()
            {
                let _ = child.kill().await;
            }
            drop(lifeline);
        }
        self.shutdown.cancel();
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
        self.server.stop().await;
    }
}

fn terminate(child: &Child) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // It may have ended already.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Applies the three CRDs and waits until they are served.
///
/// # Errors
/// When the API server rejects one.
pub async fn install_crds(client: &Client) -> anyhow::Result<()> {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let params = PatchParams::apply(NAME).force();
    for crd in complaint_api::crds() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        let mut body = serde_json::to_value(&crd)?;
        body["apiVersion"] = "apiextensions.k8s.io/v1".into();
        body["kind"] = "CustomResourceDefinition".into();
        api.patch(&name, &params, &Patch::Apply(&body))
            .await
            .with_context(|| format!("applying CRD {name}"))?;
        await_condition(api.clone(), &name, conditions::is_crd_established()).await?;
    }
    Ok(())
}
