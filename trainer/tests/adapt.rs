//! `adapt`: a model for another mix of categories, without its data set.

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use complaint_model::predict::Scratch;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{
    Algorithm, Artifact, ArtifactBuilder, Features, LinearModel, Parameters, Predictor, Preprocessing, Sha256Digest,
};
use complaint_trainer::rng::Rng;
use serde_json::{Value, json};
use support::{Job, csv, rows, trainer};

/// A trained model, and a folder for what is made from it.
struct Model {
    job: Job,
    path: PathBuf,
}

impl Model {
    fn new() -> Self {
        let job = Job::new();
        let ended = job.run(&job.file("data.csv", csv(&rows())));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = job
            .path("store")
            .join(ended.message["artifact"]["path"].as_str().unwrap());
        Self { job, path }
    }

    /// Adapts `model` with further arguments. The new model is in the folder `out`.
    fn adapt(&self, model: &Path, out: &str, arguments: &[&str]) -> Output {
        let mut command = trainer();
        command
            .arg("adapt")
            .arg("--model")
            .arg(model)
            .arg("--out")
            .arg(self.job.path(out));
        command.args(arguments).output().unwrap()
    }

    fn mix(&self, mix: &Value) -> String {
        self.job.file("mix.json", mix.to_string()).to_str().unwrap().to_owned()
    }

    fn adapted(&self, out: &str) -> PathBuf {
        self.job.path(out).join("model.safetensors")
    }
}

fn read(path: &Path) -> Artifact {
    Artifact::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

fn result(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The refusal, and that it quotes nothing.
fn refused(output: &Output, code: i32, reason: &str, part: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    let error: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(error["error"]["reason"], reason, "{told}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(part) && !message.contains("Grey"), "{message}");
}

const MIX: [(&str, f64); 3] = [("Account", 0.2), ("Card", 0.5), ("Loan", 0.3)];

fn mix() -> Value {
    MIX.iter()
        .map(|(label, share)| ((*label).to_owned(), json!(share)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn only_intercepts_and_figures_change() {
    let model = Model::new();
    let trained = read(&model.path);
    let mix_file = model.mix(&mix());
    let told = result(&model.adapt(&model.path, "out", &["--mix", &mix_file]));
    let bytes = std::fs::read(model.adapted("out")).unwrap();
    let adapted = Artifact::from_bytes(&bytes).unwrap();
    let digest = Sha256Digest::of_bytes(&std::fs::read(&model.path).unwrap());
    assert_eq!(told["parent"], digest.to_string());
    assert_eq!(told["artifact"]["sha256"], Sha256Digest::of_bytes(&bytes).to_string());
    assert_eq!(adapted.provenance().parent, Some(digest));
    assert_eq!(adapted.provenance().split, trained.provenance().split);
    assert_eq!(adapted.model().weights, trained.model().weights);
    assert_eq!(
        (adapted.calibration(), adapted.estimate()),
        (trained.calibration(), trained.estimate())
    );
    assert_eq!((adapted.idf(), adapted.held_out()), (trained.idf(), trained.held_out()));
    assert_eq!(adapted.trained_bias(), trained.model().bias);
    let profile = trained.reference().unwrap();
    let temperature = trained.estimate().unwrap().temperature;
    for (class, (label, share)) in MIX.into_iter().enumerate() {
        assert_eq!(trained.labels()[class], label);
        let moved = 0.75 * (share / profile.trained_mix[class]).ln() * temperature;
        let found = f64::from(adapted.model().bias[class]) - f64::from(trained.model().bias[class]);
        assert!((found - moved).abs() < 1e-5, "{label} {found} {moved}");
    }
    let reference = adapted.reference().unwrap();
    assert_eq!(reference.trained_mix, profile.trained_mix);
    assert!(
        reference
            .mix
            .iter()
            .zip(MIX)
            .all(|(found, (_, share))| (found - share).abs() < 1e-6)
    );
    assert!(
        reference.rows < profile.rows && reference.rows > 10.0,
        "{}",
        reference.rows
    );
    assert!((told["reweighted"]["rows"].as_f64().unwrap() - reference.rows).abs() < 1e-3);
    let (server, before) = (Predictor::new(adapted), Predictor::new(trained));
    let (mut one, mut other) = (Scratch::default(), Scratch::default());
    for (text, _) in rows().iter().take(40) {
        let (now, then) = (server.predict(text, &mut one), before.predict(text, &mut other));
        let pairs = now.estimating.unwrap().iter().zip(then.estimating.unwrap());
        assert!(pairs.into_iter().all(|(now, then)| (now - then).abs() < 1e-5));
    }
}

#[test]
fn adapting_starts_from_the_trained_model_and_gives_equal_bytes() {
    let model = Model::new();
    let mix_file = model.mix(&mix());
    let first = result(&model.adapt(&model.path, "first", &["--mix", &mix_file]));
    let other = model.job.file(
        "other.json",
        json!({"Account": 0.35, "Card": 0.25, "Loan": 0.4}).to_string(),
    );
    result(&model.adapt(&model.path, "other", &["--mix", other.to_str().unwrap()]));
    let again = result(&model.adapt(&model.adapted("other"), "again", &["--mix", &mix_file]));
    let bytes = ["first", "again", "other"].map(|out| std::fs::read(model.adapted(out)).unwrap());
    assert!(bytes[0] == bytes[1] && bytes[0] != bytes[2]);
    assert_eq!(first, again);
    let table = model.adapt(&model.path, "first", &["--mix", &mix_file, "--format", "table"]);
    let table = String::from_utf8(table.stdout).unwrap();
    for part in [
        "as they are",
        "weighed to the new mix",
        "50.0 %",
        "adapted from sha256:",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn what_cannot_be_adapted_is_refused() {
    let model = Model::new();
    let with = |mix: Value| model.adapt(&model.path, "out", &["--mix", &model.mix(&mix)]);
    let field = |label: &str, share: Value| {
        let mut mix = mix();
        mix[label] = share;
        with(mix)
    };
    refused(
        &field("Mrs. Grey", json!(0.1)),
        64,
        "InvalidConfiguration",
        "1 categories that the model",
    );
    refused(&field("Card", json!(-0.1)), 64, "InvalidConfiguration", "no share");
    refused(&field("Card", json!(0.9)), 64, "InvalidConfiguration", "sum to 1.4");
    refused(
        &field("Card", json!("Grey")),
        64,
        "InvalidConfiguration",
        "no JSON object of numbers",
    );
    refused(
        &with(json!({"Card": 1.0})),
        64,
        "InvalidConfiguration",
        "no share of the category `Account`",
    );
    refused(
        &with(json!({"Account": 0.001, "Card": 0.001, "Loan": 0.998})),
        65,
        "AdaptationWorse",
        "train again",
    );
    let few = model.job.file("few.txt", "Mrs. Grey's card\n".repeat(99));
    let few = model.adapt(&model.path, "out", &["--texts", few.to_str().unwrap()]);
    refused(&few, 64, "InvalidConfiguration", "has 99 texts");
    let other = model.job.file("other.jsonl", "{\"body\": \"Mrs. Grey\"}\n");
    let other = model.adapt(&model.path, "out", &["--texts", other.to_str().unwrap()]);
    refused(&other, 64, "InvalidConfiguration", "in line 1");
    assert!(!model.adapted("out").exists());
    let bare = model.job.file("bare.safetensors", from_elsewhere().to_bytes());
    let bare = model.adapt(&bare, "out", &["--mix", &model.mix(&mix())]);
    refused(&bare, 65, "NotAdaptable", "no estimate");
}

/// A model of another program, without an estimate.
fn from_elsewhere() -> Artifact {
    let preprocessing = Preprocessing::default();
    let corpus = TokenizedCorpus::build(&TextPipeline::new(&preprocessing).unwrap(), &["card fee", "loan rate"]);
    let features = Features {
        min_document_frequency: 1,
        ..Features::default()
    };
    let vectorizer = Vectorizer::fit(&corpus, &[0, 1], &features);
    let model = LinearModel {
        labels: MIX.map(|(label, _)| label.to_owned()).to_vec(),
        weights: vec![0.5; vectorizer.vocabulary().len() * 3],
        bias: vec![0.0; 3],
    };
    let builder = ArtifactBuilder::new(
        &preprocessing,
        &vectorizer,
        model,
        Algorithm::LinearSvm,
        Parameters::default(),
    );
    builder.build().unwrap()
}

/// Texts with their categories.
type Labelled = Vec<(String, String)>;

/// The columns `text` and `label` of a data set.
fn labelled(bytes: &[u8], text: &str, label: &str) -> Labelled {
    let mut reader = ::csv::Reader::from_reader(bytes);
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (text, label) = (column(text), column(label));
    let rows = reader.records().map(|record| record.unwrap());
    rows.map(|row| (row[text].to_owned(), row[label].to_owned())).collect()
}

/// The mean gain in accuracy of models that are adapted to the estimated mix of a draw, over draws of the rows that a training did
/// not see: without shift, and with categories up to `shift` times as frequent or as rare.
fn gains(all: Labelled, shifts: &[f64], draws: u64, texts: usize) -> Vec<f64> {
    let mut rng = Rng::new(3, 3);
    let (mut own, mut fresh): (Labelled, Labelled) = (Vec::new(), Vec::new());
    all.into_iter().for_each(|row| {
        if rng.below(2) == 0 {
            own.push(row)
        } else {
            fresh.push(row)
        }
    });
    let job = Job::new();
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(["text", "label"]).unwrap();
    own.iter()
        .for_each(|(text, label)| writer.write_record([text, label]).unwrap());
    let data = job.file("own.csv", writer.into_inner().unwrap());
    let out = job.path("model");
    let options = "--text-field text --label-field label --algorithm linear-svm --c 0.1 --class-weight balanced --folds 3 --ensemble 1";
    let mut command = trainer();
    command.arg("train").arg("--data").arg(&data).arg("--out").arg(&out);
    let trained = command.args(options.split(' ')).output().unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    let path = out.join("model.safetensors");
    let predictor = Predictor::new(read(&path));
    let labels = predictor.labels().to_vec();
    let mut by_label: Vec<Vec<&str>> = vec![Vec::new(); labels.len()];
    for (text, label) in &fresh {
        if let Some(class) = labels.iter().position(|known| known == label) {
            by_label[class].push(text);
        }
    }
    shifts
        .iter()
        .map(|shift| {
            let mut sum = 0.0;
            for _ in 0..draws {
                let mut unit = || rng.next_u64() as f64 / u64::MAX as f64;
                let weights: Vec<f64> = by_label
                    .iter()
                    .map(|rows| rows.len() as f64 * shift.powf(2.0 * unit() - 1.0))
                    .collect();
                let all: f64 = weights.iter().sum();
                let mut drawn: Vec<(usize, &str)> = Vec::new();
                for _ in 0..texts {
                    let mut left = rng.next_u64() as f64 / u64::MAX as f64 * all;
                    let class = weights.iter().position(|weight| {
                        left -= weight;
                        left <= 0.0
                    });
                    let class = class.unwrap_or(0);
                    drawn.push((class, by_label[class][rng.below(by_label[class].len())]));
                }
                let lines: Vec<String> = drawn
                    .iter()
                    .map(|(_, text)| json!({ "text": text }).to_string())
                    .collect();
                let texts = job.file("texts.jsonl", lines.join("\n"));
                let mut command = trainer();
                command
                    .arg("adapt")
                    .arg("--model")
                    .arg(&path)
                    .arg("--out")
                    .arg(job.path("adapted"));
                let told = command
                    .arg("--texts")
                    .arg(&texts)
                    .args(["--max-loss", "1"])
                    .output()
                    .unwrap();
                result(&told);
                let adapted = Predictor::new(read(&job.path("adapted").join("model.safetensors")));
                let mut scratch = Scratch::default();
                let mut right = |predictor: &Predictor| {
                    let answers = drawn
                        .iter()
                        .filter(|(class, text)| predictor.predict(text, &mut scratch).class == *class);
                    answers.count() as f64
                };
                sum += (right(&adapted) - right(&predictor)) / drawn.len() as f64;
            }
            sum / draws as f64
        })
        .collect()
}

#[test]
fn accuracy_rises_where_the_mix_moved_and_stays_where_it_did_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/complaints.csv");
    let example = labelled(&std::fs::read(path).unwrap(), "narrative", "category");
    let found = gains(example, &[1.0, 4.0], 8, 1_000);
    println!("the example: {found:?}");
    assert!(found[0] > -0.002 && found[1] > 0.02, "{found:?}");
    let Ok(directory) = std::env::var("COMPLAINT_TEST_DATA") else {
        println!("only the example was used: set COMPLAINT_TEST_DATA to a directory with cfpb.csv.gz");
        return;
    };
    let packed = std::fs::read(Path::new(&directory).join("cfpb.csv.gz")).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&packed[..]), &mut bytes).unwrap();
    let found = gains(labelled(&bytes, "text", "label"), &[1.0, 2.0, 4.0], 8, 2_000);
    println!("cfpb: {found:?}");
    assert!(found[0] > -0.002 && found[1] > 0.003 && found[2] > 0.015, "{found:?}");
}
