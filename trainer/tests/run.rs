//! `complaint-trainer run` on good data: files, message, determinism, comparison.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use complaint_model::{Artifact, Sha256Digest};
use complaint_report::Report;
use serde_json::{Value, json};
use support::{Ended, Job, csv, gzip, rows};

fn artifact(job: &Job, ended: &Ended) -> (Vec<u8>, String) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["artifact"]["path"].as_str().unwrap();
    (std::fs::read(job.path("store").join(path)).unwrap(), path.to_owned())
}

fn nested(rows: &[support::Row]) -> Vec<Value> {
    rows.iter()
        .map(|(text, label)| json!({ "_index": "complaints", "_source": { "narrative": text, "product": label } }))
        .collect()
}

#[test]
fn a_run_writes_the_files_of_the_contract() {
    let job = Job::new();
    let ended = job.run(&job.file("data.csv", csv(&rows())));
    let (bytes, path) = artifact(&job, &ended);
    let message = &ended.message;
    let digest = Sha256Digest::of_bytes(&bytes).to_string();
    assert_eq!(path, format!("default/cards/{digest}/model.safetensors"));
    assert_eq!(message["artifact"]["sha256"], digest);
    assert_eq!(message["artifact"]["sizeBytes"], bytes.len());
    assert_eq!(message["artifact"]["format"], "safetensors/2");
    assert_eq!(message["classCount"], 3);
    assert_eq!(message["dataset"]["rows"], 240);
    assert_eq!(message["trials"], json!({ "succeeded": 5, "failed": 0, "total": 5 }));
    assert_eq!(message["split"], "v1/seed=42/testFraction=0.25");
    assert!(message.get("comparison").is_none());
    let macro_f1 = message["metrics"]["macroF1"].as_f64().unwrap();
    assert!((0.7..=1.0).contains(&macro_f1), "{macro_f1}");
    assert_eq!(macro_f1, (macro_f1 * 1e4).round() / 1e4);

    let report = std::fs::read(job.path("store").join(message["report"]["path"].as_str().unwrap())).unwrap();
    assert_eq!(message["report"]["sha256"], Sha256Digest::of_bytes(&report).to_string());
    let parsed: Report = serde_json::from_slice(&report).unwrap();
    assert_eq!(parsed.metrics.macro_f1, macro_f1);
    assert_eq!(parsed.trials.len(), 5);
    assert_eq!(
        parsed.confusion_matrix.rows.iter().flatten().sum::<usize>(),
        message["dataset"]["testRows"].as_u64().unwrap() as usize
    );
    let text = String::from_utf8(report).unwrap();
    assert!(!text.contains("case \\\""), "the report contains no complaint text");
    let directory = job.path("store").join(&path);
    let page = std::fs::read_to_string(directory.with_file_name("report.html")).unwrap();
    assert!(
        page.contains("cards-1") && !page.contains("http"),
        "the page loads nothing from elsewhere"
    );
    let record = std::fs::read_to_string(directory.with_file_name("modelversion.yaml")).unwrap();
    assert!(record.contains("\"kind\": \"ModelVersion\"") && record.contains(&digest));

    let stages: Vec<String> = ended
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("every line is JSON")["progress"]["stage"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .fold(Vec::new(), |mut stages, stage| {
            if stages.last() != Some(&stage) {
                stages.push(stage);
            }
            stages
        });
    assert_eq!(
        stages,
        [
            "Loading",
            "Preprocessing",
            "Searching",
            "Fitting",
            "Evaluating",
            "Writing",
            "Done"
        ]
    );
}

#[test]
fn the_served_model_answers() {
    let job = Job::new();
    let (bytes, _) = artifact(&job, &job.run(&job.file("data.csv", csv(&rows()))));
    support::assert_answers(&bytes);
}

#[test]
fn every_format_gives_the_same_model() {
    let rows = rows();
    let lines: String = nested(&rows).iter().map(|record| format!("{record}\n")).collect();
    let array = serde_json::to_string(&nested(&rows)).unwrap();
    let answer = json!({ "took": 3, "hits": { "total": 240, "hits": nested(&rows) } }).to_string();
    let plain_lines: String = rows
        .iter()
        .map(|(text, label)| format!("{}\n", json!({ "narrative": text, "product": label })))
        .collect();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("export/complaints.csv", zip::write::SimpleFileOptions::default())
        .unwrap();
    std::io::Write::write_all(&mut zip, csv(&rows).as_bytes()).unwrap();
    let zipped = zip.finish().unwrap().into_inner();
    let zstd = ruzstd::encoding::compress_to_vec(csv(&rows).as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let with_bom = format!("\u{feff}{}", csv(&rows).replace('\n', "\r\n"));
    let cases: [(&str, Vec<u8>, &str, bool); 9] = [
        ("data.csv", csv(&rows).into(), "Csv", false),
        ("bom.csv", with_bom.into(), "Csv", false),
        ("data.csv.gz", gzip(csv(&rows).as_bytes()), "Csv", false),
        ("data.csv.zip", zipped, "Csv", false),
        ("data.csv.zst", zstd, "Csv", false),
        ("data.jsonl", plain_lines.into(), "JsonLines", false),
        ("nested.jsonl.gz", gzip(lines.as_bytes()), "JsonLines", true),
        ("array.json", array.into(), "Json", true),
        ("answer.json", answer.into(), "Json", true),
    ];
    let mut weights = Vec::new();
    for (name, bytes, format, nested) in cases {
        let mut job = Job::new();
        job.config["dataset"]["format"] = json!(format);
        if nested {
            job.config["dataset"]["textField"] = json!("_source.narrative");
            job.config["dataset"]["labelFields"] = json!(["_source.product"]);
        }
        let (model, _) = artifact(&job, &job.run(&job.file(name, bytes)));
        let model = Artifact::from_bytes(&model).unwrap();
        weights.push((name, model.model().clone(), model.calibration().clone()));
    }
    for (name, model, calibration) in &weights[1..] {
        assert_eq!(model, &weights[0].1, "{name}");
        assert_eq!(calibration, &weights[0].2, "{name}");
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let one = Job::new();
    let (first, _) = artifact(&one, &one.run_with(&one.file("data.csv", csv(&rows())), &[], "1"));
    for threads in ["2", "5"] {
        let job = Job::new();
        let ended = job.run_with(&job.file("data.csv", csv(&rows())), &[], threads);
        assert_eq!(artifact(&job, &ended).0, first, "{threads} threads");
    }
}

#[test]
fn held_out_texts_leave_no_trace() {
    // Words that only the held-out part has must be unknown to the model, and change nothing in it.
    let with_split = |marker: &str| {
        let mut text = String::from("narrative,product,part\n");
        for (number, (narrative, product)) in rows().iter().enumerate() {
            let test = number % 4 == 0;
            let extra = if test { marker } else { "" };
            text.push_str(&format!(
                "{} {extra},{product},{}\n",
                narrative.replace(['"', ','], " "),
                if test { "test" } else { "train" }
            ));
        }
        text
    };
    let mut models = Vec::new();
    for marker in ["zebra", "quagga quagga"] {
        let mut job = Job::new();
        job.config["dataset"]["splitField"] = json!("part");
        let ended = job.run(&job.file("data.csv", with_split(marker)));
        assert_eq!(ended.message["dataset"]["testRows"], 60);
        let model = Artifact::from_bytes(&artifact(&job, &ended).0).unwrap();
        let terms: Vec<&str> = (0..model.vocabulary().len() as u32)
            .map(|term| model.vocabulary().term(term))
            .collect();
        assert!(
            !terms
                .iter()
                .any(|term| term.contains("zebra") || term.contains("quagga"))
        );
        models.push((model.model().clone(), model.idf().to_vec(), model.calibration().clone()));
    }
    assert_eq!(models[0], models[1]);
}

#[test]
fn a_champion_is_compared_on_the_same_rows() {
    let mut job = Job::new();
    job.config["search"]["candidates"] = json!([{ "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [1.0] } }]);
    let data = job.file("data.csv", csv(&rows()));
    let first = job.run(&data);
    let (bytes, path) = artifact(&job, &first);
    let champion = job.path("store").join(path);
    let mut next = Job::new();
    next.config["champion"] = json!({ "name": "cards-0", "sha256": Sha256Digest::of_bytes(&bytes).to_string() });
    let ended = next.run_with(&data, &["--champion", champion.to_str().unwrap()], "2");
    let comparison = &ended.message["comparison"];
    assert_eq!(comparison["championRef"]["name"], "cards-0", "{}", ended.stderr);
    assert_eq!(
        comparison["championValue"], first.message["metrics"]["macroF1"],
        "the champion has the same score as in its own run"
    );
    assert_eq!(comparison["value"], ended.message["metrics"]["macroF1"]);
    assert_eq!(comparison["rows"], ended.message["dataset"]["testRows"]);
    assert_eq!(
        (&comparison["sameLabels"], &comparison["sameSplit"]),
        (&json!(true), &json!(true))
    );
    let interval: Vec<f64> = serde_json::from_value(comparison["confidenceInterval"].clone()).unwrap();
    let difference = comparison["difference"].as_f64().unwrap();
    assert!(interval[0] <= difference && difference <= interval[1], "{comparison}");

    next.config["champion"]["sha256"] = json!("0".repeat(64));
    let wrong = next.run_with(&data, &["--champion", champion.to_str().unwrap()], "2");
    wrong.fails(1, "ChampionUnreadable", &["SHA-256", champion.to_str().unwrap()]);
    next.run_with(&data, &["--champion", "/nowhere/model.safetensors"], "2")
        .fails(1, "ChampionUnreadable", &["/nowhere"]);
}

#[test]
fn copies_rare_labels_and_gaps_are_counted() {
    let mut text = csv(&rows());
    let first = text.lines().nth(1).unwrap().to_owned();
    text.push_str(&format!("{first}\n{first}\n"));
    text.push_str(
        "900,only a few of these,Rare\n901,,Card\n902,no label here,\n903,said twice,Card\n904,said twice,Loan\n",
    );
    let job = Job::new();
    let ended = job.run(&job.file("data.csv", text));
    let dataset = &ended.message["dataset"];
    assert_eq!(dataset["rows"], 240, "{}", ended.stderr);
    assert_eq!(dataset["duplicates"], 2);
    assert_eq!(dataset["droppedLabels"], json!([{ "label": "Rare", "rows": 1 }]));
    let report: Value = serde_json::from_slice(
        &std::fs::read(
            job.path("store")
                .join(ended.message["report"]["path"].as_str().unwrap()),
        )
        .unwrap(),
    )
    .unwrap();
    assert_eq!(report["dataset"]["contradictions"], 2);
    assert_eq!(report["dataset"]["emptyRows"], 2);
}

#[test]
fn labels_are_joined_and_mapped() {
    let mut job = Job::new();
    job.config["dataset"]["labelFields"] = json!(["product", "kind"]);
    job.config["dataset"]["labelMap"] = json!({ "Loan + a": "Credit", "Account + a": "Credit" });
    let text: String = csv(&rows())
        .lines()
        .enumerate()
        .map(|(line, text)| format!("{text},{}\n", if line == 0 { "kind" } else { "a" }))
        .collect();
    let ended = job.run(&job.file("data.csv", text));
    let (bytes, _) = artifact(&job, &ended);
    assert_eq!(Artifact::from_bytes(&bytes).unwrap().labels(), ["Card + a", "Credit"]);
}

#[test]
fn a_run_ends_at_once_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    // Reading a pipe that nobody writes to never ends.
    let pipe = folder.path().join("data.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = Command::new(env!("CARGO_BIN_EXE_complaint-trainer"))
        .args(["train", "--text-field", "a", "--label-field", "b", "--out"])
        .arg(folder.path().join("out"))
        .arg("--data")
        .arg(&pipe)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first line says that it is working.
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("Loading"), "{line}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
}

#[test]
fn the_report_says_what_is_answered_without_a_person() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let plain = job.run(&data);
    let mut asked = Job::new();
    asked.config["review"] = json!({ "abstainBelow": 0.3, "thresholds": [
        { "category": "Card", "minPrecision": 0.8 }, { "category": "Loan", "minRecall": 0.5 },
        { "category": "Account", "minPrecision": 0.999 }, { "category": "Cards", "minRecall": 0.5 } ] });
    let ended = asked.run(&asked.file("data.csv", csv(&rows())));
    assert_eq!(
        artifact(&job, &plain).0,
        artifact(&asked, &ended).0,
        "rules make no other model"
    );
    let report = |job: &Job, ended: &Ended| -> Report {
        let path = ended.message["report"]["path"].as_str().unwrap();
        serde_json::from_slice(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
    };
    assert_eq!(report(&job, &plain).review, None);
    let review = report(&asked, &ended).review.expect("there are rules");
    assert_eq!(review.unknown_categories, ["Cards"]);
    let [card, loan, account] = &review.thresholds[..] else {
        panic!("{:?}", review.thresholds);
    };
    assert!(card.is_reached && loan.is_reached && !account.is_reached);
    assert_eq!((account.probability, account.answered), (None, 0));
    assert!(account.answers > 0 && account.precision.is_none());
    // The share is held on rows that neither model nor threshold has seen, as far as so few show it.
    let right = card.precision.expect("some are answered");
    assert!(right.confidence_interval[1] >= 0.8, "{right:?}");
    assert!(loan.recall.expect("it has rows") > 0.3 && loan.answered < loan.answers);
    assert!(review.answered > 0.2 && review.answered < 0.9);
    let page = asked
        .path("store")
        .join(ended.message["report"]["path"].as_str().unwrap());
    let page = std::fs::read_to_string(page.with_file_name("report.html")).unwrap();
    assert!(page.contains("Answered without a person") && page.contains("all need review"));
}
