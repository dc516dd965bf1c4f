//! Rows of their own on which every version of a classifier is evaluated.

mod support;

use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use support::{Ended, Job, Row, csv, rows, trainer};

/// Rows that only evaluate: some are nearly rows of the data set, one has a label of its own.
fn holdout() -> Vec<Row> {
    let mut held: Vec<Row> = rows().into_iter().take(60).collect();
    for (number, (text, _)) in held.iter_mut().enumerate() {
        if number >= 12 {
            *text = text.split_whitespace().rev().collect::<Vec<_>>().join(" ");
        }
    }
    held.push(("a thing that nobody has a name for".into(), "Unheard of"));
    held
}

fn run(job: &mut Job, holdout: Value) -> Ended {
    job.config["evaluation"]["holdout"] = holdout;
    job.run(&job.file("data.csv", csv(&rows())))
}

fn report(job: &Job, ended: &Ended) -> Value {
    let path = ended.message["report"]["path"].as_str().unwrap();
    serde_json::from_slice(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
}

#[test]
fn the_holdout_is_the_test_part_and_no_row_of_it_is_learnt() {
    for hashing in [Value::Null, json!(14)] {
        let mut job = Job::new();
        if !hashing.is_null() {
            job.config["features"]["hashingBits"] = hashing.clone();
        }
        let bytes = csv(&holdout());
        let path = job.file("holdout.csv", &bytes);
        let digest = Sha256Digest::of_bytes(bytes.as_bytes());
        let ended = run(&mut job, json!({ "source": path, "sha256": digest }));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let dataset = &ended.message["dataset"];
        assert_eq!(ended.message["split"], format!("holdout/sha256:{digest}"));
        assert_eq!(
            (&dataset["testRows"], &dataset["trainRows"]),
            (&json!(61), &json!(228)),
            "{dataset}"
        );
        assert_eq!(
            (&dataset["records"]["records"], &dataset["records"]["inHoldout"]),
            (&json!(240), &json!(12))
        );
        assert_eq!(dataset["holdout"]["unknownLabelRows"], 1);
        assert_eq!(dataset["holdout"]["records"]["records"], 61);
        let warnings = dataset["warnings"].as_array().unwrap();
        let told = warnings
            .iter()
            .find(|warning| warning["reason"] == "HoldoutLabelsUnknown")
            .unwrap();
        assert!(
            told["message"].as_str().unwrap().contains("`Unheard of` (1 rows)"),
            "{told}"
        );
        let report = report(&job, &ended);
        assert_eq!(report["dataset"]["holdout"], dataset["holdout"]);
        assert_eq!(report["split"], ended.message["split"]);

        // The version after it, on the same holdout and on another one.
        let model = job
            .path("store")
            .join(ended.message["artifact"]["path"].as_str().unwrap());
        job.config["champion"] = json!({ "name": "cards-1", "sha256": ended.message["artifact"]["sha256"] });
        job.config["name"] = json!("cards-2");
        let other = job.file("other.csv", csv(&holdout()[..40]));
        for (holdout, same, rows) in [(&path, true, 61), (&other, false, 40)] {
            job.config["evaluation"]["holdout"] = json!({ "source": holdout });
            let data = job.path("data.csv");
            let ended = job.run_with(&data, &["--champion", model.to_str().unwrap()], "2");
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            let comparison = &ended.message["comparison"];
            assert_eq!(
                (&comparison["sameSplit"], &comparison["rows"]),
                (&json!(same), &json!(rows)),
                "{comparison}"
            );
        }
    }
}

/// The rows without those of a class that a model gets wrong often.
fn without_a_class() -> Vec<Row> {
    rows().into_iter().filter(|(_, label)| *label != "Account").collect()
}

#[test]
fn a_class_that_a_model_does_not_know_counts_against_it() {
    for hashing in [Value::Null, json!(14)] {
        let mut job = Job::new();
        if !hashing.is_null() {
            job.config["features"]["hashingBits"] = hashing.clone();
        }
        job.config["evaluation"]["holdout"] = json!({ "source": job.file("holdout.csv", csv(&rows()[..90])) });
        let train = |job: &Job, name: &str, rows: &[Row], champion: &[&str]| {
            let ended = job.run_with(&job.file(name, csv(rows)), champion, "2");
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            ended
        };
        let all: Vec<Row> = rows()[90..].to_vec();
        let easy: Vec<Row> = without_a_class()[60..].to_vec();
        let compared = |job: &mut Job, first: &[Row], second: &[Row]| {
            job.config.as_object_mut().unwrap().remove("champion");
            let champion = train(job, "first.csv", first, &[]);
            let path = champion.message["artifact"]["path"].as_str().unwrap();
            let model = job.path("store").join(path).display().to_string();
            job.config["champion"] = json!({ "name": "cards-1", "sha256": champion.message["artifact"]["sha256"] });
            let newcomer = train(job, "second.csv", second, &["--champion", &model]);
            (champion.message, newcomer)
        };

        // A newcomer that drops a class is right about two thirds of the rows at most.
        let (champion, newcomer) = compared(&mut job, &all, &easy);
        let comparison = newcomer.message["comparison"].clone();
        let number = |value: &Value| value.as_f64().unwrap();
        assert_eq!(
            (&comparison["rows"], &comparison["sameLabels"], &comparison["sameSplit"]),
            (&json!(90), &json!(false), &json!(true))
        );
        assert!(number(&comparison["difference"]) < -0.2, "{comparison}");
        assert_eq!(
            comparison["championValue"], champion["metrics"]["macroF1"],
            "{comparison}"
        );
        let metrics = &newcomer.message["metrics"];
        assert_eq!(comparison["value"], metrics["macroF1"]);
        assert!(
            number(&metrics["accuracy"]) <= 0.6667 && number(&metrics["macroF1"]) <= 0.6667,
            "{metrics}"
        );
        assert_eq!(newcomer.message["classCount"], 2);
        assert_eq!(newcomer.message["dataset"]["holdout"]["unknownLabelRows"], 30);
        let weakest = &newcomer.message["weakestClasses"][0];
        assert_eq!(weakest, &json!({ "label": "Account", "recall": 0.0, "support": 30 }));
        let report = report(&job, &newcomer);
        let account = report["perClass"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&account["label"], &account["f1"], &account["support"]),
            (&json!("Account"), &json!(0.0), &json!(30))
        );
        let matrix = &report["confusionMatrix"];
        assert_eq!(matrix["labels"], json!(["Card", "Loan", "Account"]));
        let counted: u64 = matrix["rows"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(counted, 90);

        // It is as wrong for a champion.
        let (champion, newcomer) = compared(&mut job, &easy, &all);
        let comparison = &newcomer.message["comparison"];
        assert!(number(&comparison["difference"]) > 0.2, "{comparison}");
        assert_eq!(
            comparison["championValue"], champion["metrics"]["macroF1"],
            "{comparison}"
        );
        assert_eq!(
            (&comparison["rows"], &comparison["sameLabels"]),
            (&json!(90), &json!(false))
        );

        // And for two models that both lack it.
        let (champion, newcomer) = compared(&mut job, &easy, &without_a_class()[70..]);
        let comparison = &newcomer.message["comparison"];
        assert_eq!(
            comparison["championValue"], champion["metrics"]["macroF1"],
            "{comparison}"
        );
        assert_eq!(
            (&comparison["rows"], &comparison["sameLabels"]),
            (&json!(90), &json!(true))
        );
    }
}

#[test]
fn labels_that_are_no_categories_are_refused() {
    let mut job = Job::new();
    let mut held: String = csv(&rows()[..3]);
    for number in 0..1001 {
        held.push_str(&format!("{number},\"a text about {number}\",label {number}\n"));
    }
    let path = job.file("holdout.csv", held);
    run(&mut job, json!({ "source": path })).fails(
        65,
        "NoUsableRows",
        &["holdout.csv", "1001 labels", "evaluation.holdout.labelFields"],
    );
}

#[test]
fn a_holdout_that_can_not_be_used_is_named() {
    let mut job = Job::new();
    let path = job.file("holdout.csv", csv(&holdout()));
    run(&mut job, json!({ "source": path, "sha256": "0".repeat(64) })).fails(
        65,
        "DigestMismatch",
        &["holdout.csv", "evaluation.holdout.sha256"],
    );
    run(&mut job, json!({ "source": "/nowhere/holdout.csv" })).fails(65, "DatasetNotFound", &["/nowhere/holdout.csv"]);
    let strangers = job.file("strangers.csv", "id,narrative,product\n1,a text,Stranger\n");
    run(&mut job, json!({ "source": strangers })).fails(65, "NoUsableRows", &["strangers.csv", "label"]);
    job.config["dataset"]["splitField"] = json!("split");
    run(&mut job, json!({ "source": path })).fails(64, "InvalidConfiguration", &["dataset.splitField", "holdout"]);
}

#[test]
fn the_holdouts_own_fields_are_read() {
    let mut job = Job::new();
    let lines: String = holdout()
        .iter()
        .map(|(text, label)| format!("{}\n", json!({ "said": text, "meant": label })))
        .collect();
    let path = job.file("holdout.jsonl", lines);
    let ended = run(
        &mut job,
        json!({ "source": path, "format": "JsonLines", "textField": "said", "labelFields": ["meant"] }),
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["testRows"], 61);
}

#[test]
fn an_argument_says_where_the_rows_are_in_a_pod() {
    let mut job = Job::new();
    let held = job.file("holdout.csv", csv(&holdout()));
    let data = job.file("data.csv", csv(&rows()));
    job.config["evaluation"]["holdout"] = json!({ "textField": "narrative" });
    let ended = job.run_with(&data, &["--holdout", held.to_str().unwrap()], "2");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["dataset"]["testRows"], 61);
    job.run(&data)
        .fails(64, "InvalidConfiguration", &["evaluation.holdout.source", "--holdout"]);
}

#[test]
fn the_command_line_takes_a_holdout() {
    let job = Job::new();
    let (data, held, out) = (
        job.file("data.csv", csv(&rows())),
        job.file("holdout.csv", csv(&holdout())),
        job.path("out"),
    );
    let output = trainer()
        .args([
            "train",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--folds",
            "2",
            "--format",
            "json",
        ])
        .args(["--algorithm", "complement-naive-bayes", "--alpha", "1", "--data"])
        .arg(&data)
        .arg("--holdout")
        .arg(&held)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["dataset"]["testRows"], 61);
}
