//! `features.wordVectors`: words that few training rows have, or none, count by their vectors; the folds decide how much.

mod support;

use std::path::{Path, PathBuf};

use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor, Sha256Digest};
use serde_json::{Value, json};
use support::{Ended, Job, gzip, trainer};

const LABELS: [&str; 3] = ["Card", "Loan", "Account"];
/// Words of each class. Most of them are in few rows.
const WORDS: usize = 144;

/// A word of letters that no lemma and no stop word has.
fn word(class: usize, number: usize) -> String {
    let syllables = ["ba", "du", "fe", "gi", "lo", "ma", "ne", "po", "ru", "ti", "vo", "zu"];
    let start = ["kor", "vel", "mun"][class];
    format!("{start}{}{}k", syllables[number / 12 % 12], syllables[number % 12])
}

/// Pseudo-random numbers below a bound.
fn draw() -> impl FnMut(usize) -> usize {
    let mut state = 7_u64;
    move |bound| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

/// Texts of three words of their class and three of others, with a number that makes each its own.
fn csv() -> String {
    let mut draw = draw();
    let mut text = String::from("narrative,product\n");
    for row in 0..180 {
        let class = row % 3;
        let words: Vec<String> = (0..6)
            .map(|place| {
                let of = if place < 4 { class } else { draw(3) };
                word(of, draw(WORDS))
            })
            .collect();
        text.push_str(&format!("the {} bank {row},{}\n", words.join(" "), LABELS[class]));
    }
    text
}

/// Vectors in which the words of a class are near each other.
fn vectors() -> String {
    let mut draw = draw();
    let mut text = String::from("434 4\nthe 0.1 0.1 0.1 0.1\nbank 0 0.1 0 0.1\n");
    for number in 0..WORDS {
        for class in 0..3 {
            let mut own = [0.0; 4].map(|_: f64| draw(100) as f64 / 200.0 - 0.25);
            own[class] += 1.0;
            let own = own.map(|number| format!("{number:.3}")).join(" ");
            text.push_str(&format!("{} {own}\n", word(class, number)));
        }
    }
    text
}

struct Trained {
    message: Value,
    report: Value,
    model: Vec<u8>,
    record: Value,
}

fn trained(job: &Job, ended: &Ended) -> Trained {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = job
        .path("store")
        .join(ended.message["artifact"]["path"].as_str().unwrap());
    let json = |name: &str| -> Value {
        let text = std::fs::read_to_string(path.with_file_name(name)).unwrap();
        serde_json::from_str(&text.lines().filter(|line| !line.starts_with('#')).collect::<String>()).unwrap()
    };
    Trained {
        message: ended.message.clone(),
        report: json("report.json"),
        model: std::fs::read(&path).unwrap(),
        record: json("modelversion.yaml"),
    }
}

/// A job with these settings of word vectors.
fn job(settings: Option<Value>) -> (Job, PathBuf) {
    let mut job = Job::new();
    if let Some(settings) = settings {
        job.config["features"]["wordVectors"] = settings;
    }
    let data = job.file("rows.csv", csv());
    (job, data)
}

fn run(settings: Option<Value>, vectors: Option<(&str, &[u8])>, threads: &str) -> (Job, Ended) {
    let (job, data) = job(settings);
    let ended = match vectors {
        Some((name, bytes)) => {
            let file = job.file(name, bytes);
            job.run_with(&data, &["--word-vectors", file.to_str().unwrap()], threads)
        }
        None => job.run_with(&data, &[], threads),
    };
    (job, ended)
}

#[test]
fn words_of_few_rows_count_by_their_vectors() {
    let plain = vectors();
    let sha256 = Sha256Digest::of_bytes(plain.as_bytes());
    let settings = json!({ "sha256": sha256, "license": "of this test" });
    let (job, ended) = run(None, None, "2");
    let without = trained(&job, &ended);
    assert_eq!(without.report.get("wordVectors"), None);
    assert_eq!(without.record["spec"]["lineage"].get("wordVectors"), None);
    let (job, ended) = run(Some(settings.clone()), Some(("vectors.txt", plain.as_bytes())), "2");
    let with = trained(&job, &ended);

    let macro_f1 = |trained: &Trained| trained.message["metrics"]["macroF1"].as_f64().unwrap();
    assert!(
        macro_f1(&with) > macro_f1(&without) + 0.1,
        "{} without, {} with",
        macro_f1(&without),
        macro_f1(&with)
    );
    let said = &with.report["wordVectors"];
    assert!(said["scale"].as_f64().unwrap() > 0.0, "{said}");
    assert_eq!(said["sha256"], json!(sha256));
    assert_eq!(
        (
            &said["license"],
            &said["dimensions"],
            &said["fileWords"],
            &said["words"]
        ),
        (&json!("of this test"), &json!(4), &json!(434), &json!(434))
    );
    // One word of nine is the row's number.
    assert_eq!(said["knownShare"], json!(0.8889));
    let scales = said["scales"].as_array().unwrap();
    assert_eq!(scales[0]["scale"], 0.0);
    let best = &with.report["currentOptimalTrial"]["crossValidation"];
    assert!(
        scales
            .iter()
            .any(|trial| trial["scale"] == said["scale"] && trial["crossValidation"] == *best)
    );
    assert_eq!(with.record["spec"]["lineage"]["wordVectors"]["sha256"], json!(sha256));
    assert_eq!(with.report["run"]["features"]["wordVectors"], settings);

    // Every word of a class is answered, also where no training row has it.
    let artifact = Artifact::from_bytes(&with.model).unwrap();
    assert_eq!(artifact.provenance().word_vectors_sha256, Some(sha256));
    let predictor = Predictor::new(artifact);
    let mut scratch = Scratch::default();
    let mut right = 0;
    for (class, label) in LABELS.iter().enumerate() {
        for number in 0..WORDS {
            let answer = predictor.predict(&word(class, number), &mut scratch).class;
            right += usize::from(predictor.labels()[answer] == *label);
        }
    }
    assert!(right * 10 > 3 * WORDS * 9, "{right} of {} words", 3 * WORDS);

    for threads in ["1", "5"] {
        let packed = gzip(plain.as_bytes());
        let settings = json!({ "license": "of this test" });
        let (job, ended) = run(Some(settings), Some(("vectors.vec.gz", &packed)), threads);
        let again = Artifact::from_bytes(&trained(&job, &ended).model).unwrap();
        assert_eq!(
            again.word_scores(),
            predictor.artifact().word_scores(),
            "{threads} threads"
        );
        assert_eq!(again.model(), predictor.artifact().model(), "{threads} threads");
    }
}

/// Vectors that say nothing are left out, and the model has the bytes of one that had no vectors.
#[test]
fn vectors_without_use_change_nothing() {
    let same: String = (0..WORDS)
        .map(|number| format!("{} 0.5 0.25\n", word(0, number)))
        .collect();
    let (job, ended) = run(Some(json!({})), Some(("vectors.txt", same.as_bytes())), "2");
    let with = trained(&job, &ended);
    assert_eq!(with.report["wordVectors"]["scale"], 0.0);
    assert_eq!(with.report["wordVectors"]["words"], 0);
    let (job, ended) = run(None, None, "2");
    assert_eq!(with.model, trained(&job, &ended).model);
}

/// Name of the file, settings, bytes; exit code, reason and parts of the message.
type Case<'c> = (&'c str, Value, Option<&'c [u8]>, i32, &'c str, &'c [&'c str]);

#[test]
fn unusable_vectors_say_what_is_wrong() {
    let good = vectors();
    let cases: [Case<'_>; 7] = [
        (
            "v.txt",
            json!({}),
            Some(b"the 1 2\nsecret 1 x7\n"),
            65,
            "MalformedWordVectors",
            &["line 2", "no number"],
        ),
        (
            "v.txt",
            json!({}),
            Some(b"the 1 2\nsecret 1\n"),
            65,
            "MalformedWordVectors",
            &["line 2", "has 1 numbers"],
        ),
        (
            "v.gz",
            json!({}),
            Some(b"the 1 2\n"),
            65,
            "MalformedWordVectors",
            &["not those of"],
        ),
        (
            "v.txt",
            json!({ "sha256": "ab".repeat(32) }),
            Some(good.as_bytes()),
            65,
            "DigestMismatch",
            &["features.wordVectors.sha256"],
        ),
        (
            "missing",
            json!({}),
            None,
            64,
            "InvalidConfiguration",
            &["features.wordVectors.source"],
        ),
        (
            "missing",
            json!({ "source": "/nowhere/vectors.txt" }),
            None,
            65,
            "WordVectorsNotFound",
            &["no word vectors at /nowhere/vectors.txt"],
        ),
        (
            "v.txt",
            json!({ "maxWords": 2_000_000 }),
            Some(good.as_bytes()),
            64,
            "InvalidConfiguration",
            &["features.wordVectors.maxWords is 2000000"],
        ),
    ];
    for (name, settings, bytes, code, reason, parts) in cases {
        let (_job, ended) = run(Some(settings), bytes.map(|bytes| (name, bytes)), "2");
        ended.fails(code, reason, parts);
        assert!(
            !ended.stderr.contains("x7") && !ended.stderr.contains("secret"),
            "{}",
            ended.stderr
        );
    }
    let (mut job, data) = job(Some(json!({ "source": "vectors.txt" })));
    job.config["features"]["hashingBits"] = json!(18);
    job.run(&data).fails(
        64,
        "InvalidConfiguration",
        &["features.wordVectors", "features.hashingBits"],
    );
}

/// Options of `train`, and a training that is made again from its dossier.
#[test]
fn the_command_line_takes_vectors() {
    let (job, data) = job(None);
    let file = job.file("vectors.txt", vectors());
    let out = job.path("model");
    let told = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let fields = ["--text-field", "narrative", "--label-field", "product"];
    let shown = told(
        trainer()
            .arg("train")
            .arg("--data")
            .arg(&data)
            .args(fields)
            .arg("--out")
            .arg(&out)
            .args([
                "--word-vectors",
                file.to_str().unwrap(),
                "--word-vectors-license",
                "of this test",
                "--word-vectors-max-words",
                "400",
                "--ensemble",
                "1",
            ]),
    );
    assert!(shown.contains("word vectors"), "{shown}");
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["wordVectors"]["license"], "of this test");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Word vectors") && page.contains("of this test"));

    // The audit is that of a training with the vectors.
    let audit = |file: &Path| {
        let mut command = trainer();
        command
            .arg("audit")
            .arg("--data")
            .arg(&data)
            .args(fields)
            .arg("--word-vectors")
            .arg(file);
        command.arg("--out").arg(job.path("suspects.csv"));
        command.args(["--format", "json"]).output().unwrap()
    };
    let audited = audit(&file);
    assert!(audited.status.success(), "{}", String::from_utf8_lossy(&audited.stderr));
    let absent = audit(Path::new("absent.txt"));
    assert_eq!(absent.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("absent.txt"));

    let dossier = job.path("dossier.json");
    let page = job.path("dossier.html");
    told(
        trainer()
            .arg("dossier")
            .arg("--folder")
            .arg(&out)
            .arg("--out")
            .arg(&page)
            .arg("--json")
            .arg(&dossier),
    );
    let verify = |arguments: &[&Path]| {
        let mut command = trainer();
        command
            .arg("verify")
            .arg("--dossier")
            .arg(&dossier)
            .arg("--data")
            .arg(&data)
            .args(arguments);
        command.output().unwrap()
    };
    let again = verify(&[Path::new("--word-vectors"), &file]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    let refused = verify(&[]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--word-vectors"));
}
