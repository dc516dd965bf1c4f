//! Clients that others wrote: Triton's for Python, one that asks as MLflow's does, the programs of `docs/clients.md`, and
//! schemathesis, which makes its own requests from `/openapi.json`.

use std::path::Path;
use std::process::{Command, Output};

use complaint_harness::{
    Case, Curl, Go, Java, PythonWithKserve, PythonWithMlflow, PythonWithTriton, Schemathesis, tests,
};

use crate::model;
use crate::running::Running;

pub fn tests() -> Vec<Case> {
    tests![
        triton_and_mlflow_clients_are_understood,
        programs_of_the_documentation_classify_from_the_shell,
        programs_of_the_documentation_classify_from_python,
        programs_of_the_documentation_classify_with_the_kserve_sdk,
        programs_of_the_documentation_classify_with_mlflow,
        programs_of_the_documentation_classify_from_java,
        programs_of_the_documentation_classify_from_go,
        schemathesis_finds_the_document_kept
    ]
}

fn started() -> (Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, _) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let server = Running::start(&["--model", path.to_str().unwrap(), "--name", "cards"]);
    (server, directory)
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn triton_and_mlflow_clients_are_understood(python: PythonWithTriton) {
    let (server, _directory) = started();
    let output = Command::new(&python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/clients.py"))
        .arg(server.address.to_string())
        .output()
        .unwrap();
    assert_success(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "all right");
}

/// The blocks of `docs/clients.md` that begin with this line.
fn programs(fence: &str) -> Vec<String> {
    let page = include_str!("../../../docs/clients.md");
    let blocks = page.split("\n```").skip(1).step_by(2);
    let of_fence = blocks.filter_map(|block| block.split_once('\n').filter(|(line, _)| *line == fence));
    let found: Vec<String> = of_fence.map(|(_, program)| format!("{program}\n")).collect();
    assert!(!found.is_empty(), "docs/clients.md has no program in `{fence}`");
    found
}

/// Writes each program into a file, has `runner` run it, and expects the category.
fn each_classifies(fence: &str, file: &str, runner: &Path, arguments: &[&str]) {
    let (server, directory) = started();
    for program in programs(fence) {
        let path = directory.path().join(file);
        std::fs::write(&path, &program).unwrap();
        let output = Command::new(runner)
            .args(arguments)
            .arg(&path)
            .env("URL", format!("http://{}", server.address))
            // Go keeps what it compiles there.
            .env("GOCACHE", directory.path().join("cache"))
            .env("GOFLAGS", "-mod=mod")
            .output()
            .unwrap();
        assert_success(&output);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "Cards", "{program}");
    }
}

fn programs_of_the_documentation_classify_from_the_shell(_curl: Curl) {
    each_classifies("sh", "classify.sh", Path::new("sh"), &["-eu"]);
}

fn programs_of_the_documentation_classify_from_python(python: PythonWithTriton) {
    each_classifies("python", "classify.py", &python, &[]);
}

fn programs_of_the_documentation_classify_with_the_kserve_sdk(python: PythonWithKserve) {
    each_classifies("python kserve", "classify.py", &python, &[]);
}

fn programs_of_the_documentation_classify_with_mlflow(python: PythonWithMlflow) {
    each_classifies("python mlflow", "classify.py", &python, &[]);
}

fn programs_of_the_documentation_classify_from_java(java: Java) {
    each_classifies("java", "Classify.java", &java, &[]);
}

fn programs_of_the_documentation_classify_from_go(go: Go) {
    each_classifies("go", "classify.go", &go, &["run"]);
}

fn schemathesis_finds_the_document_kept(schemathesis: Schemathesis) {
    let (server, directory) = started();
    // Names and versions out of thin air would only ever meet 404.
    let config = directory.path().join("schemathesis.toml");
    let version = server.line["modelDigest"]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:");
    let names = format!("[parameters]\n\"path.model\" = \"cards\"\n\"path.version\" = \"{version}\"\n");
    std::fs::write(&config, names).unwrap();
    let output = Command::new(&schemathesis)
        // It keeps a cache where it is started.
        .current_dir(directory.path())
        .arg("--config-file")
        .arg(config)
        .arg("run")
        .arg(format!("http://{}/openapi.json", server.address))
        // It has no way to write JSON lines; the fuzz target `native` does.
        .args(["--exclude-path", "/predict/stream"])
        .args([
            "--max-examples",
            "50",
            "--seed",
            "1",
            // One: its caches are not safe for threads, and now and then one fails for it.
            "--workers",
            "1",
            "--suppress-health-check",
            "all",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "10",
            "--no-color",
        ])
        .args(["--generation-database", "none", "--checks"])
        .arg("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")
        .output()
        .unwrap();
    assert_success(&output);
}
