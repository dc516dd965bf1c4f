//! The process specification of a container. No process is started here.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod};

use super::image::{self, NoProgram};
use super::options::RunnerOptions;
use super::process::Launch;
use super::rewrite::Rewrite;
use super::variables::{self, ConfigError, Sources, expand};

/// Why a container can't be started. Each variant has its own waiting reason.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// `CreateContainerConfigError`: a referenced object is missing.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// `ErrImagePull` or `CreateContainerError`: there is no program.
    #[error(transparent)]
    Program(#[from] NoProgram),
    /// `CreateContainerConfigError`: a mount's volume is not in the Pod.
    #[error("volume mount {path} names the volume {volume}, which the pod does not have")]
    Mount {
        /// The mount path.
        path: String,
        /// The volume's name.
        volume: String,
    },
    /// `CreateContainerError`: a directory can't be made.
    #[error("making {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The directory of a Pod.
///
/// Directories that don't belong to a container begin with `_`, which container names can't.
#[derive(Debug, Clone)]
pub struct PodDirectory(PathBuf);

impl PodDirectory {
    /// The directory of the Pod with this uid.
    pub fn new(options: &RunnerOptions, uid: &str) -> Self {
        Self(options.pods_dir().join(uid))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The Pod's own volumes.
    pub fn volumes(&self) -> PathBuf {
        self.0.join("_volumes")
    }

    /// The kubeconfig of the Pod's service account.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("_kubeconfig")
    }

    /// The log of one run of a container.
    pub fn log(&self, container: &str, restart: i32) -> PathBuf {
        self.0.join(container).join(format!("{restart}.log"))
    }
}

/// The context that the containers of one Pod share.
pub struct PodContext<'a> {
    /// The runner's options.
    pub options: &'a RunnerOptions,
    /// The Pod, with its address in the status.
    pub pod: &'a Pod,
    /// ConfigMaps and Secrets.
    pub sources: &'a Sources,
    /// Directories of the volumes.
    pub volumes: &'a HashMap<String, PathBuf>,
    /// The Pod's directory.
    pub directory: &'a PodDirectory,
    /// Its kubeconfig, if it has a service account token.
    pub kubeconfig: Option<&'a Path>,
}

impl PodContext<'_> {
    /// The process of run number `restart` of a container.
    pub fn launch(&self, container: &Container, restart: i32) -> Result<Launch, LaunchError> {
        let (program, args) = image::of_container(&self.options.programs, container)?;
        self.with_program(container, restart, program, args)
    }

    /// The process of a command (a probe, a hook) in a container's environment.
    pub fn exec(&self, container: &Container, restart: i32, command: &[String]) -> Result<Launch, LaunchError> {
        let (program, args) = image::of_command(&self.options.programs, command)?;
        self.with_program(container, restart, program, args)
    }

    fn with_program(
        &self,
        container: &Container,
        restart: i32,
        program: super::options::ProgramSpec,
        args: Vec<String>,
    ) -> Result<Launch, LaunchError> {
        let own = variables::of_container(self.pod, container, self.sources)?;
        let message = self
            .directory
            .0
            .join("_termination")
            .join(format!("{}-{restart}", container.name));
        let rewrite = self.rewrite(container, &own, &message)?;
        let home = self.make(self.directory.0.join("_home").join(&container.name))?;
        self.make(self.directory.0.join("_termination"))?;
        let temporary = match rewrite.path("/tmp") {
            Some(mounted) => mounted,
            None => self.make(self.directory.0.join("_tmp").join(&container.name))?,
        };
        let directory = container
            .working_dir
            .as_deref()
            .and_then(|path| rewrite.path(path))
            .unwrap_or(home.clone());
        let mut env = self.base(&home, &temporary);
        env.extend(own.iter().map(|(name, value)| (name.clone(), rewrite.apply(value))));
        let args = args.iter().map(|argument| rewrite.apply(&expand(argument, &own)));
        Ok(Launch {
            program: program.program,
            args: program.args.iter().cloned().chain(args).collect(),
            env,
            directory,
            log: self.directory.log(&container.name, restart),
            message,
        })
    }

    fn rewrite(
        &self,
        container: &Container,
        own: &BTreeMap<String, String>,
        message: &Path,
    ) -> Result<Rewrite, LaunchError> {
        let address = self.pod.status.as_ref().and_then(|status| status.pod_ip.clone());
        let mut rewrite = Rewrite::new(address);
        for mount in container.volume_mounts.iter().flatten() {
            let volume = self.volumes.get(&mount.name).ok_or_else(|| LaunchError::Mount {
                path: mount.mount_path.clone(),
                volume: mount.name.clone(),
            })?;
            let below = match (&mount.sub_path, &mount.sub_path_expr) {
                (Some(path), _) => path.clone(),
                (None, Some(path)) => expand(path, own),
                (None, None) => String::new(),
            };
            let host = if below.is_empty() {
                volume.clone()
            } else {
                volume.join(below.trim_start_matches('/'))
            };
            if !host.exists() {
                self.make(host.clone())?;
            }
            rewrite.mount(&mount.mount_path, &host);
        }
        rewrite.mount(
            container
                .termination_message_path
                .as_deref()
                .unwrap_or("/dev/termination-log"),
            message,
        );
        Ok(rewrite)
    }

    fn base(&self, home: &Path, temporary: &Path) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        env.insert("HOME".into(), home.display().to_string());
        env.insert("TMPDIR".into(), temporary.display().to_string());
        if let Some(kubeconfig) = self.kubeconfig {
            env.insert("KUBECONFIG".into(), kubeconfig.display().to_string());
        }
        env
    }

    fn make(&self, path: PathBuf) -> Result<PathBuf, LaunchError> {
        fs::create_dir_all(&path).map_err(|source| LaunchError::Directory {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn launched(container: Value, kubeconfig: Option<&str>) -> (tempfile::TempDir, Result<Launch, LaunchError>) {
        let state = tempfile::tempdir().expect("a directory");
        let options = RunnerOptions::new(state.path()).program("worker", "/bin/sandbox", &["worker"]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "namespace": "ns", "uid": "u" },
            "spec": { "containers": [container] },
            "status": { "podIP": "127.80.0.9" },
        }))
        .expect("a Pod");
        let volumes = HashMap::from([("data".to_string(), state.path().join("vol"))]);
        let directory = PodDirectory::new(&options, "u");
        let context = PodContext {
            options: &options,
            pod: &pod,
            sources: &Sources::new(),
            volumes: &volumes,
            directory: &directory,
            kubeconfig: kubeconfig.map(Path::new),
        };
        let container = pod.spec.as_ref().expect("a spec").containers[0].clone();
        let launch = context.launch(&container, 2);
        (state, launch)
    }

    #[test]
    fn arguments_and_variables_speak_of_this_machine() {
        let (state, launch) = launched(
            json!({
                "name": "main", "image": "x/worker:1", "workingDir": "/data/w",
                "args": ["--dataset", "/data/set/a.csv", "--termination-log=/dev/termination-log", "$(BIND)", "$(MODE)"],
                "env": [{ "name": "BIND", "value": "0.0.0.0:80" }, { "name": "STORE", "value": "/data/store" }],
                "volumeMounts": [{ "name": "data", "mountPath": "/data/set", "subPath": "in" }, { "name": "data", "mountPath": "/data" }],
            }),
            None,
        );
        let launch = launch.expect("a launch");
        let at = |path: &str| state.path().join(path).display().to_string();
        assert_eq!(
            launch.args,
            [
                "worker".to_string(),
                "--dataset".into(),
                at("vol/in/a.csv"),
                format!("--termination-log={}", at("pods/u/_termination/main-2")),
                "127.80.0.9:80".into(),
                "$(MODE)".into(),
            ]
        );
        assert_eq!(launch.env["STORE"], at("vol/store"));
        assert_eq!(launch.directory, state.path().join("vol/w"));
        assert_eq!(launch.log, state.path().join("pods/u/main/2.log"));
        let mut names: Vec<&str> = launch.env.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["BIND", "HOME", "PATH", "STORE", "TMPDIR"]);
    }

    #[test]
    fn pods_with_an_account_get_its_kubeconfig() {
        let (_state, launch) = launched(json!({ "name": "main", "image": "worker" }), Some("/etc/kubeconfig"));
        assert_eq!(launch.expect("a launch").env["KUBECONFIG"], "/etc/kubeconfig");
    }

    #[test]
    fn a_mount_without_a_volume_is_named() {
        let mounts = json!([{ "name": "no", "mountPath": "/x" }]);
        let (_state, launch) = launched(
            json!({ "name": "main", "image": "worker", "volumeMounts": mounts }),
            None,
        );
        let error = launch.expect_err("no volume").to_string();
        assert_eq!(
            error,
            "volume mount /x names the volume no, which the pod does not have"
        );
    }
}
