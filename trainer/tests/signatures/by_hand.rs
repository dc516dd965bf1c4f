//! Versions that are signed by hand, by the trainer's command and by the real client.

use std::path::Path;
use std::process::Command;

use complaint_harness::{Case, PythonWithModelSigning, S3Server, Weed, tests};
use complaint_model::Sha256Digest;
use complaint_signature::Manifest;
use serde_json::{Value, json};

use crate::folder::{COVERED, Pair, client_accepts, command, names, opened, sign, train, verify};
use crate::support::{Job, csv, rows, trainer};

pub fn tests() -> Vec<Case> {
    tests![versions_are_signed_by_hand, a_bucket_has_signatures_too]
}

fn versions_are_signed_by_hand(python: PythonWithModelSigning) {
    let job = Job::new();
    let (pair, theirs) = (Pair::new(&job, "signing"), Pair::new(&job, "theirs"));
    let data = job.file("data.csv", csv(&rows()));
    let folder = train(&job, &data, None);
    assert_eq!(verify(&folder, &[&pair]).unwrap_err()["reason"], "SignatureMissing");
    let signed = sign(&folder, &pair);
    assert_eq!(
        (names(&signed["files"]), &signed["key"]),
        (COVERED.to_vec(), &json!(pair.id()))
    );
    assert!(client_accepts(&python, &folder, &pair));
    // What a promotion and later trainings add changes nothing.
    std::fs::write(folder.join("results/cards-9.json"), "{}").unwrap();
    assert!(client_accepts(&python, &folder, &pair));
    // A file that nobody signed is told, and the client refuses it unless it is told to ignore it.
    std::fs::write(folder.join("notes.txt"), "later").unwrap();
    assert_eq!(verify(&folder, &[&pair]).unwrap()["uncovered"], json!(["notes.txt"]));
    assert!(!client_accepts(&python, &folder, &pair));

    // The real client signs: the folder, and the model alone.
    let client_signs = |what: &Path| {
        let signed = Command::new(&python)
            .args(["-m", "model_signing", "sign", "key"])
            .arg(what)
            .arg("--private_key")
            .arg(&theirs.private)
            .arg("--signature")
            .arg(folder.join("model.sig"))
            .output()
            .unwrap();
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    };
    client_signs(&folder);
    let verified = verify(&folder, &[&theirs]).unwrap();
    assert_eq!(verified["key"], json!(theirs.id()));
    assert!(names(&verified["files"]).contains(&"notes.txt"));
    client_signs(&folder.join("model.safetensors"));
    assert_eq!(names(&verify(&folder, &[&theirs]).unwrap()["files"]), ["."]);
    let manifest = Manifest::of_statement(&opened(&folder, "model.sig", &theirs).statement).unwrap();
    let model = Sha256Digest::of_bytes(&std::fs::read(folder.join("model.safetensors")).unwrap());
    assert_eq!(manifest.check("model.safetensors", model), Ok(()));

    let empty = job.path("empty");
    std::fs::create_dir(&empty).unwrap();
    for name in ["sign", "verify"] {
        let key = if name == "sign" {
            "--signing-key"
        } else {
            "--public-key"
        };
        let file = if name == "sign" { &pair.private } else { &pair.public };
        let output = command(name, &empty, &[key, file.to_str().unwrap()]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(
            told.contains("model.safetensors") && told.contains("--folder"),
            "{told}"
        );
    }
}

fn a_bucket_has_signatures_too(weed: Weed) {
    let server = S3Server::start(&weed);
    server.put("models", "made", b"");
    let job = Job::new();
    let (old, new) = (Pair::new(&job, "old"), Pair::new(&job, "new"));
    let data = job.file("data.csv", csv(&rows()));
    let endpoint = format!("http://{}", server.address);
    let variables = [
        ("STORE_AWS_ENDPOINT", endpoint.as_str()),
        ("STORE_AWS_ACCESS_KEY_ID", "key"),
        ("STORE_AWS_SECRET_ACCESS_KEY", "a-secret"),
    ];
    let key = ["--signing-key", old.private.to_str().unwrap()];
    let mut folder = String::new();
    // Unsigned at first; then the same training signs what is there.
    for arguments in [&[][..], &key] {
        let ended = job.run_as(&data, "s3://models/a", arguments, &variables);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = ended.message["artifact"]["path"].as_str().unwrap();
        folder = format!("s3://models/a/{}", path.rsplit_once('/').unwrap().0);
    }
    let run = |name: &str, arguments: &[&str]| -> Result<Value, Value> {
        let mut command = trainer();
        command.args([name, "--folder", &folder]).args(arguments);
        let output = command.args(["--format", "json"]).envs(variables).output().unwrap();
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => Err(serde_json::from_slice::<Value>(&output.stderr).unwrap()["error"].take()),
        }
    };
    let verified = |pair: &Pair| run("verify", &["--public-key", pair.public.to_str().unwrap()]);
    let found = verified(&old).unwrap();
    assert_eq!(names(&found["files"]), COVERED);
    assert_eq!(found["provenance"]["key"], json!(old.id()));
    // Rotated: the provenance is signed again only if its signer is known.
    let next = ["--signing-key", new.private.to_str().unwrap()];
    assert_eq!(run("sign", &next).unwrap()["provenance"], false);
    assert_eq!(verified(&old).unwrap_err()["reason"], "SignatureInvalid");
    let refused = verified(&new).unwrap_err();
    assert!(
        refused["message"].as_str().unwrap().contains("provenance.intoto.json"),
        "{refused}"
    );
    let known = [&next[..], &["--public-key", old.public.to_str().unwrap()]].concat();
    assert_eq!(run("sign", &known).unwrap()["provenance"], true);
    assert_eq!(verified(&new).unwrap()["provenance"]["key"], json!(new.id()));
}
