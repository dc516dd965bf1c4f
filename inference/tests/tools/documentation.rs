//! `docs/serving.md` tells what the program does: its commands are run.
//!
//! With `UPDATE_DOCS` set, the answers in the page are written anew.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use complaint_contract::segments::{CapturedAnswer, segment_path, text_id};
use complaint_harness::{Case, Curl, tests};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::model;
use crate::running::Running;

pub fn tests() -> Vec<Case> {
    tests![every_command_gives_the_answer_below_it]
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/serving.md")
}

fn started() -> (Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let (bytes, digest) = model::file();
    std::fs::write(&path, bytes).unwrap();
    let report = json!({ "artifactSha256": digest, "metrics": { "macroF1": 0.8 } });
    std::fs::write(directory.path().join("report.json"), report.to_string()).unwrap();
    let (tokens, store) = (directory.path().join("tokens"), directory.path().join("store"));
    std::fs::write(&tokens, "a-token").unwrap();
    let (model, tokens, store) = (
        path.to_str().unwrap(),
        tokens.to_str().unwrap(),
        store.to_str().unwrap(),
    );
    capture(Path::new(store));
    let collecting = ["--store", store, "--feedback-token-file", tokens];
    let server = Running::start(&[&["--model", model, "--name", "cards"], &collecting[..]].concat());
    (server, directory)
}

/// What another server has captured for people.
fn capture(store: &Path) {
    let (day, text) = ("2026-11-30", "my card or my loan");
    let answer = CapturedAnswer {
        time: format!("{day}T09:30:00.000Z"),
        id: text_id(text).to_string(),
        text: text.to_owned(),
        category: "Cards".into(),
        probability: 0.52,
        margin: 0.06,
        second: Some("Loans".into()),
        needs_review: true,
        drawn: false,
        digest: model::file().1,
    };
    let segment = store.join("capture").join(segment_path(day, "00000000000000ff", 1));
    std::fs::create_dir_all(segment.parent().unwrap()).unwrap();
    let mut packed = GzEncoder::new(File::create(segment).unwrap(), Compression::fast());
    writeln!(packed, "{}", serde_json::to_string(&answer).unwrap()).unwrap();
    packed.finish().unwrap();
}

/// A command of the page (behind `$ `) and the answer below it.
struct Example {
    command: String,
    answer: String,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example {
                command: command.to_owned(),
                answer: String::new(),
            });
        } else if inside {
            let answer = &mut examples.last_mut().expect("a command comes first").answer;
            answer.push_str(line);
            answer.push('\n');
        }
    }
    examples
}

/// Whether two answers agree but for numbers.
fn agree(documented: &Value, real: &Value) -> bool {
    match (documented, real) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys().collect::<BTreeSet<_>>() == b.keys().collect::<BTreeSet<_>>()
                && a.iter().all(|(key, value)| agree(value, &b[key]))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        (Value::Number(_), Value::Number(_)) => true,
        (a, b) => a == b,
    }
}

/// Whether two lines agree but for numbers and digests.
fn lines_agree(documented: &str, real: &str) -> bool {
    let digest = regex::Regex::new("[0-9a-f]{64}").unwrap();
    let (documented, real) = (digest.replace_all(documented, "…"), digest.replace_all(real, "…"));
    match (serde_json::from_str(&documented), serde_json::from_str(&real)) {
        (Ok(documented), Ok(real)) => agree(&documented, &real),
        _ => documented.split(char::is_numeric).next() == real.split(char::is_numeric).next(),
    }
}

fn run(command: &str, server: &Running) -> String {
    let command = command.replace("localhost:8080", &server.address.to_string());
    let output = Command::new("sh").args(["-ec", &command]).output().unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn every_command_gives_the_answer_below_it(_: Curl) {
    let (server, _directory) = started();
    let mut text = std::fs::read_to_string(page()).unwrap();
    let examples = examples(&text);
    assert!(examples.len() > 15, "the page has {} commands", examples.len());
    for Example { command, answer } in examples {
        let mut real = run(&command, &server);
        if !real.is_empty() && !real.ends_with('\n') {
            real.push('\n');
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            text = text.replace(&format!("$ {command}\n{answer}"), &format!("$ {command}\n{real}"));
            continue;
        }
        let pairs = || answer.lines().zip(real.lines());
        assert!(
            answer.lines().count() == real.lines().count() && pairs().all(|(a, b)| lines_agree(a, b)),
            "{command}\nthe page says:\n{answer}\nthe server says:\n{real}"
        );
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), text).unwrap();
    }
}
