//! An MLflow tracking server for tests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tool::PythonWithMlflow;

/// How long it may take to start: it makes its database first.
const PATIENCE: Duration = Duration::from_secs(300);

/// A tracking server that stops with the test. Its data outlive [`stop`](Self::stop).
pub struct MlflowServer {
    python: PythonWithMlflow,
    server: Option<Child>,
    /// Its address, without TLS.
    pub address: SocketAddr,
    state: tempfile::TempDir,
    /// Whether files go through it.
    proxied: bool,
}

impl Drop for MlflowServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl MlflowServer {
    /// Starts it with an empty database.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(python: &PythonWithMlflow) -> Self {
        Self::with(python, true)
    }

    /// As [`start`](Self::start), for a server that keeps its clients' files in a folder that it does not serve.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_without_files(python: &PythonWithMlflow) -> Self {
        Self::with(python, false)
    }

    fn with(python: &PythonWithMlflow, proxied: bool) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            python: python.clone(),
            server: None,
            address: free.local_addr().unwrap(),
            state: tempfile::tempdir().unwrap(),
            proxied,
        };
        drop(free);
        server.restart();
        server
    }

    /// The address as a tracking URI.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it again, at the same address and with the same data, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.stop();
        let state = self.state.path().display();
        let mut command = Command::new(&self.python);
        command
            .args([
                "-m",
                "mlflow",
                "server",
                "--workers",
                "1",
                "--host",
                "127.0.0.1",
                "--port",
            ])
            .arg(self.address.port().to_string())
            .arg(format!("--backend-store-uri=sqlite:///{state}/mlflow.db"));
        if self.proxied {
            command.arg(format!("--artifacts-destination={state}/files"));
        } else {
            command
                .arg("--no-serve-artifacts")
                .arg(format!("--default-artifact-root={state}/files"));
        }
        let child = command
            .envs(Self::quiet())
            .current_dir(self.state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.state.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        self.server = Some(child);
        let until = Instant::now() + PATIENCE;
        while !answers(self.address) {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
            let log = || std::fs::read_to_string(self.state.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "the tracking server ended: {}", log());
            assert!(Instant::now() < until, "the tracking server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Stops it, if it runs.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        // Its worker is a process of its own, which ends with it on this signal.
        let _ = Command::new("kill").arg("-TERM").arg(server.id().to_string()).status();
        let until = Instant::now() + Duration::from_secs(20);
        while server.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = server.kill();
        let _ = server.wait();
    }

    /// What a Python script prints that reads the server with MLflow's client. Its first argument is the address of `uri`.
    ///
    /// # Panics
    /// If the script fails.
    pub fn read(&self, script: &Path, arguments: &[&str]) -> String {
        let output = Command::new(&self.python)
            .arg(script)
            .arg(self.uri())
            .args(arguments)
            .envs(Self::quiet())
            .current_dir(self.state.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Variables that keep MLflow from reporting its use, from proxies, and from starting workers that no test needs.
    fn quiet() -> [(&'static str, &'static str); 4] {
        [
            ("MLFLOW_DISABLE_TELEMETRY", "true"),
            ("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"),
            ("NO_PROXY", "127.0.0.1"),
            ("GIT_PYTHON_REFRESH", "quiet"),
        ]
    }
}

/// Whether the server says that it is well.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
