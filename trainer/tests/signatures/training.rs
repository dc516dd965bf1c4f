//! What a training signs.

use std::path::Path;

use complaint_harness::{Case, PythonWithModelSigning, tests};
use complaint_model::Sha256Digest;
use complaint_signature::Provenance;
use serde_json::json;

use crate::folder::{COVERED, Pair, client_accepts, files, names, opened, train, verify};
use crate::support::{Job, csv, rows, trainer};

pub fn tests() -> Vec<Case> {
    tests![
        a_training_signs_what_it_writes,
        a_version_that_exists_gets_its_signature,
        a_training_by_hand_leaves_no_signature_of_another_model,
    ]
}

fn a_training_signs_what_it_writes(python: PythonWithModelSigning) {
    let job = Job::new();
    let (pair, other) = (Pair::new(&job, "signing"), Pair::new(&job, "other"));
    let data = job.file("data.csv", csv(&rows()));
    let folder = train(&job, &data, Some(&pair));
    let verified = verify(&folder, &[&other, &pair]).unwrap();
    assert_eq!(names(&verified["files"]), COVERED);
    assert_eq!(
        (&verified["key"], &verified["uncovered"]),
        (&json!(pair.id()), &json!([]))
    );
    assert!(
        folder.join("results/cards-1.json").exists(),
        "results come later, and are not covered"
    );
    assert!(client_accepts(&python, &folder, &pair));
    assert!(!client_accepts(&python, &folder, &other), "another key");
    let refused = verify(&folder, &[&other]).unwrap_err();
    assert_eq!(refused["reason"], "SignatureInvalid");
    assert!(refused["message"].as_str().unwrap().contains(&pair.id()), "{refused}");

    // The provenance: builder, data, settings, software.
    let provenance = opened(&folder, "provenance.intoto.json", &pair);
    let read = Provenance::of_statement(&provenance.statement).unwrap();
    let digest = |path: &Path| Sha256Digest::of_bytes(&std::fs::read(path).unwrap());
    assert_eq!(read.model, digest(&folder.join("model.safetensors")));
    assert_eq!(read.report, digest(&folder.join("report.json")));
    assert_eq!(read.dataset, digest(&data));
    assert_eq!(read.run.as_deref(), Some("uid-1"));
    assert_eq!(read.software.trainer, env!("CARGO_PKG_VERSION"));
    assert_eq!(read.settings["search"]["folds"], 4);
    assert_eq!(read.settings["dataset"]["textField"], "narrative");
    assert_eq!(verified["provenance"]["datasetSha256"], json!(read.dataset));
    let text = String::from_utf8(provenance.statement).unwrap();
    assert!(!text.contains(data.to_str().unwrap()), "no path: {text}");

    // Equal input and key give equal bytes.
    let mut again = Job::new();
    again.config = job.config.clone();
    let twin = train(&again, &again.file("data.csv", csv(&rows())), Some(&pair));
    for file in ["model.sig", "provenance.intoto.json"] {
        assert_eq!(
            std::fs::read(folder.join(file)).unwrap(),
            std::fs::read(twin.join(file)).unwrap(),
            "{file}"
        );
    }

    // A changed byte of any covered file.
    for file in COVERED {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        std::fs::write(folder.join(file), changed).unwrap();
        let refused = verify(&folder, &[&pair]).unwrap_err();
        assert_eq!(refused["reason"], "SignatureInvalid", "{file}");
        assert!(refused["message"].as_str().unwrap().contains(file), "{refused}");
        assert!(!client_accepts(&python, &folder, &pair), "{file}");
        std::fs::write(folder.join(file), bytes).unwrap();
    }
    let lost = folder.join("report.html");
    let page = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    assert_eq!(verify(&folder, &[&pair]).unwrap_err()["reason"], "SignatureInvalid");
    std::fs::write(&lost, page).unwrap();

    // A provenance of another model, and none at all.
    let other_job = other_model(&job);
    let foreign = train(&other_job, &data, Some(&pair));
    std::fs::copy(
        foreign.join("provenance.intoto.json"),
        folder.join("provenance.intoto.json"),
    )
    .unwrap();
    let refused = verify(&folder, &[&pair]).unwrap_err();
    assert!(
        refused["message"].as_str().unwrap().contains("provenance.intoto.json"),
        "{refused}"
    );
    std::fs::remove_file(folder.join("provenance.intoto.json")).unwrap();
    assert!(verify(&folder, &[&pair]).unwrap()["provenance"].is_null());
    std::fs::remove_file(folder.join("model.sig")).unwrap();
    assert_eq!(verify(&folder, &[&pair]).unwrap_err()["reason"], "SignatureMissing");
}

/// A job that makes another model.
fn other_model(job: &Job) -> Job {
    let mut other = Job::new();
    other.config = job.config.clone();
    other.config["features"]["maxFeatures"] = json!(50);
    other
}

fn a_version_that_exists_gets_its_signature(python: PythonWithModelSigning) {
    let mut job = Job::new();
    let (old, new) = (Pair::new(&job, "old"), Pair::new(&job, "new"));
    let data = job.file("data.csv", csv(&rows()));
    let folder = train(&job, &data, None);
    assert!(!folder.join("model.sig").exists() && !folder.join("provenance.intoto.json").exists());

    // The same training once more writes the same files, so it can vouch for all of them.
    assert_eq!(train(&job, &data, Some(&old)), folder);
    assert_eq!(names(&verify(&folder, &[&old]).unwrap()["files"]), COVERED);
    assert!(client_accepts(&python, &folder, &old));
    let before = std::fs::metadata(folder.join("model.sig")).unwrap().modified().unwrap();
    train(&job, &data, Some(&old));
    let after = std::fs::metadata(folder.join("model.sig")).unwrap().modified().unwrap();
    assert_eq!(before, after, "what is signed is not signed again");

    // Another run makes the same model with a rotated key. It can vouch for the model, and not for the report of the first.
    job.config["name"] = "cards-2".into();
    assert_eq!(train(&job, &data, Some(&new)), folder);
    let verified = verify(&folder, &[&new]).unwrap();
    assert_eq!(names(&verified["files"]), ["model.safetensors"]);
    assert_eq!(
        verified["uncovered"],
        json!(["modelversion.yaml", "report.html", "report.json"])
    );
    assert_eq!(verified["provenance"]["key"], json!(new.id()));
    assert!(client_accepts(&python, &folder, &new), "it is told what is not covered");
    assert_eq!(
        verify(&folder, &[&old]).unwrap_err()["reason"],
        "SignatureInvalid",
        "the old key's is gone"
    );
    assert!(verify(&folder, &[&old, &new]).is_ok());

    // A model that was damaged in the store is written again before it is signed.
    std::fs::write(folder.join("model.safetensors"), "damaged").unwrap();
    std::fs::remove_file(folder.join("model.sig")).unwrap();
    train(&job, &data, Some(&new));
    assert_eq!(names(&verify(&folder, &[&new]).unwrap()["files"]), COVERED);

    // The files go with the version.
    let sha256 = folder.file_name().unwrap().to_str().unwrap();
    let bytes: u64 = files(&folder).iter().map(|file| file.metadata().unwrap().len()).sum();
    let request = json!({ "namespace": "default", "classifier": "cards", "digests": [sha256] }).to_string();
    let store = job.path("store").display().to_string();
    let deleted = job.short(&["delete", "--store", &store, "--request", &request]);
    assert_eq!(deleted.message["deletedBytes"], json!(bytes), "{}", deleted.stderr);
    assert!(!folder.exists());
}

fn a_training_by_hand_leaves_no_signature_of_another_model() {
    let job = Job::new();
    let pair = Pair::new(&job, "signing");
    let data = job.file("data.csv", csv(&rows()));
    let out = job.path("out");
    let train = |arguments: &[&str]| {
        let output = trainer()
            .args([
                "train",
                "--text-field",
                "narrative",
                "--label-field",
                "product",
                "--min-document-frequency",
                "2",
            ])
            .args([
                "--algorithm",
                "complement-naive-bayes",
                "--alpha",
                "0.5",
                "--folds",
                "2",
                "--data",
            ])
            .arg(&data)
            .arg("--out")
            .arg(&out)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    train(&["--signing-key", pair.private.to_str().unwrap()]);
    let verified = verify(&out, &[&pair]).unwrap();
    assert_eq!(names(&verified["files"]), COVERED);
    assert!(verified["provenance"].is_object());
    train(&["--max-features", "50"]);
    assert_eq!(verify(&out, &[&pair]).unwrap_err()["reason"], "SignatureMissing");
    assert!(!out.join("provenance.intoto.json").exists());
}
