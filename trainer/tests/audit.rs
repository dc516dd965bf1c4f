//! The audit of labels: wrong ones are found, right ones are left alone, and the files say no more than they should.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use complaint_contract::segments::Kind;
use serde_json::{Value, json};
use support::corrections::correction;
use support::labelled::{Labelled, cfpb, example};
use support::{Job, trainer};

/// Gives a tenth of the rows another label, drawn uniformly. Returns their numbers.
fn flip(rows: &mut Labelled, seed: u64) -> BTreeSet<u64> {
    let labels: Vec<String> = rows
        .iter()
        .map(|row| row.1.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut state = seed;
    let mut draw = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut flipped = BTreeSet::new();
    while flipped.len() < rows.len() / 10 {
        let row = draw(rows.len());
        if flipped.insert(row as u64 + 1) {
            let place = labels.iter().position(|label| *label == rows[row].1).unwrap();
            rows[row].1 = labels[(place + 1 + draw(labels.len() - 1)) % labels.len()].clone();
        }
    }
    flipped
}

fn to_csv(rows: &Labelled) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(["text", "label"]).unwrap();
    rows.iter()
        .for_each(|(text, label)| writer.write_record([text, label]).unwrap());
    writer.into_inner().unwrap()
}

/// An audit of these rows with further arguments.
struct Audited {
    summary: Value,
    /// The file of suspects, without its header.
    suspects: Vec<Vec<String>>,
    file: String,
    _job: Job,
}

fn command(data: &Path, out: &Path, arguments: &[&str], threads: &str) -> Output {
    trainer()
        .arg("audit")
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(["--text-field", "text", "--label-field", "label", "--format", "json"])
        .args(arguments)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap()
}

fn audit_on(rows: &Labelled, arguments: &[&str], threads: &str) -> Audited {
    let job = Job::new();
    let data = job.file("data.csv", to_csv(rows));
    let out = job.path("suspects.csv");
    let output = command(&data, &out, arguments, threads);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary.as_object_mut().unwrap().remove("out"), Some(json!(out)));
    let file = std::fs::read_to_string(&out).unwrap();
    let mut reader = ::csv::Reader::from_reader(file.as_bytes());
    let suspects = reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect());
    Audited {
        suspects: suspects.collect(),
        summary,
        file,
        _job: job,
    }
}

fn audit(rows: &Labelled, arguments: &[&str]) -> Audited {
    audit_on(rows, arguments, "2")
}

/// The share of `flipped` rows among as many suspects.
fn found(audited: &Audited, flipped: &BTreeSet<u64>) -> f64 {
    let rows = audited.suspects.iter().take(flipped.len());
    let hits = rows.filter(|row| flipped.contains(&row[0].parse().unwrap())).count();
    hits as f64 / flipped.len() as f64
}

#[test]
fn wrong_labels_are_found_and_right_ones_left_alone() {
    let clean = example();
    let audited = audit(&clean, &[]);
    println!(
        "example: noise {}, {} suspects",
        audited.summary["noise"],
        audited.suspects.len()
    );
    assert!(audited.suspects.len() * 100 < clean.len(), "{}", audited.summary);
    assert_eq!(audited.summary["lookAlikes"], json!([]));
    assert_eq!(audited.summary["rows"], 1263, "no row is held out");
    for seed in [1, 2] {
        let mut rows = clean.clone();
        let flipped = flip(&mut rows, seed);
        let audited = audit(&rows, &[]);
        let share = found(&audited, &flipped);
        println!("example, seed {seed}: {share:.3} of {} flips", flipped.len());
        assert!(share >= 0.65, "{share}");
        let noise = audited.summary["noise"].as_f64().unwrap();
        assert!((noise - 0.1).abs() < 0.04, "{noise}");
        for row in &audited.suspects {
            let number: usize = row[0].parse().unwrap();
            assert_eq!(row[1], rows[number - 1].1, "the label as it is given");
            assert_ne!(row[1], row[2]);
        }
    }
    let Some(clean) = cfpb() else { return };
    let mut rows = clean.clone();
    let flipped = flip(&mut rows, 1);
    let share = found(&audit(&rows, &[]), &flipped);
    println!("cfpb: {share:.3} of {} flips", flipped.len());
    assert!(share >= 0.7, "{share}");
}

#[test]
fn one_category_under_two_names_is_told() {
    let mut rows = example();
    let fraud = rows.iter_mut().filter(|row| row.1 == "Fraud");
    fraud.step_by(2).for_each(|row| "Scam".clone_into(&mut row.1));
    let audited = audit(&rows, &[]);
    let pairs = audited.summary["lookAlikes"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!(pairs[0]["labels"], json!(["Fraud", "Scam"]));
    let merged = audit(&rows, &["--label-map", "Scam=Fraud"]);
    assert_eq!(merged.summary["lookAlikes"], json!([]));
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let mut rows = example();
    flip(&mut rows, 3);
    let [one, three] = ["1", "3"].map(|threads| audit_on(&rows, &["--texts"], threads));
    assert!(!one.suspects.is_empty());
    assert_eq!(one.file, three.file);
    assert_eq!(one.summary, three.summary);
    let reports = ["1", "3"].map(|threads| written(&Job::new(), &rows, &[], threads));
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn the_file_holds_texts_only_on_request() {
    let mut rows = example();
    flip(&mut rows, 4);
    let plain = audit(&rows, &[]);
    assert!(plain.file.starts_with("row,given,suspected,confidence,margin\n"));
    for hashing in [&[][..], &["--hashing-bits", "16"]] {
        let told = audit(&rows, &[&["--texts"][..], hashing].concat());
        assert!(told.file.starts_with("row,given,suspected,confidence,margin,text\n"));
        assert!(!told.suspects.is_empty());
        for row in &told.suspects {
            let number: usize = row[0].parse().unwrap();
            let text = rows[number - 1].0.trim();
            assert!(
                row[5] == text || row[5].strip_prefix('\'') == Some(text),
                "row {number}"
            );
        }
    }
    let help = trainer().args(["audit", "--help"]).output().unwrap().stdout;
    assert!(String::from_utf8(help).unwrap().contains("WARNING"));
}

#[test]
fn an_unusable_place_for_the_file_is_told_first() {
    let job = Job::new();
    let data = job.file("data.csv", to_csv(&example()));
    let missing = job.path("missing").join("suspects.csv");
    let cases: [(PathBuf, &str); 3] = [
        (data.clone(), "is the data set itself"),
        (job.directory.path().to_owned(), "is a directory"),
        (missing, "can't be written"),
    ];
    for (out, problem) in cases {
        let output = command(&data, &out, &[], "2");
        assert_eq!(output.status.code(), Some(64));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(problem) && told.contains("--out"), "{told}");
        assert!(!told.contains("Searching"), "told before the search");
    }
    assert_eq!(std::fs::read(&data).unwrap(), to_csv(&example()));
    // An earlier file is replaced, and nothing else stays behind.
    let out = job.file("suspects.csv", "old");
    assert!(
        command(&data, &out, &["--algorithm", "complement-naive-bayes"], "2")
            .status
            .success()
    );
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("row,"));
    assert_eq!(std::fs::read_dir(job.directory.path()).unwrap().count(), 2);
}

/// The report of a training on these rows.
fn report(job: &Job, rows: &Labelled, arguments: &[&str]) -> Value {
    serde_json::from_slice(&written(job, rows, arguments, "2")).unwrap()
}

/// The bytes of that report.
fn written(job: &Job, rows: &Labelled, arguments: &[&str], threads: &str) -> Vec<u8> {
    let data = job.file("data.csv", to_csv(rows));
    let out = job.path("out");
    let output = trainer()
        .arg("train")
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(&out)
        .args(["--text-field", "text", "--label-field", "label"])
        .args(arguments)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<section id=\"labels\""));
    std::fs::read(out.join("report.json")).unwrap()
}

#[test]
fn a_training_reports_its_suspects() {
    let mut rows = example();
    let job = Job::new();
    // The rows of a holdout have numbers of their own.
    let held_out = rows.split_off(1100);
    let flipped = flip(&mut rows, 5);
    let held_out = job.file("holdout.csv", to_csv(&held_out));
    let held_out = held_out.to_str().unwrap();
    for (arguments, texts) in [
        (&[][..], false),
        (&["--include-texts"], true),
        (&["--include-texts", "--hashing-bits", "16"], true),
        (
            &["--include-texts", "--hashing-bits", "16", "--holdout", held_out],
            true,
        ),
    ] {
        let report = report(&job, &rows, arguments);
        let audit = &report["labelAudit"];
        assert_eq!(audit["rows"], report["dataset"]["trainRows"]);
        let suspects = audit["suspectedRows"].as_array().unwrap();
        assert_eq!(audit["suspects"], suspects.len());
        let mut hits = 0;
        for suspect in suspects {
            let number = suspect["row"].as_u64().unwrap();
            let (text, label) = &rows[number as usize - 1];
            assert_eq!(suspect["given"], **label);
            assert_eq!(suspect["text"], if texts { json!(text.trim()) } else { Value::Null });
            hits += usize::from(flipped.contains(&number));
        }
        assert!(
            hits * 2 > suspects.len() && hits > 25,
            "{arguments:?}: {hits} of {}",
            suspects.len()
        );
    }
    let report = report(&job, &example(), &[]);
    assert!(
        report["labelAudit"]["suspects"].as_u64().unwrap() < 10,
        "{}",
        report["labelAudit"]
    );
}

/// A correction is a given label like any other: one that is wrong is suspected, too.
#[test]
fn corrections_are_audited() {
    let rows = example();
    let job = Job::new();
    let labels: Vec<String> = rows
        .iter()
        .map(|row| row.1.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut corrections = Vec::new();
    for (number, (text, label)) in rows.iter().enumerate().step_by(10) {
        let place = labels.iter().position(|other| other == label).unwrap();
        let wrong = &labels[(place + 1 + number / 10 % (labels.len() - 1)) % labels.len()];
        // Some have the text of a row and replace its label, the others are rows of their own.
        let text = match number % 50 {
            0 => text.clone(),
            _ => text.split_once(' ').unwrap().1.to_owned(),
        };
        corrections.push(correction(&text, wrong, number as u32));
    }
    job.correct(&corrections);
    let feedback = job.path("store").join(Kind::Feedback.path("default", "cards"));
    let audited = audit(&rows, &["--feedback", feedback.to_str().unwrap(), "--texts"]);
    let (own, of_source): (Vec<_>, Vec<_>) = audited.suspects.iter().partition(|row| row[0] == "correction");
    let relabelled = of_source
        .iter()
        .filter(|row| row[0].parse::<usize>().unwrap() % 50 == 1);
    println!(
        "{} corrections and {} rows with a corrected label are suspected",
        own.len(),
        relabelled.clone().count()
    );
    assert!(own.len() > 50 && relabelled.count() > 12);
    assert!(audited.suspects.iter().all(|row| !row[5].is_empty()));
}
