//! `features.hashingBits`: texts are not kept, buckets are counted, and everything else stays the same.

mod support;

use std::path::{Path, PathBuf};

use complaint_model::{Artifact, Sha256Digest};
use serde_json::{Value, json};
use support::{Ended, Job, csv, rows};

fn hashing(bits: u8) -> Job {
    let mut job = Job::new();
    job.config["features"]["hashingBits"] = json!(bits);
    job
}

fn artifact(job: &Job, ended: &Ended) -> (Vec<u8>, PathBuf) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = job
        .path("store")
        .join(ended.message["artifact"]["path"].as_str().unwrap());
    (std::fs::read(&path).unwrap(), path)
}

fn report(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path.with_file_name("report.json")).unwrap()).unwrap()
}

/// The examples' complaints.
fn complaints() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/complaints.csv")
}

#[test]
fn a_hashed_model_is_about_as_good_and_the_same_on_any_number_of_threads() {
    let run = |bits: Option<u8>, threads: &str| {
        let mut job = Job::new();
        job.config["dataset"]["labelFields"] = json!(["category"]);
        if let Some(bits) = bits {
            job.config["features"]["hashingBits"] = json!(bits);
        }
        let ended = job.run_with(&complaints(), &[], threads);
        let (bytes, path) = artifact(&job, &ended);
        (ended.message, report(&path), bytes)
    };
    let (hashed, hashed_report, bytes) = run(Some(18), "2");
    let (vocabulary, vocabulary_report, _) = run(None, "2");
    let macro_f1 = |message: &Value| message["metrics"]["macroF1"].as_f64().unwrap();
    let difference = macro_f1(&hashed) - macro_f1(&vocabulary);
    assert!(
        difference.abs() < 0.03,
        "{} {}",
        macro_f1(&hashed),
        macro_f1(&vocabulary)
    );
    // The same rows are on the same sides: the sides don't depend on terms.
    assert_eq!(hashed["dataset"], vocabulary["dataset"]);
    let profile = |report: &Value, field: &str| report["profile"][field].clone();
    for field in [
        "records",
        "words",
        "lengthHistogram",
        "suspiciousRows",
        "duplicateExamples",
    ] {
        assert_eq!(
            profile(&hashed_report, field),
            profile(&vocabulary_report, field),
            "{field}"
        );
    }
    let growth = profile(&hashed_report, "vocabularyGrowth");
    let growth: Vec<u64> = growth
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["words"].as_u64().unwrap())
        .collect();
    assert!(growth.is_sorted() && growth[0] > 0, "{growth:?}");
    for threads in ["1", "5"] {
        assert!(run(Some(18), threads).2 == bytes, "{threads} threads");
    }
}

#[test]
fn the_artifact_holds_only_buckets_and_answers() {
    let job = hashing(20);
    let ended = job.run(&job.file("data.csv", csv(&rows())));
    let (bytes, path) = artifact(&job, &ended);
    for word in ["mortgage", "merchant", "overdraft"] {
        assert!(
            !bytes.windows(word.len()).any(|window| window == word.as_bytes()),
            "{word}"
        );
    }
    let page = std::fs::read_to_string(path.with_file_name("report.html")).unwrap();
    assert!(page.contains("features.hashingBits") && !page.contains("mortgage"));
    assert!(
        report(&path)["topTerms"][0]["terms"][0]["term"]
            .as_str()
            .unwrap()
            .starts_with('#')
    );
    support::assert_answers(&bytes);
}

#[test]
fn held_out_texts_leave_no_trace() {
    // A word that only the held-out part has changes nothing in the model.
    let with_split = |marker: &str| {
        let mut text = String::from("narrative,product,part\n");
        for (number, (narrative, product)) in rows().iter().enumerate() {
            let test = number % 4 == 0;
            let extra = if test { marker } else { "" };
            let narrative = narrative.replace(['"', ','], " ");
            let part = if test { "test" } else { "train" };
            text.push_str(&format!("{narrative} {extra},{product},{part}\n"));
        }
        text
    };
    let models = ["zebra", "quagga quagga"].map(|marker| {
        let mut job = hashing(22);
        job.config["dataset"]["splitField"] = json!("part");
        let ended = job.run(&job.file("data.csv", with_split(marker)));
        assert_eq!(ended.message["dataset"]["testRows"], 60);
        let model = Artifact::from_bytes(&artifact(&job, &ended).0).unwrap();
        (
            model.vocabulary().clone(),
            model.model().clone(),
            model.idf().to_vec(),
            model.calibration().clone(),
        )
    });
    assert_eq!(models[0], models[1]);
}

#[test]
fn copies_contradictions_and_rare_labels_are_left_out_of_the_counts() {
    let mut text = csv(&rows());
    let first = text.lines().nth(1).unwrap().to_owned();
    let unusual = "zanzibar ".repeat(3);
    text.push_str(&format!("{first}\n"));
    for number in 0..3 {
        text.push_str(&format!("9{number},{unusual}{number},Rare\n"));
        text.push_str(&format!(
            "8{number},said twice {unusual}{number},Card\n8{number},said twice {unusual}{number},Loan\n"
        ));
    }
    let clean = hashing(20);
    let (expected, _) = artifact(&clean, &clean.run(&clean.file("data.csv", csv(&rows()))));
    let job = hashing(20);
    let ended = job.run(&job.file("data.csv", text));
    let (bytes, _) = artifact(&job, &ended);
    assert_eq!(ended.message["dataset"]["rows"], 240);
    assert_eq!(ended.message["dataset"]["duplicates"], 1);
    assert_eq!(
        ended.message["dataset"]["droppedLabels"],
        json!([{ "label": "Rare", "rows": 3 }])
    );
    let [expected, found] = [expected, bytes].map(|bytes| Artifact::from_bytes(&bytes).unwrap());
    assert_eq!(found.vocabulary(), expected.vocabulary());
    assert_eq!(found.model(), expected.model());
}

#[test]
fn a_champion_of_either_kind_is_compared_on_rows_read_again() {
    let data = csv(&rows());
    let vocabulary = Job::new();
    let hashed = hashing(18);
    for champion in [&vocabulary, &hashed] {
        let ended = champion.run(&champion.file("data.csv", &data));
        let (bytes, path) = artifact(champion, &ended);
        let mut next = hashing(18);
        next.config["champion"] = json!({ "name": "cards-0", "sha256": Sha256Digest::of_bytes(&bytes).to_string() });
        let newcomer = next.run_with(
            &next.file("data.csv", &data),
            &["--champion", path.to_str().unwrap()],
            "2",
        );
        let comparison = &newcomer.message["comparison"];
        assert_eq!(
            comparison["championValue"], ended.message["metrics"]["macroF1"],
            "{}",
            newcomer.stderr
        );
        assert_eq!(comparison["value"], newcomer.message["metrics"]["macroF1"]);
        assert_eq!(comparison["rows"], newcomer.message["dataset"]["testRows"]);
    }
}

#[test]
fn a_report_with_texts_reads_them_again() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let out = job.path("out");
    let output = support::trainer()
        .args([
            "train",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--folds",
            "3",
        ])
        .args([
            "--algorithm",
            "complement-naive-bayes",
            "--min-document-frequency",
            "2",
            "--include-texts",
        ])
        .args([
            "--ensemble",
            "1",
            "--hashing-bits",
            "16",
            "--min-samples-per-class",
            "5",
            "--data",
        ])
        .arg(&data)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&out.join("model.safetensors"));
    assert_eq!(report["features"]["hashingBits"], 16);
    let mistakes = report["mistakes"].as_array().unwrap();
    assert!(!mistakes.is_empty());
    let rows = rows();
    for mistake in mistakes {
        let row = mistake["row"].as_u64().unwrap() as usize;
        assert_eq!(mistake["text"], rows[row - 1].0);
    }
}

#[test]
fn only_weights_can_be_varied() {
    let data = csv(&rows());
    for (step, values) in [
        ("normalizer", json!(["Lemma", "Stem"])),
        ("removeStopWords", json!([true, false])),
        ("wordNgrams", json!([[1, 1], [1, 2]])),
        ("charNgrams", json!([[], [3, 4]])),
    ] {
        let mut job = hashing(18);
        job.config["search"]["pipelineGrid"] = json!({ (step): values });
        job.run(&job.file("data.csv", &data)).fails(
            64,
            "InvalidConfiguration",
            &[&format!("search.pipelineGrid.{step}"), "features.hashingBits"],
        );
    }
    let mut job = hashing(18);
    job.config["search"]["pipelineGrid"] = json!({ "sublinearTf": [true, false] });
    let ended = job.run(&job.file("data.csv", &data));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["trials"]["total"], 10);
}

#[test]
fn bits_out_of_range_are_refused() {
    for bits in [0, 9, 25] {
        let job = hashing(bits);
        job.run(&job.file("data.csv", csv(&rows()))).fails(
            64,
            "InvalidConfiguration",
            &["features.hashingBits", "10 to 24"],
        );
    }
}
