//! The commands that people type and scripts read.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use support::{Job, csv, gzip, rows};

/// A trained model and its data set.
struct Trained {
    job: Job,
    data: PathBuf,
    model: PathBuf,
}

impl Trained {
    fn new() -> Self {
        Self::on(csv(&rows()))
    }

    fn on(text: String) -> Self {
        let job = Job::new();
        let data = job.file("data.csv", text);
        let ended = job.run(&data);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = ended.message["artifact"]["path"].as_str().unwrap();
        let model = job.path("store").join(path);
        Self { job, data, model }
    }

    fn model(&self) -> &str {
        self.model.to_str().unwrap()
    }

    fn evaluate(&self, data: &Path, arguments: &[&str]) -> Output {
        let fields = [
            "evaluate",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--model",
            self.model(),
        ];
        let data = ["--data", data.to_str().unwrap()];
        trainer(&[&fields[..], &data[..], arguments].concat())
    }
}

fn trainer(arguments: &[&str]) -> Output {
    support::trainer().args(arguments).output().unwrap()
}

fn with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = support::trainer()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&said(output)).unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    said(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn train_writes_a_directory_and_prints_a_table_or_json() {
    let job = Job::new();
    let data = job.file("data.csv.gz", gzip(csv(&rows()).as_bytes()));
    let out = job.path("out");
    let run = |form: &str| {
        let places = [
            "train",
            "--data",
            data.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ];
        let fields = [
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--folds",
            "3",
            "--algorithm",
            "logistic-regression,linear-svm",
            "--min-document-frequency",
            "2",
            "--ensemble",
            "1",
            "--format",
            form,
        ];
        trainer(&[&places[..], &fields[..]].concat())
    };
    let table = said(&run("table"));
    for word in ["macro-F1", "LinearSvm", "best", "Account", "240 rows"] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    let output = run("json");
    let result = json_of(&output);
    let bytes = std::fs::read(out.join(result["artifact"]["path"].as_str().unwrap())).unwrap();
    assert_eq!(result["artifact"]["sha256"], Sha256Digest::of_bytes(&bytes).to_string());
    let progress: Vec<Value> = String::from_utf8(output.stderr)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).expect("standard error is not a terminal here"))
        .collect();
    assert_eq!(progress.last().unwrap()["progress"]["stage"], "Done");
}

#[test]
fn predict_answers_each_line_of_input_or_of_a_file() {
    let trained = Trained::new();
    let texts = "My card was charged twice by the merchant\nThe branch closed my account\n\n";
    let answers = json_lines(&with_input(&["predict", "--model", trained.model()], texts));
    let categories: Vec<&Value> = answers.iter().map(|answer| &answer["category"]).collect();
    assert_eq!(categories[..2], [&json!("Card"), &json!("Account")]);
    assert_eq!(
        answers.len(),
        3,
        "an empty line gets an answer too, so that lines match"
    );
    assert_eq!(answers[2]["unknownWordShare"], 1.0);
    assert!(answers[0].get("probabilities").is_none());

    let file = trained.job.file("texts.txt.gz", gzip(texts.as_bytes()));
    let file = file.to_str().unwrap();
    let ranked = json_lines(&trainer(&["predict", "--model", trained.model(), "--top-k", "2", file]));
    let probabilities = ranked[0]["probabilities"].as_object().unwrap();
    assert_eq!(probabilities.len(), 2);
    assert_eq!(probabilities["Card"], ranked[0]["probability"]);
    let others: Vec<f64> = probabilities.values().map(|value| value.as_f64().unwrap()).collect();
    assert!(
        others
            .iter()
            .all(|value| *value <= ranked[0]["probability"].as_f64().unwrap())
    );
    let table = said(&trainer(&[
        "predict",
        "--model",
        trained.model(),
        "--format",
        "table",
        file,
    ]));
    assert!(table.lines().next().unwrap().ends_with(" Card"), "{table}");
}

#[test]
fn explain_adds_up_to_the_margin() {
    let trained = Trained::new();
    let text = "The merchant charged my card twice, and I waited for the refund";
    let found = json_of(&trainer(&[
        "explain",
        "--model",
        trained.model(),
        "--format",
        "json",
        text,
    ]));
    assert_eq!(found["category"], "Card");
    assert!(["Loan", "Account"].contains(&found["runnerUp"].as_str().unwrap()));
    let terms = found["terms"].as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let sum: f64 = terms.iter().map(|term| number(&term["contribution"])).sum();
    assert!(
        (number(&found["bias"]) + sum - number(&found["margin"])).abs() < 1e-4,
        "{found}"
    );
    assert!(number(&found["margin"]) > 0.0);
    let card = terms.iter().find(|term| term["term"] == "card").unwrap();
    let range: [usize; 2] = serde_json::from_value(card["ranges"][0].clone()).unwrap();
    assert_eq!(&text[range[0]..range[1]], "card");

    let table = said(&with_input(
        &["explain", "--model", trained.model(), "--top", "3", "-"],
        text,
    ));
    assert!(table.starts_with("Card (probability "), "{table}");
    assert!(table.contains("further terms"), "{table}");
}

#[test]
fn evaluate_reports_the_quality_of_a_model() {
    let trained = Trained::new();
    let found = json_of(&trained.evaluate(&trained.data, &["--format", "json"]));
    assert_eq!(found["rows"], 240);
    assert_eq!(found["trainedOnTheseBytes"], true);
    assert!(found["metrics"]["accuracy"].as_f64().unwrap() > 0.85, "{found}");
    assert!(found["metrics"]["logLoss"].as_f64().unwrap() > 0.0);
    assert!(found["calibration"]["error"].as_f64().unwrap() < 0.3);
    let matrix: Vec<Vec<usize>> = serde_json::from_value(found["confusionMatrix"]["rows"].clone()).unwrap();
    assert_eq!(matrix.iter().flatten().sum::<usize>(), 240);
    let interval: Vec<f64> = serde_json::from_value(found["confidenceIntervals"]["accuracy"].clone()).unwrap();
    assert!(interval[0] < interval[1]);
    let table = said(&trained.evaluate(&trained.data, &[]));
    for word in [
        "macro-F1",
        "calibration error",
        "Account",
        "rows by class",
        "the model was trained on this file",
    ] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
}

#[test]
fn evaluate_on_the_published_test_part_repeats_the_reports_figures() {
    let mut text = String::from("narrative,product,part\n");
    for (number, (narrative, product)) in rows().iter().enumerate() {
        let part = ["test", "train", "train", "val"][number % 4];
        text.push_str(&format!("{},{product},{part}\n", narrative.replace(['"', ','], " ")));
    }
    // A copy within the test part counts in both places.
    let copy = text.lines().nth(1).unwrap().to_owned();
    text.push_str(&format!("{copy}\n"));
    let mut job = Job::new();
    job.config["dataset"]["splitField"] = json!("part");
    let data = job.file("data.csv", text);
    let ended = job.run(&data);
    let model = job
        .path("store")
        .join(ended.message["artifact"]["path"].as_str().unwrap());
    let trained = Trained { job, data, model };

    let chosen = json_of(&trained.evaluate(&trained.data, &["--where", "part=test", "--format", "json"]));
    assert_eq!(chosen["rows"], 61);
    let table = said(&trained.evaluate(&trained.data, &["--where", "part=test"]));
    assert!(!table.contains("the model was trained on this file"), "{table}");
    assert_eq!(chosen["metrics"], ended.message["metrics"]);
    let by_split = json_of(&trained.evaluate(&trained.data, &["--split-field", "part", "--format", "json"]));
    assert_eq!(by_split["metrics"], chosen["metrics"]);
    let rows = |conditions: &[&str]| {
        json_of(&trained.evaluate(&trained.data, &[conditions, &["--format", "json"][..]].concat()))["rows"].clone()
    };
    assert_eq!(
        rows(&["--where", "part=test", "--where", "part=val"]),
        121,
        "either value will do"
    );
    assert_eq!(
        rows(&["--where", "part=val", "--where", "product=Card"]),
        20,
        "both fields must hold"
    );
}

#[test]
fn records_are_chosen_in_every_format() {
    let trained = Trained::new();
    let records: Vec<Value> = rows()
        .iter()
        .enumerate()
        .map(|(number, (text, label))| json!({ "narrative": text, "product": label, "meta": { "year": 2020 + number % 2 } }))
        .collect();
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let array = Value::Array(records).to_string();
    for (name, text) in [("data.jsonl", lines), ("data.json", array)] {
        let data = trained.job.file(name, text);
        let found = json_of(&trained.evaluate(&data, &["--where", "meta.year=2021", "--format", "json"]));
        assert_eq!(found["rows"], 120, "{name}");
        assert_eq!(found["trainedOnTheseBytes"], false);
        let output = trained.evaluate(&data, &["--where", "meta.yaer=2021"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65));
        assert!(
            error.contains("Set --where to one of them, perhaps `meta.year`"),
            "{error}"
        );
    }
}

#[test]
fn labels_that_the_model_does_not_know_are_named() {
    let trained = Trained::new();
    let data = trained
        .job
        .file("more.csv", csv(&rows()).replace(",Loan\n", ",Mortgage\n"));
    let found = json_of(&trained.evaluate(&data, &["--format", "json"]));
    assert_eq!(
        (&found["rows"], &found["unknownLabels"]),
        (&json!(160), &json!({ "Mortgage": 80 }))
    );
    let mapped = json_of(&trained.evaluate(&data, &["--label-map", "Mortgage=Loan", "--format", "json"]));
    assert_eq!(mapped["rows"], 240);
    let output = trained.evaluate(&data, &["--where", "product=Mortgage", "--format", "json"]);
    assert_eq!(output.status.code(), Some(65));
    let error = String::from_utf8(output.stderr).unwrap();
    let error: Value = serde_json::from_str(error.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"]["reason"], "NoUsableRows");
    assert!(
        error["error"]["message"].as_str().unwrap().contains("`Mortgage`"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_not_a_model_is_refused_by_name() {
    let job = Job::new();
    let file = job.file("model.safetensors", "not a model");
    let output = trainer(&["predict", "--model", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains(file.to_str().unwrap()));
    let output = trainer(&["explain", "--format", "json", "--model", "/nowhere/model", "text"]);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["reason"], "ModelUnreadable");
}

#[test]
fn profile_describes_a_data_set() {
    let job = Job::new();
    let mut text = csv(&rows());
    let first = text.lines().nth(1).unwrap().to_owned();
    text.push_str(&format!(
        "{first}\n241,too short,Card\n242,said twice by us,Card\n243,said twice by us,Loan\n244,,Card\n245,a rare thing indeed,Rare\n"
    ));
    let data = job.file("data.csv", text);
    let arguments = [
        "profile",
        "--data",
        data.to_str().unwrap(),
        "--text-field",
        "narrative",
        "--label-field",
        "product",
    ];
    let found = json_of(&trainer(&[&arguments[..], &["--format", "json"]].concat()));
    assert_eq!(found["rows"], 242);
    assert_eq!(
        (
            &found["records"]["duplicates"],
            &found["records"]["contradictory"],
            &found["records"]["withoutText"]
        ),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!(found["duplicateExamples"], json!([{ "first": 1, "copy": 241 }]));
    assert_eq!(
        found["contradictionExamples"],
        json!([{ "rows": [243, 244], "labels": ["Card", "Loan"] }])
    );
    let classes = found["classes"].as_array().unwrap();
    assert_eq!(
        classes[0],
        json!({ "label": "Card", "rows": 81, "share": 0.3347, "medianWords": 16, "rare": false })
    );
    assert_eq!(classes.last().unwrap()["rare"], true);
    let few = &found["suspiciousRows"][0];
    assert_eq!(
        (&few["reason"], &few["examples"]),
        (&json!("fewWords"), &json!([{ "row": 242 }]))
    );
    let curve = found["vocabularyGrowth"].as_array().unwrap();
    assert_eq!(curve.last().unwrap()["words"], found["distinctWords"]);

    let table = said(&trainer(&arguments));
    for word in [
        "left out: 1 without a text, 1 copies, 2 copies under different labels",
        "too few rows",
        "near-twins",
        "fewer than three words (242)",
    ] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    assert!(!table.contains("too short"), "texts are shown only when asked for");
    assert!(said(&trainer(&[&arguments[..], &["--include-texts"]].concat())).contains("242: too short"));
    // A data set with one label can't be used for training, but it can be inspected.
    let one = json_of(&trainer(
        &[&arguments[..], &["--where", "product=Loan", "--format", "json"]].concat(),
    ));
    assert_eq!(one["classes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_dossier_is_written_and_its_model_made_again() {
    let trained = Trained::new();
    let folder = trained.model.parent().unwrap();
    let (page, json) = (trained.job.path("dossier.html"), trained.job.path("dossier.json"));
    let write = |folder: &Path| {
        let files = ["--out", page.to_str().unwrap(), "--json", json.to_str().unwrap()];
        let command = [
            "dossier",
            "--folder",
            folder.to_str().unwrap(),
            "--purpose",
            "To route <complaints>.",
        ];
        trainer(&[&command[..], &files[..]].concat())
    };
    let output = write(folder);
    assert!(said(&output).contains("the dossier of cards-1"));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("To route &lt;complaints&gt;.") && text.contains("verify --dossier"));
    let dossier: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let sha256 = Sha256Digest::of_bytes(&std::fs::read(&trained.model).unwrap()).to_string();
    assert_eq!(
        dossier["version"],
        json!({ "name": "cards-1", "classifier": "cards", "namespace": "default", "sha256": sha256 })
    );
    assert_eq!(dossier["billOfMaterials"]["specVersion"], "1.5");

    let verify = |data: &Path| {
        let (json, data) = (json.to_str().unwrap(), data.to_str().unwrap());
        trainer(&["verify", "--dossier", json, "--data", data, "--format", "json"])
    };
    let same = verify(&trained.data);
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(json_of(&same)["same"], true);
    // Other data is refused before anything is trained.
    let other = verify(&trained.job.file("other.csv", csv(&rows()[1..])));
    assert_eq!(other.status.code(), Some(65));
    let told = String::from_utf8_lossy(&other.stderr);
    assert!(told.contains("DigestMismatch"), "{told}");
    // Another setting gives other bytes, and the exit code says so.
    let mut changed = dossier.clone();
    changed["report"]["run"]["evaluation"]["seed"] = json!(7);
    std::fs::write(&json, changed.to_string()).unwrap();
    let differs = verify(&trained.data);
    assert_eq!(differs.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&differs.stdout).unwrap();
    assert_eq!(
        (&told["same"], &told["expectedSha256"]),
        (&json!(false), &json!(sha256))
    );
    changed["format"] = json!("else");
    std::fs::write(&json, changed.to_string()).unwrap();
    assert_eq!(verify(&trained.data).status.code(), Some(64));

    // The report of another model, and a folder without one.
    std::fs::write(&trained.model, b"changed").unwrap();
    let output = write(folder);
    assert_eq!(output.status.code(), Some(65));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("the folder's model is sha256:"), "{told}");
    assert_eq!(write(trained.job.directory.path()).status.code(), Some(65));
    let neither = trainer(&["verify"]);
    assert_eq!(neither.status.code(), Some(64));
}
