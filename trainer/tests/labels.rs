//! Labels: what is warned about, what is never named, and that every record is accounted for.

mod support;

use serde_json::{Value, json};
use support::{Ended, Job, Row, csv, rows, trainer};

/// The rows with the labels of every third one replaced.
fn relabelled(label: impl Fn(usize) -> Option<&'static str>) -> Vec<Row> {
    let mut rows = rows();
    for (number, row) in rows.iter_mut().enumerate() {
        if let Some(label) = label(number) {
            row.1 = label;
        }
    }
    rows
}

fn trained(job: &Job, text: String) -> Ended {
    let ended = job.run(&job.file("data.csv", text));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

/// The report that a run wrote.
fn report(job: &Job, ended: &Ended) -> Value {
    let path = ended.message["report"]["path"].as_str().unwrap();
    serde_json::from_slice(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
}

/// The warning of one reason, in result and report.
fn warning(job: &Job, ended: &Ended, reason: &str) -> String {
    let find = |warnings: &Value| -> String {
        let found = warnings
            .as_array()
            .into_iter()
            .flatten()
            .find(|warning| warning["reason"] == reason);
        found.unwrap_or_else(|| panic!("no {reason} in {warnings}"))["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let told = find(&ended.message["dataset"]["warnings"]);
    assert_eq!(told, find(&report(job, ended)["dataset"]["warnings"]));
    told
}

#[test]
fn labels_that_are_probably_mistakes_are_told() {
    let cases: [(Vec<Row>, Value, &str, &[&str]); 4] = [
        (
            relabelled(|number| (number % 6 == 0).then_some("ca\u{a0}rd")),
            json!({}),
            "LabelsAlike",
            &["`Card` (2 forms)", "dataset.labelMap"],
        ),
        (
            relabelled(|number| (number % 6 == 1).then_some("NULL")),
            json!({}),
            "LabelsLikeMissing",
            &["`NULL` (40 rows)"],
        ),
        (
            rows(),
            json!({ "Kard": "Karte", "Card": "Karte" }),
            "LabelMapUnused",
            &["`Kard`", "spelling"],
        ),
        (
            relabelled(|number| (number < 3).then_some("Rare")),
            json!({}),
            "LabelsDropped",
            &["Rare (3 rows)", "minSamplesPerClass"],
        ),
    ];
    for (rows, map, reason, parts) in cases {
        let mut job = Job::new();
        job.config["dataset"]["labelMap"] = map;
        let ended = trained(&job, csv(&rows));
        let told = warning(&job, &ended, reason);
        for part in parts {
            assert!(told.contains(part), "`{part}` is missing in {told}");
        }
    }
    let job = Job::new();
    assert!(trained(&job, csv(&rows())).message["dataset"].get("warnings").is_none());
}

/// A label is a value of a row.
#[test]
fn a_label_that_may_be_a_persons_data_is_counted_and_not_named() {
    let personal = |number: usize| {
        ["jane@example.org", "4111 1111 1111 1111", "+49 170 1234567"]
            .get(number)
            .copied()
    };
    let job = Job::new();
    let ended = trained(&job, csv(&relabelled(personal)));
    let told = warning(&job, &ended, "LabelsDropped");
    assert!(told.contains("3 whose names are not shown"), "{told}");
    let all = format!("{}{}{}", ended.message, ended.stdout, ended.stderr);
    assert!(
        !all.contains("jane@") && !all.contains("4111 1111") && !all.contains("+49"),
        "{all}"
    );

    // Each row has a label of its own: nothing is left, and nothing is named.
    let text: String = (0..30)
        .map(|number| format!("{number},a text about thing{number},jane{number}@example.org\n"))
        .collect();
    let ended = job.run(&job.file("data.csv", format!("id,narrative,product\n{text}")));
    ended.fails(65, "TooFewClasses", &[]);
    assert!(
        !format!("{}{}", ended.message, ended.stderr).contains("jane"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_label_that_is_too_long_is_found_when_it_is_read() {
    let mut rows = rows();
    rows[4].1 = Box::leak(format!("Card {}", "x".repeat(1000)).into_boxed_str());
    let job = Job::new();
    job.run(&job.file("data.csv", csv(&rows))).fails(
        65,
        "MalformedDataset",
        &["row 5", "1005 bytes, more than 1000", "column `product`"],
    );
    // 256 characters of four bytes are what `labelMap` may give.
    let mut job = Job::new();
    job.config["dataset"]["labelMap"] = json!({ "Card": "🦀".repeat(256) });
    trained(&job, csv(&support::rows()));
}

#[test]
fn every_record_is_accounted_for_in_result_and_report() {
    let mut records: Vec<Value> = rows()
        .iter()
        .map(|(text, label)| json!({ "narrative": text, "product": label, "year": 1 }))
        .collect();
    let copy = |number: usize, label: &str| json!({ "narrative": rows()[number].0, "product": label, "year": 1 });
    records.extend([
        json!({ "narrative": 7, "product": "Card", "year": 1 }),
        json!({ "narrative": ["a list"], "product": "Card", "year": 1 }),
        json!({ "narrative": { "an": "object" }, "product": "Card", "year": 1 }),
        json!({ "narrative": "  ", "product": "Card", "year": 1 }),
        json!({ "narrative": null, "product": "Card", "year": 1 }),
        json!({ "narrative": "a text", "product": ["Card"], "year": 1 }),
        json!({ "narrative": "a text", "product": "", "year": 1 }),
        json!({ "narrative": "a rare thing", "product": "Rare", "year": 1 }),
        json!({ "narrative": "of another year", "product": "Card", "year": 2 }),
        copy(0, rows()[0].1),
        copy(1, "Card"),
    ]);
    let mut job = Job::new();
    job.config["dataset"]["format"] = json!("Json");
    job.config["dataset"]["filter"] = json!({ "year": ["1"] });
    let ended = trained(&job, json!(records).to_string());
    let counts = &ended.message["dataset"]["records"];
    assert_eq!(counts, &report(&job, &ended)["profile"]["records"]);
    for (reason, expected) in [
        ("records", 251),
        ("notSelected", 1),
        ("withoutText", 2),
        ("textOfOtherType", 3),
        ("withoutLabel", 1),
        ("labelOfOtherType", 1),
        ("duplicates", 1),
        ("contradictory", 2),
        ("rareLabels", 1),
    ] {
        assert_eq!(counts[reason], expected, "{reason}: {counts}");
    }
    let counts: complaint_contract::RecordCounts = serde_json::from_value(counts.clone()).unwrap();
    assert_eq!(counts.used(), ended.message["dataset"]["rows"].as_u64().unwrap());
    let told = warning(&job, &ended, "FieldsOfOtherType");
    assert!(
        told.contains("3 records whose text is a number, a list or an object"),
        "{told}"
    );
}

#[test]
fn a_class_whose_texts_are_lists_does_not_vanish_silently() {
    let records: Vec<Value> = rows()
        .iter()
        .filter(|(_, label)| *label != "Account")
        .map(|(text, label)| match *label {
            "Card" => json!({ "narrative": [text], "product": label }),
            _ => json!({ "narrative": text, "product": label }),
        })
        .collect();
    let mut job = Job::new();
    job.config["dataset"]["format"] = json!("Json");
    job.run(&job.file("data.json", json!(records).to_string())).fails(
        65,
        "TooFewClasses",
        &["`Loan` 80", "80 whose text is a number, a list or an object"],
    );
}

#[test]
fn a_label_map_renames_once() {
    for (map, told) in [
        (
            json!({ "Card": "Loan", "Loan": "Card" }),
            "dataset.labelMap renames Card to Loan, which is itself renamed",
        ),
        (
            json!({ "A": "B", "B": "C" }),
            "dataset.labelMap renames A to B, which is itself renamed",
        ),
    ] {
        let mut job = Job::new();
        job.config["dataset"]["labelMap"] = map;
        job.run(&job.file("data.csv", csv(&rows())))
            .fails(64, "InvalidConfiguration", &[told]);
    }
    let mut job = Job::new();
    job.config["dataset"]["labelMap"] = json!({ "Card": "Loan", "Loan": "Loan" });
    assert_eq!(trained(&job, csv(&rows())).message["classCount"], 2);
}

#[test]
fn a_terminal_shows_control_characters_and_does_not_obey_them() {
    let rows = relabelled(|number| (number % 3 == 0).then_some("Card\u{1b}[2J\u{9b}31m\u{202e}"));
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows));
    let places = [
        "--data",
        data.to_str().unwrap(),
        "--text-field",
        "narrative",
        "--label-field",
        "product",
    ];
    let out = job.path("out");
    let quick = [
        "--out",
        out.to_str().unwrap(),
        "--algorithm",
        "complement-naive-bayes",
        "--alpha",
        "1",
        "--folds",
        "2",
    ];
    for format in ["table", "json"] {
        for command in [&["profile"] as &[&str], &["train"]] {
            let more: &[&str] = if command == ["train"] { &quick } else { &[] };
            let output = trainer()
                .args(command)
                .args(places)
                .args(more)
                .args(["--format", format])
                .output()
                .unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(output.status.success(), "{text}");
            let obeyed = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
            assert!(!text.contains(obeyed), "{command:?} {format}");
            assert!(text.contains("[2J"), "{command:?} {format}: {text}");
        }
    }
}
