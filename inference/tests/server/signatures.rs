//! The signature beside a model: who demands it, and what happens without a valid one.

use std::path::PathBuf;
use std::process::Output;

use complaint_model::Sha256Digest;
use complaint_signature::{MAX_BYTES, Manifest, SigningKey, sign};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::post;
use crate::model::{self, CARDS};
use crate::reload::{metric, reloads};
use crate::remote::Files;
use crate::running::{Running, program};

/// A folder with the model and with keys.
pub struct Folder {
    directory: TempDir,
    pub digest: Sha256Digest,
}

pub fn key() -> SigningKey {
    SigningKey::from_pem(rcgen::KeyPair::generate().unwrap().serialize_pem().as_bytes()).unwrap()
}

/// The signature of a model file with this digest.
pub fn signature(file: &str, digest: Sha256Digest, key: &SigningKey) -> Vec<u8> {
    sign(
        &Manifest::new("cards", [(file.to_owned(), digest)], []).to_statement(),
        key,
    )
}

impl Folder {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (bytes, digest) = model::file();
        std::fs::write(directory.path().join("model.safetensors"), bytes).unwrap();
        Self { directory, digest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    fn public(&self, name: &str, key: &SigningKey) -> String {
        self.write(name, key.public().to_pem())
    }

    fn sign(&self, key: &SigningKey) {
        self.write("model.sig", signature("model.safetensors", self.digest, key));
    }

    fn arguments<'a>(&'a self, model: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
        [&["--model", model][..], extra].concat()
    }

    /// Starts a server that must serve.
    fn serves(&self, extra: &[&str]) -> Running {
        let model = self.path("model.safetensors").display().to_string();
        Running::start(&self.arguments(&model, extra))
    }

    /// Starts a server that must not serve: its exit code, and the reason and message of its last words.
    fn refuses(&self, extra: &[&str]) -> (i32, String, String) {
        let model = self.path("model.safetensors").display().to_string();
        let log = self.path("termination-log");
        let output = program()
            .args(self.arguments(&model, extra))
            .args(["--bind", "127.0.0.1:0", "--termination-log"])
            .arg(&log)
            .output()
            .unwrap();
        last_words(&output, &std::fs::read(&log).unwrap())
    }
}

fn last_words(output: &Output, log: &[u8]) -> (i32, String, String) {
    assert!(output.stdout.is_empty(), "it never listened");
    let last: Value = serde_json::from_slice(log).unwrap();
    let part = |name: &str| last["error"][name].as_str().unwrap().to_owned();
    (output.status.code().unwrap(), part("reason"), part("message"))
}

/// The policies, beside what stands beside the model.
#[tokio::test]
async fn a_policy_decides_what_is_served() {
    let folder = Folder::new();
    let (ours, stranger) = (key(), key());
    let public = folder.public("signing.pub", &ours);
    let name = "model.safetensors";
    let good = signature(name, folder.digest, &ours);
    let mut changed: Value = serde_json::from_slice(&good).unwrap();
    changed["dsseEnvelope"]["payload"] = "e30=".into();
    let huge = vec![b' '; MAX_BYTES as usize + 1];
    let (missing, invalid) = (Some("SignatureMissing"), Some("SignatureInvalid"));
    type Case<'a> = (&'a str, Option<Vec<u8>>, Option<&'a str>, Option<&'a str>, &'a str);
    let cases: Vec<Case> = vec![
        ("signed", Some(good.clone()), None, None, ""),
        ("unsigned", None, missing, None, "complaint-trainer sign"),
        (
            "by a stranger",
            Some(signature(name, folder.digest, &stranger)),
            invalid,
            invalid,
            "none of the public keys",
        ),
        (
            "of other bytes",
            Some(signature(name, Sha256Digest::of_bytes(b"other"), &ours)),
            invalid,
            invalid,
            "is for another model.safetensors",
        ),
        (
            "of another file",
            Some(signature("report.json", folder.digest, &ours)),
            invalid,
            invalid,
            "does not cover model.safetensors",
        ),
        (
            "a swapped payload",
            Some(changed.to_string().into()),
            invalid,
            invalid,
            "was changed",
        ),
        (
            "cut",
            Some(good[..good.len() / 2].to_vec()),
            invalid,
            invalid,
            "not a Sigstore bundle",
        ),
        ("empty", Some(Vec::new()), invalid, invalid, "not a Sigstore bundle"),
        (
            "garbage",
            Some(vec![0xff; 100]),
            invalid,
            invalid,
            "not a Sigstore bundle",
        ),
        ("huge", Some(huge), invalid, invalid, "1048576 bytes"),
    ];
    for (what, signature, required, if_signed, words) in cases {
        let _ = std::fs::remove_file(folder.path("model.sig"));
        if let Some(signature) = signature {
            folder.write("model.sig", signature);
        }
        for (policy, refusal) in [("required", required), ("if-signed", if_signed), ("ignore", None)] {
            let arguments = ["--verification", policy, "--public-key", &public];
            match refusal {
                None => {
                    let server = folder.serves(&arguments);
                    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
                    assert_eq!(answer["category"], "Cards", "{what}, {policy}");
                }
                Some(expected) => {
                    let (code, reason, message) = folder.refuses(&arguments);
                    assert_eq!((code, reason.as_str()), (65, expected), "{what}, {policy}: {message}");
                    assert!(message.contains(words), "{what}, {policy}: {message}");
                }
            }
        }
        // Off by default.
        drop(folder.serves(&[]));
    }
}

#[test]
fn any_of_the_keys_counts_as_a_file_or_as_its_text() {
    let folder = Folder::new();
    let (old, new) = (key(), key());
    folder.sign(&old);
    let (old_file, new_file) = (folder.public("old.pub", &old), folder.public("new.pub", &new));
    let both = folder.write("both.pub", old.public().to_pem() + &new.public().to_pem());
    let text = old.public().to_pem();
    let required = ["--verification", "required"];
    for keys in [
        vec!["--public-key", &old_file],
        vec!["--public-key", &new_file, "--public-key", &old_file],
        vec!["--public-key", &both],
        vec!["--public-key", &text],
        vec!["--public-key", text.trim()],
        vec!["--public-key", &new_file, "--public-key", &text],
    ] {
        let server = folder.serves(&[&required[..], &keys].concat());
        let log = server.log();
        assert!(log.contains(&old.public().id().to_string()), "it says which key: {log}");
    }
    // The key was rotated: what only the old one signed is refused until it is signed again.
    let rotated = [&required[..], &["--public-key", &new_file]].concat();
    let (code, reason, message) = folder.refuses(&rotated);
    assert_eq!((code, reason.as_str()), (65, "SignatureInvalid"));
    assert!(message.contains(&old.public().id().to_string()), "{message}");
    folder.sign(&new);
    drop(folder.serves(&rotated));
}

#[test]
fn a_key_that_cannot_be_used_is_an_argument_error() {
    let folder = Folder::new();
    folder.sign(&key());
    let marked = "bWFya2VkIG1hdGVyaWFs";
    let private = folder.write(
        "private.key",
        format!("-----BEGIN PRIVATE KEY-----\n{marked}\n-----END PRIVATE KEY-----\n"),
    );
    let empty = folder.write("empty.pub", "");
    let damaged = format!("-----BEGIN PUBLIC KEY-----\n{marked}\n-----END PUBLIC KEY-----\n");
    let absent = folder.path("absent.pub").display().to_string();
    for (keys, words) in [
        (vec![], "add --public-key"),
        (vec!["--public-key", absent.as_str()], "absent.pub"),
        (vec!["--public-key", &private], "private.key has no public key"),
        (vec!["--public-key", &empty], "openssl ec -in"),
        (vec!["--public-key", &damaged], "the text given as number 1"),
    ] {
        for policy in ["required", "if-signed"] {
            let (code, reason, message) = folder.refuses(&[&["--verification", policy][..], &keys].concat());
            assert_eq!((code, reason.as_str()), (64, "InvalidArguments"), "{message}");
            assert!(message.contains(words) && !message.contains(marked), "{message}");
        }
    }
    let output = program()
        .args(["--model", "m", "--verification", "maybe"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64));
    assert!(told.contains("required, if-signed, ignore"), "{told}");
}

#[tokio::test]
async fn a_model_that_takes_over_is_verified_too() {
    let folder = Folder::new();
    let ours = key();
    folder.sign(&ours);
    let public = folder.public("signing.pub", &ours);
    let server = folder.serves(&["--verification", "required", "--public-key", &public]);
    let (other, digest) = model::file_with(["A", "B", "C"]);
    folder.write("model.safetensors", other);
    let outcome = async |name: &str, count: u32| {
        server.signal("-HUP");
        metric(server.address, &reloads(name, count)).await;
    };
    outcome("refused", 1).await;
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
    assert_eq!(answer["category"], "Cards", "the model in service stays");
    // Signed by another key; with that key's public one, it takes over.
    let next = key();
    folder.write("model.sig", signature("model.safetensors", digest, &next));
    outcome("refused", 2).await;
    folder.public("signing.pub", &next);
    outcome("swapped", 1).await;
    let answer = post(server.address, "/predict", &json!({ "text": CARDS })).await.json();
    assert_eq!(answer["category"], "A");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_fetched_only_when_it_counts() {
    let (bytes, digest) = model::file();
    let (old, new) = (key(), key());
    let good = signature("model.safetensors", digest, &old);
    let files = [
        ("/m/model.safetensors", bytes.clone()),
        ("/m/model.sig", good),
        ("/unsigned/model.safetensors", bytes.clone()),
        ("/huge/model.safetensors", bytes.clone()),
        ("/huge/model.sig", vec![b' '; MAX_BYTES as usize + 1]),
        ("/barred/model.safetensors", bytes),
    ];
    let (shelf, address) = Files::serve(&files, 0).await;
    let folder = Folder::new();
    let cache = folder.path("cache").display().to_string();
    let digest_text = digest.prefixed();
    let (old_pem, new_pem) = (old.public().to_pem(), new.public().to_pem());
    let url = |path: &str| format!("http://{address}{path}/model.safetensors");
    let start =
        |url: &str, extra: &[&str]| Running::start(&[&["--model", url, "--digest", &digest_text][..], extra].concat());
    let refused = |url: &str, extra: &[&str]| {
        let log = folder.path("termination-log");
        let output = program()
            .args([
                "--model",
                url,
                "--digest",
                &digest_text,
                "--bind",
                "127.0.0.1:0",
                "--fetch-timeout",
                "300ms",
            ])
            .args(extra)
            .arg("--termination-log")
            .arg(&log)
            .output()
            .unwrap();
        last_words(&output, &std::fs::read(&log).unwrap())
    };

    drop(start(&url("/m"), &["--public-key", &old_pem]));
    assert_eq!(shelf.asked("/m/model.sig"), 0, "no request without a policy");

    let required = ["--verification", "required", "--public-key", &old_pem];
    let cached = [&required[..], &["--cache", &cache]].concat();
    drop(start(&url("/m"), &cached));
    drop(start(&url("/m"), &cached));
    assert_eq!(
        shelf.asked("/m/model.sig"),
        1,
        "then it is in the cache, beside the model"
    );
    // Once its key does not count any more, the store may have a newer one.
    let rotated = [
        "--verification",
        "required",
        "--public-key",
        &new_pem,
        "--cache",
        &cache,
    ];
    let (code, reason, _) = refused(&url("/m"), &rotated);
    assert_eq!((code, reason.as_str()), (65, "SignatureInvalid"));
    assert_eq!(shelf.asked("/m/model.sig"), 2);
    shelf.put("/m/model.sig", signature("model.safetensors", digest, &new));
    drop(start(&url("/m"), &rotated));
    drop(start(&url("/m"), &rotated));
    assert_eq!(shelf.asked("/m/model.sig"), 3);

    let (code, reason, message) = refused(&url("/unsigned"), &required);
    assert_eq!((code, reason.as_str()), (65, "SignatureMissing"), "{message}");
    assert!(message.contains(&url("/unsigned")), "{message}");
    let if_signed = ["--verification", "if-signed", "--public-key", &old_pem];
    drop(start(&url("/unsigned"), &if_signed));
    let (code, reason, message) = refused(&url("/huge"), &required);
    assert_eq!((code, reason.as_str()), (65, "SignatureInvalid"), "{message}");
    // A store that does not answer is no verdict about the model: not even with if-signed.
    shelf.deny("/barred/model.sig");
    for policy in [&required, &if_signed] {
        let (code, reason, message) = refused(&url("/barred"), policy);
        assert_eq!((code, reason.as_str()), (1, "ModelUnavailable"), "{message}");
        assert!(message.contains("signature"), "{message}");
    }
}
