//! A signed folder, as the trainer and the real client see it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use complaint_harness::PythonWithModelSigning;
use complaint_signature::{Opened, PublicKey, open};
use serde_json::Value;

use crate::support::{Job, trainer};

/// What a signature of a training covers.
pub const COVERED: [&str; 4] = ["model.safetensors", "modelversion.yaml", "report.html", "report.json"];

/// A pair of keys in the files `NAME.key` and `NAME.pub` of the job's directory.
pub struct Pair {
    pub private: PathBuf,
    pub public: PathBuf,
}

impl Pair {
    pub fn new(job: &Job, name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        Self {
            private: job.file(&format!("{name}.key"), key.serialize_pem()),
            public: job.file(&format!("{name}.pub"), key.public_key_pem()),
        }
    }

    pub fn keys(&self) -> Vec<PublicKey> {
        PublicKey::all_from_pem(&std::fs::read(&self.public).unwrap()).unwrap()
    }

    pub fn id(&self) -> String {
        self.keys()[0].id().to_string()
    }
}

/// Trains with a key, or without.
pub fn train(job: &Job, data: &Path, key: Option<&Pair>) -> PathBuf {
    let ended = match key {
        Some(pair) => job.run_with(
            data,
            &["--signing-key", pair.private.to_str().unwrap(), "--run-uid", "uid-1"],
            "2",
        ),
        None => job.run(data),
    };
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sha256 = ended.message["artifact"]["sha256"].as_str().unwrap();
    job.path("store").join("default/cards").join(sha256)
}

pub fn command(name: &str, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = trainer();
    command.arg(name).arg("--folder").arg(folder).args(arguments);
    command.args(["--format", "json"]).output().unwrap()
}

/// What `verify` says: the result, or the error.
pub fn verify(folder: &Path, pairs: &[&Pair]) -> Result<Value, Value> {
    let keys = pairs
        .iter()
        .flat_map(|pair| ["--public-key", pair.public.to_str().unwrap()]);
    let output = command("verify", folder, &keys.collect::<Vec<_>>());
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    assert_eq!(
        output.status.code(),
        Some(65),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Err(serde_json::from_slice::<Value>(&output.stderr).unwrap()["error"].take())
}

pub fn sign(folder: &Path, pair: &Pair) -> Value {
    let output = command("sign", folder, &["--signing-key", pair.private.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn names(files: &Value) -> Vec<&str> {
    let files = files.as_array().unwrap().iter();
    files.map(|file| file["name"].as_str().unwrap()).collect()
}

/// Whether the real client accepts the folder as it is, without options about files.
pub fn client_accepts(python: &PythonWithModelSigning, folder: &Path, pair: &Pair) -> bool {
    let output = Command::new(python)
        .args(["-m", "model_signing", "verify", "key"])
        .arg(folder)
        .arg("--signature")
        .arg(folder.join("model.sig"))
        .arg("--public_key")
        .arg(&pair.public)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("Verification"), "{told}");
    output.status.success()
}

pub fn opened(folder: &Path, file: &str, pair: &Pair) -> Opened {
    open(&std::fs::read(folder.join(file)).unwrap(), &pair.keys()).unwrap()
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
