//! Corrections among the training rows.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::slice;

use complaint_contract::{CompareResult, FeedbackResult, RunResult, TrainingResult};
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor, Sha256Digest};
use complaint_trainer::split::{fraction, split_key};
use serde_json::{Value, json};
use support::corrections::{correction, named, path, segment};
use support::{Ended, Job, Row, csv, gzip, rows, trainer};

/// Whether the split of the tests holds a text out.
fn is_held_out(text: &str) -> bool {
    fraction(split_key(text, 42)) < 0.25
}

/// Rows of one side of the split.
fn side(held_out: bool) -> Vec<Row> {
    rows()
        .into_iter()
        .filter(|(text, _)| is_held_out(text) == held_out)
        .collect()
}

/// Texts that the data set does not have, about something of their own.
fn new_texts(word: &str, count: usize) -> Vec<String> {
    let others = ["voucher", "coupon", "points", "gift", "reward", "bonus", "miles"];
    (0..count)
        .map(|number| {
            let more = others[number % others.len()];
            format!(
                "{word} {more} bank never gave {word} {} after service",
                others[(number / 7) % 7]
            )
        })
        .collect()
}

fn trained(ended: &Ended) -> TrainingResult {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    match RunResult::read(&ended.message.to_string()).unwrap() {
        RunResult::Trained(result) => *result,
        unchanged => panic!("{unchanged:?}"),
    }
}

fn feedback(result: &TrainingResult) -> FeedbackResult {
    result.dataset.feedback.clone().unwrap()
}

fn model(job: &Job, result: &TrainingResult) -> Vec<u8> {
    std::fs::read(job.path("store").join(&result.artifact.path)).unwrap()
}

fn written(job: &Job, result: &TrainingResult, file: &str) -> String {
    let path = job.path("store").join(&result.artifact.path).with_file_name(file);
    std::fs::read_to_string(path).unwrap()
}

fn answer(model: &[u8], text: &str) -> String {
    let predictor = Predictor::new(Artifact::from_bytes(model).unwrap());
    let class = predictor.predict(text, &mut Scratch::default()).class;
    predictor.labels()[class].clone()
}

fn train(job: &Job) -> TrainingResult {
    trained(&job.run(&job.file("data.csv", csv(&rows()))))
}

#[test]
fn corrections_are_training_rows_and_each_one_is_accounted_for() {
    let (train_rows, held_out) = (side(false), side(true));
    let other = |label: &str| if label == "Card" { "Loan" } else { "Card" };
    let texts = new_texts("card", 3);
    let near = format!("{} 4711", held_out[1].0.to_uppercase());
    let mut rows = vec![
        // New texts, one of which its sender corrected twice, under a name.
        correction(&texts[0], "Card", 1),
        named("ticket-1", &texts[1], "Loan", 2),
        // The same text from another sender, earlier.
        named("ticket-2", &texts[0], "Account", 0),
        // Rows of the data set: one is wrong, one is confirmed.
        correction(&train_rows[0].0, other(train_rows[0].1), 3),
        correction(&format!("  {}\n", train_rows[1].0), train_rows[1].1, 4),
        // Held-out rows, by their words.
        correction(&held_out[0].0, other(held_out[0].1), 5),
        correction(&near, "Card", 6),
        correction(&texts[2], "Vouchers", 7),
    ];
    let mut without_text = correction("", "Card", 8);
    without_text["id"] = "ticket-3".into();
    let mut without_time = correction("no time", "Card", 8);
    without_time["time"] = "yesterday".into();
    rows.extend([without_text, without_time, json!({ "text": "no id" }), json!([1])]);
    rows.push(correction("a category that is too long", &"x".repeat(1001), 8));

    for hashing in [Value::Null, json!(14)] {
        let mut job = Job::new();
        if !hashing.is_null() {
            job.config["features"]["hashingBits"] = hashing.clone();
        }
        let without = train(&job);
        assert_eq!(without.dataset.feedback, None);
        let job = job.with_feedback();
        let first = segment(&[&rows[..3], &rows[3..]]);
        job.put(
            &path("2026-11-28", "a"),
            [first, gzip(b"not JSON\n\n{\"half\n")].concat(),
        );
        // A later word about a text, in a segment of an earlier day.
        let later = [named("ticket-1", &texts[1], "Card", 9)];
        job.put(&path("2026-11-27", "b"), segment(&[&later]));
        // What is no segment is not read.
        job.put("default/cards/feedback/2026-11-28/notes.txt", "notes");
        job.put("default/cards/feedback/a.jsonl.gz", segment(&[&later]));
        job.put("default/cards/capture/2026-11-28/a-000001.jsonl.gz", segment(&[&later]));
        job.put(
            "default/loans/feedback/2026-11-28/a-000001.jsonl.gz",
            segment(&[&later]),
        );
        let ended = job.run(&job.path("data.csv"));
        let result = trained(&ended);

        let told = feedback(&result);
        let counts = told.records;
        assert_eq!((told.segments, told.torn_segments), (2, 0));
        assert_eq!(counts.records, 16, "{told:?}");
        assert_eq!(counts.unreadable, 7, "{told:?}");
        assert_eq!(
            (counts.superseded, counts.held_out, counts.rare_labels),
            (2, 2, 1),
            "{told:?}"
        );
        assert_eq!((told.rows, told.relabelled_rows), (4, 1), "{told:?}");
        assert_eq!(json!(told.dropped_labels), json!([{ "label": "Vouchers", "rows": 1 }]));
        let warned = result.dataset.warnings.iter();
        let mut warned = warned.map(|warning| (warning.reason.as_str(), warning.message.as_str()));
        let (reason, message) = warned.next_back().unwrap();
        assert!(
            reason == "FeedbackLabelsDropped" && message.contains("`Vouchers` (1 rows)"),
            "{message}"
        );

        // The held-out rows are those of the data set alone.
        assert_eq!(result.dataset.test_rows, without.dataset.test_rows);
        assert_eq!(result.dataset.train_rows, without.dataset.train_rows + 2);
        assert_eq!(result.dataset.rows, without.dataset.rows + 2);
        assert_eq!(result.dataset.records, without.dataset.records);
        assert_eq!(result.split, without.split);
        assert_ne!(result.artifact.sha256, without.artifact.sha256);

        let digest = told.sha256.unwrap();
        let report: Value = serde_json::from_str(&written(&job, &result, "report.json")).unwrap();
        assert_eq!(report["dataset"]["feedback"], json!(told));
        let page = written(&job, &result, "report.html");
        assert!(page.contains("4 training rows are corrections") && page.contains(&digest.to_string()));
        let record = written(&job, &result, "modelversion.yaml");
        let record: Value = serde_json::from_str(&record[record.find('{').unwrap()..]).unwrap();
        assert_eq!(record["spec"]["lineage"]["dataset"]["feedbackSha256"], json!(digest));
        let artifact = Artifact::from_bytes(&model(&job, &result)).unwrap();
        assert_eq!(artifact.provenance().feedback_sha256, Some(digest));
        // No text of a correction leaves the trainer.
        for said in [&ended.stdout, &ended.stderr, &report.to_string(), &page] {
            assert!(!said.contains(&texts[0]) && !said.contains("not JSON"), "{said}");
        }
    }
}

#[test]
fn a_correction_replaces_the_label_of_a_training_row_and_copies_are_settled() {
    // A third of the cards' rows say `Loan`, and people put that right.
    let mut wrong = rows();
    let mut corrections = Vec::new();
    for (number, (text, label)) in wrong.iter_mut().enumerate() {
        if *label == "Card" && !is_held_out(text) && number % 2 == 0 {
            *label = "Loan";
            corrections.push(correction(text, "Card", number as u32));
        }
    }
    // Two copies contradict each other, so that the data set uses neither.
    let twins = new_texts("teller", 1);
    wrong.push((twins[0].clone(), "Account"));
    wrong.push((twins[0].clone(), "Loan"));
    assert!(!is_held_out(&twins[0]));
    let right = {
        let mut right = rows();
        right.push((twins[0].clone(), "Account"));
        right
    };
    corrections.push(correction(&twins[0], "Account", 1));
    // Where two categories are right, the first one is learnt.
    corrections[0]["also"] = "Loan".into();
    let job = Job::new().with_feedback();
    job.correct(&corrections);
    let corrected = trained(&job.run(&job.file("wrong.csv", csv(&wrong))));
    let told = feedback(&corrected);
    assert_eq!(told.relabelled_rows as usize, corrections.len() - 1);
    assert_eq!(told.rows as usize, corrections.len());
    let clean = trained(&job.run(&job.file("right.csv", csv(&right))));
    assert_eq!(corrected.metrics, clean.metrics, "as if the data set had been right");
    assert_eq!(corrected.dataset.train_rows, clean.dataset.train_rows);
    let job = Job::new();
    let uncorrected = trained(&job.run(&job.file("wrong.csv", csv(&wrong))));
    assert_ne!(uncorrected.metrics, clean.metrics);
}

#[test]
fn a_new_label_becomes_a_class_with_enough_corrections() {
    let texts = new_texts("voucher", 12);
    let kept: Vec<&String> = texts.iter().filter(|text| !is_held_out(text)).collect();
    // A label map speaks of the data set's labels, not of the model's.
    let rows = |count: usize| {
        let of_new = kept[..count].iter().map(|text| correction(text, "Vouchers", 1));
        of_new.chain([correction(&texts[11], "Kard", 2)]).collect::<Vec<_>>()
    };
    for (count, classes) in [(5, 4), (4, 3)] {
        let mut job = Job::new().with_feedback();
        job.config["dataset"]["labelMap"] = json!({ "Kard": "Card" });
        job.correct(&rows(count));
        let result = train(&job);
        assert_eq!(result.class_count, classes);
        let bytes = model(&job, &result);
        let labels = Artifact::from_bytes(&bytes).unwrap().labels().to_vec();
        assert_eq!(labels.contains(&"Vouchers".to_owned()), classes == 4, "{labels:?}");
        assert!(labels.is_sorted() && !labels.contains(&"Kard".to_owned()), "{labels:?}");
        if classes == 4 {
            assert_eq!(
                answer(&bytes, "the voucher voucher reward that they never gave"),
                "Vouchers"
            );
        }
        let told = feedback(&result);
        assert_eq!(told.records.rare_labels, if classes == 4 { 1 } else { 5 });
        let dropped: BTreeMap<&str, usize> = told.dropped_labels.iter().map(|d| (d.label.as_str(), d.rows)).collect();
        assert_eq!(dropped.get("Vouchers").copied(), (classes == 3).then_some(4));
        assert_eq!(dropped.get("Kard"), Some(&1));
        support::assert_answers(&bytes);
    }
}

#[test]
fn a_label_counts_only_the_corrections_that_may_train() {
    let held_out = side(true);
    let job = Job::new().with_feedback();
    let mut corrections: Vec<Value> = new_texts("voucher", 12)
        .iter()
        .filter(|text| !is_held_out(text))
        .take(4)
        .map(|text| correction(text, "Vouchers", 1))
        .collect();
    corrections.push(correction(&held_out[0].0, "Vouchers", 2));
    job.correct(&corrections);
    let result = train(&job);
    assert_eq!(result.class_count, 3);
    let counts = feedback(&result).records;
    assert_eq!((counts.held_out, counts.rare_labels), (1, 4));
}

#[test]
fn the_same_corrections_in_other_files_give_the_same_model() {
    let texts = new_texts("card", 9);
    let rows: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| correction(text, if number % 2 == 0 { "Card" } else { "Loan" }, number as u32))
        .collect();
    let together = Job::new().with_feedback();
    together.correct(&rows);
    let apart = Job::new().with_feedback();
    for (number, row) in rows.iter().rev().enumerate() {
        let day = format!("2026-11-{:02}", 10 + number);
        // A row may be written twice: who sends it again is not asked for its first time.
        let mut again = row.clone();
        again["by"] = "somebody".into();
        again["time"] = format!("{day}T23:00:00Z").into();
        apart.put(
            &path(&day, &format!("pod-{}", 9 - number)),
            segment(&[slice::from_ref(row), &[again]]),
        );
    }
    let (one, other) = (train(&together), train(&apart));
    assert_eq!(one.artifact, other.artifact);
    assert_eq!(model(&together, &one), model(&apart, &other));
    let (told, other) = (feedback(&one), feedback(&other));
    assert_eq!((told.sha256, told.rows), (other.sha256, other.rows));
    assert_eq!((told.records.superseded, other.records.superseded), (0, 9));
    assert_eq!((told.segments, other.segments), (1, 9));
    let threads = together.run_with(&together.path("data.csv"), &[], "1");
    assert_eq!(trained(&threads).artifact, one.artifact);

    // Another category of one text is another digest.
    let changed = Job::new().with_feedback();
    let mut rows = rows;
    rows[0]["category"] = "Account".into();
    changed.correct(&rows);
    let changed = train(&changed);
    assert_ne!(feedback(&changed).sha256, told.sha256);
    assert_ne!(changed.artifact.sha256, one.artifact.sha256);
}

#[test]
fn a_torn_segment_is_read_up_to_the_tear() {
    let texts = new_texts("card", 3);
    let rows: Vec<Value> = texts.iter().map(|text| correction(text, "Card", 1)).collect();
    let whole = segment(&[&rows[..1], &rows[1..2]]);
    let last = segment(&[&rows[2..]]);
    let job = Job::new().with_feedback();
    job.put(&path("2026-11-28", "a"), [&whole, &last[..last.len() - 5]].concat());
    let torn = train(&job);
    let told = feedback(&torn);
    assert_eq!((told.rows, told.segments, told.torn_segments), (2, 1, 1));
    job.put(&path("2026-11-28", "a"), &whole);
    let read = train(&job);
    assert_eq!(feedback(&read).sha256, told.sha256);
    assert_eq!(read.artifact, torn.artifact);
}

#[test]
fn the_latest_correction_counts_and_equal_times_are_told_apart_by_their_place() {
    let texts = new_texts("card", 2);
    let at = |minute| named("ticket", &texts[0], "Card", minute);
    let mut elsewhere = named("ticket", &texts[1], "Loan", 5);
    let digest_of = |segments: &[(&str, &str, Vec<Value>)]| {
        let job = Job::new().with_feedback();
        for (day, name, rows) in segments {
            job.put(&path(day, name), segment(&[rows]));
        }
        feedback(&train(&job)).sha256.unwrap()
    };
    let card = digest_of(&[("2026-11-28", "a", vec![at(1)])]);
    let loan = digest_of(&[("2026-11-28", "a", vec![elsewhere.clone()])]);
    assert_ne!(card, loan);
    let both = |first: &Value, second: &Value| digest_of(&[("2026-11-28", "a", vec![first.clone(), second.clone()])]);
    assert_eq!(both(&elsewhere, &at(1)), loan, "by time");
    assert_eq!(both(&elsewhere, &at(5)), card, "by place in a segment");
    assert_eq!(both(&at(5), &elsewhere), loan);
    let in_two = |first: &Value, second: &Value| {
        digest_of(&[
            ("2026-11-28", "b", vec![second.clone()]),
            ("2026-11-28", "a", vec![first.clone()]),
        ])
    };
    assert_eq!(in_two(&elsewhere, &at(5)), card, "by the path of a segment");
    assert_eq!(in_two(&at(5), &elsewhere), loan);
    // One moment, written in two zones.
    elsewhere["time"] = "2026-11-28T01:05:00.5+01:00".into();
    assert_eq!(both(&elsewhere, &at(5)), card);
    assert_eq!(both(&elsewhere, &at(4)), loan);
}

#[test]
fn held_out_rows_are_never_learnt_whatever_holds_them_out() {
    let all = rows();
    let lines = |part: &dyn Fn(usize) -> Value| -> String {
        let line = |(number, (text, label)): (usize, &Row)| {
            let mut row = json!({ "narrative": text, "product": label });
            row["part"] = part(number);
            format!("{row}\n")
        };
        all.iter().enumerate().map(line).collect()
    };
    let holdout = |job: &mut Job| {
        let path = job.file("holdout.csv", csv(&all[..60]));
        job.config["evaluation"]["holdout"] = json!({ "source": path, "format": "Csv" });
    };
    let published = |job: &mut Job| job.config["dataset"]["splitField"] = "part".into();
    let by_time = |job: &mut Job| {
        job.config["dataset"]["timeField"] = "part".into();
        job.config["evaluation"]["split"] = "Time".into();
    };
    type Set<'s> = &'s dyn Fn(&mut Job);
    let day = |number: usize| json!(format!("2026-{:02}-{:02}", 9 - number / 28, 28 - number % 28));
    let cases: [(Set<'_>, &dyn Fn(usize) -> Value); 3] = [
        (&holdout, &|_| Value::Null),
        (&published, &|number| json!(if number < 60 { "test" } else { "train" })),
        (&by_time, &day),
    ];
    for (set, part) in cases {
        for hashing in [Value::Null, json!(14)] {
            let mut job = Job::new();
            job.config["dataset"]["format"] = "JsonLines".into();
            job.config["evaluation"]["testFraction"] = 0.25.into();
            if !hashing.is_null() {
                job.config["features"]["hashingBits"] = hashing;
            }
            set(&mut job);
            let data = job.file("data.jsonl", lines(part));
            let without = trained(&job.run(&data));
            assert_eq!(without.dataset.test_rows, 60);
            let job = job.with_feedback();
            let corrections = all.iter().map(|(text, _)| correction(text, "Card", 1));
            job.correct(&corrections.collect::<Vec<_>>()[..120]);
            let result = trained(&job.run(&data));
            let told = feedback(&result);
            assert_eq!((told.records.held_out, told.rows), (60, 60), "{told:?}");
            assert_eq!(told.relabelled_rows, 40, "{told:?}");
            assert_eq!(result.dataset.test_rows, 60);
            assert_eq!(result.dataset.train_rows, without.dataset.train_rows);
            assert_eq!(result.dataset.holdout, without.dataset.holdout);
        }
    }
}

#[test]
fn a_holdouts_label_is_known_once_corrections_teach_it() {
    let job = Job::new();
    let mut held: Vec<Row> = rows()[..60].to_vec();
    held.push(("voucher that was never given for the reward points".into(), "Vouchers"));
    let mut job = job.with_feedback();
    job.config["evaluation"]["holdout"] = json!({ "source": job.file("holdout.csv", csv(&held)) });
    let texts = new_texts("voucher", 8);
    job.correct(
        &texts
            .iter()
            .map(|text| correction(text, "Vouchers", 1))
            .collect::<Vec<_>>(),
    );
    let result = train(&job);
    assert_eq!((result.class_count, result.dataset.test_rows), (4, 61));
    assert_eq!(result.dataset.holdout.unwrap().unknown_label_rows, 0);
    assert!(result.dataset.warnings.is_empty(), "{:?}", result.dataset.warnings);
}

/// What a comparison Job measures of a version, without any correction.
fn compared(job: &Job, result: &TrainingResult, data: &Path) -> CompareResult {
    let mut dataset = job.config["dataset"].clone();
    dataset["sha256"] = result.dataset.sha256.to_string().into();
    let request =
        json!({ "sha256": result.artifact.sha256, "dataset": dataset, "evaluation": job.config["evaluation"] });
    let model = job.path("store").join(&result.artifact.path);
    let ended = job.short(&[
        "compare",
        "--request",
        &request.to_string(),
        "--model",
        model.to_str().unwrap(),
        "--dataset",
        data.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    CompareResult::read(&ended.message.to_string()).unwrap()
}

#[test]
fn a_comparison_after_the_training_has_the_same_rows() {
    let texts = new_texts("voucher", 8);
    let new_class: Vec<Value> = texts.iter().map(|text| correction(text, "Vouchers", 1)).collect();
    // Every training row of a class is said to be another one.
    let emptied: Vec<Value> = side(false)
        .iter()
        .filter(|(_, label)| *label == "Account")
        .map(|(text, _)| correction(text, "Card", 1))
        .collect();
    for (corrections, classes) in [(new_class, 4), (emptied, 2)] {
        for hashing in [Value::Null, json!(14)] {
            let mut job = Job::new().with_feedback();
            if !hashing.is_null() {
                job.config["features"]["hashingBits"] = hashing;
            }
            job.correct(&corrections);
            let result = train(&job);
            assert_eq!(result.class_count, classes);
            let again = compared(&job, &result, &job.path("data.csv"));
            assert_eq!(again.evaluation, result.evaluation());
            assert!(again.same_split);
            let warned = result.dataset.warnings.iter();
            let lost = warned.filter(|warning| warning.reason == "LabelsCorrectedAway").count();
            assert_eq!(lost, usize::from(classes == 2));
            assert_eq!(again.unknown_label_rows > 0, classes == 2);
        }
    }
}

#[test]
fn corrections_that_leave_one_label_are_refused() {
    let job = Job::new().with_feedback();
    let all: Vec<Value> = side(false)
        .iter()
        .map(|(text, _)| correction(text, "Card", 1))
        .collect();
    job.correct(&all);
    job.run(&job.file("data.csv", csv(&rows()))).fails(
        65,
        "TooFewClasses",
        &["data.csv", "one label, after its corrections", "dataset.feedback"],
    );
}

#[test]
fn known_data_is_trained_on_again_when_corrections_came() {
    let mut job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let known = Sha256Digest::of_bytes(&std::fs::read(&data).unwrap()).to_string();
    job = job.with_feedback();
    let unchanged = |job: &Job, feedback: Option<&str>| -> Option<Value> {
        let mut arguments = vec!["--known-dataset", &known];
        arguments.extend(feedback.iter().flat_map(|sha256| ["--known-feedback", sha256]));
        let ended = job.run_with(&data, &arguments, "2");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.message.get("unchanged").cloned()
    };
    let alone = json!({ "datasetSha256": known });
    assert_eq!(unchanged(&job, None), Some(alone.clone()), "no correction");
    let text = new_texts("card", 1);
    job.correct(&[correction(&text[0], "Card", 1)]);
    assert_eq!(unchanged(&job, None), None, "the first correction");
    let digest = feedback(&train(&job)).sha256.unwrap().to_string();
    let both = json!({ "datasetSha256": known, "feedbackSha256": digest });
    assert_eq!(unchanged(&job, Some(&digest)), Some(both.clone()));
    // The same word again is nothing new.
    job.put(
        &path("2026-11-29", "b"),
        segment(&[&[correction(&text[0], "Card", 99)]]),
    );
    assert_eq!(unchanged(&job, Some(&digest)), Some(both));
    job.put(
        &path("2026-11-29", "b"),
        segment(&[&[correction(&text[0], "Loan", 99)]]),
    );
    assert_eq!(unchanged(&job, Some(&digest)), None);
    // A version with corrections is not what a training without them makes.
    job.config["feedback"] = "Exclude".into();
    assert_eq!(unchanged(&job, Some(&digest)), None);
    assert_eq!(unchanged(&job, None), Some(alone));
}

#[test]
fn a_configuration_that_names_neither_is_refused() {
    let mut job = Job::new();
    job.config["feedback"] = "Sometimes".into();
    job.run(&job.file("data.csv", csv(&rows())))
        .fails(64, "InvalidConfiguration", &["feedback"]);
}

#[test]
fn the_command_line_takes_a_folder_of_corrections() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let train = |feedback: &Path| {
        let options = [
            "train",
            "--text-field",
            "narrative",
            "--label-field",
            "product",
            "--folds",
            "2",
        ];
        let search = [
            "--algorithm",
            "complement-naive-bayes",
            "--alpha",
            "1",
            "--format",
            "json",
        ];
        trainer()
            .args([&options[..], &search].concat())
            .arg("--data")
            .arg(&data)
            .arg("--out")
            .arg(job.path("out"))
            .arg("--feedback")
            .arg(feedback)
            .output()
            .unwrap()
    };
    let texts = new_texts("card", 3);
    job.correct(&texts.iter().map(|text| correction(text, "Card", 1)).collect::<Vec<_>>());
    let output = train(&job.path("store/default/cards/feedback"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["dataset"]["feedback"]["rows"], 3);
    for elsewhere in [job.path("store/default/cards"), job.path("nowhere")] {
        let output = train(&elsewhere);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(
            said.contains("--feedback") && said.contains(elsewhere.to_str().unwrap()),
            "{said}"
        );
    }
}
