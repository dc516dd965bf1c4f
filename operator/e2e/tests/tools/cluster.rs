//! A sandbox in its own process, and the tools that run against it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

pub struct Answer {
    pub ok: bool,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A sandbox that ends with its standard input, and a home directory for the caches of tools.
pub struct Cluster {
    child: Child,
    _output: BufReader<ChildStdout>,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Cluster {
    pub fn start(flags: &[&str]) -> Self {
        Self::with(flags, &[])
    }

    /// With these variables for all of its programs.
    pub fn with(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        // With a relative state directory, pods must find the kubeconfig too.
        let mut child = Command::new(env!("CARGO_BIN_EXE_complaint-e2e"))
            .args(["start", "--lifeline", "--state", "state"])
            .args(flags)
            .envs(variables.iter().copied())
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let kubeconfig = loop {
            let mut line = String::new();
            let read = output.read_line(&mut line).expect("its output is text");
            assert!(read > 0, "the sandbox ended before it named its kubeconfig");
            if let Some(path) = line.strip_prefix("kubeconfig") {
                break home.path().join(path.trim());
            }
        };
        Self {
            child,
            _output: output,
            kubeconfig,
            home,
        }
    }

    /// One with the product's kinds and without its operator.
    pub fn with_definitions(kubectl: &Path) -> Self {
        let cluster = Self::start(&[]);
        cluster.ok(kubectl, "apply --server-side -f crds");
        cluster.ok(
            kubectl,
            "wait --for=condition=Established --timeout=60s crd/complaintclassifiers.complaints.dev",
        );
        cluster
    }

    pub fn command<'a>(&self, tool: &Path, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(tool);
        command
            .args(args)
            .current_dir(root())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path());
        command
    }

    pub fn run(&self, tool: &Path, args: &str, input: &str) -> Answer {
        finish(self.command(tool, args.split_whitespace()), input)
    }

    /// Like [`Cluster::run`], with arguments that may have spaces.
    pub fn call(&self, tool: &Path, args: &[&str], input: &str) -> Answer {
        finish(self.command(tool, args.iter().copied()), input)
    }

    /// Starts a tool that goes on until it is killed.
    pub fn spawn(&self, tool: &Path, args: &str) -> Child {
        let mut command = self.command(tool, args.split_whitespace());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().expect("the tool starts")
    }

    /// Like [`Cluster::run`], with a sed script as the editor.
    pub fn edit(&self, tool: &Path, args: &str, script: &str) -> Answer {
        let mut command = self.command(tool, args.split_whitespace());
        command.env("KUBE_EDITOR", format!("sed -i -e '{script}'"));
        finish(command, "")
    }

    /// Runs a script of the documentation in `directory`, with the product's programs and the tools in `PATH`.
    pub fn bash(&self, script: &str, directory: &Path, variables: &[(&str, String)]) -> Answer {
        let programs = self.home.path().join("bin");
        std::fs::create_dir_all(&programs).expect("a directory");
        for name in ["operator", "trainer", "inference"] {
            let call = format!("exec '{}' exec {name} \"$@\"", env!("CARGO_BIN_EXE_complaint-e2e"));
            program(&programs.join(format!("complaint-{name}")), &call);
        }
        let plugin = format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_complaint-e2e-plugin"));
        program(&programs.join("kubectl-complaints"), &plugin);
        for (variable, name) in [("KUBECTL", "kubectl"), ("HELM", "helm"), ("PYTHON", "python3")] {
            if let Some(path) = std::env::var_os(variable) {
                program(
                    &programs.join(name),
                    &format!("exec '{}' \"$@\"", Path::new(&path).display()),
                );
            }
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path))).expect("a PATH");
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(directory)
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.home.path())
            .envs(variables.iter().map(|(name, value)| (name, value)));
        finish(command, "")
    }

    /// A file in the directory that the sandbox runs in.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is readable")
    }

    /// Its path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The files of a claim in the namespace `default`, sorted.
    pub fn files(&self, claim: &str) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, files: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    walk(&path, root, files);
                } else {
                    files.push(path.strip_prefix(root).expect("below it").display().to_string());
                }
            }
        }
        let root = self.home.path().join("state/volumes/default").join(claim);
        let mut files = Vec::new();
        walk(&root, &root, &mut files);
        files.sort();
        files
    }

    /// The output of the tool, which must succeed.
    pub fn ok(&self, tool: &Path, args: &str) -> String {
        let answer = self.run(tool, args, "");
        if !answer.ok && args.starts_with("wait ") {
            // What came instead of what was awaited.
            let state = self.run(tool, "get cc,tr,mv,job,pod,event -o yaml", "");
            panic!("{args}:\n{}{}{}", answer.out, answer.err, state.out);
        }
        assert!(answer.ok, "{args}:\n{}{}", answer.out, answer.err);
        answer.out
    }
}

/// Writes a program that is a line of shell.
fn program(path: &Path, line: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{line}\n")).expect("it can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it can be made a program");
}

fn finish(mut command: Command, input: &str) -> Answer {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    // A tool that does not read its input may have closed it.
    let _ = child
        .stdin
        .take()
        .expect("its input is piped")
        .write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the tool ends");
    Answer {
        ok: output.status.success(),
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The directory is removed after every process in it has ended.
        let _ = self.child.wait();
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

pub fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples").join(name)).expect("the example is readable")
}
