//! `adapt`: a model for another mix of categories, without its data set.

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use complaint_contract::{AdaptResult, adapted_name};
use complaint_drift::accuracy::estimate;
use complaint_drift::{Row, Rows};
use complaint_model::predict::Scratch;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{
    Algorithm, Artifact, ArtifactBuilder, Features, LinearModel, Parameters, Predictor, Preprocessing, Sha256Digest,
};
use complaint_trainer::metrics::Confusion;
use complaint_trainer::rng::Rng;
use serde_json::{Value, json};
use support::labelled::{Labelled, cfpb, example};
use support::{Ended, Job, csv, rows, trainer};

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
    assert_eq!(told["adaptation"]["parentSha256"], digest.to_string());
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
    assert!((told["adaptation"]["reweighted"]["rows"].as_f64().unwrap() - reference.rows).abs() < 1e-3);
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
    for part in ["artifact", "evaluation", "mix"] {
        assert_eq!(first[part], again[part]);
    }
    let other = result(&model.adapt(&model.path, "other", &["--mix", other.to_str().unwrap()]));
    for rows in ["heldOut", "reweighted"] {
        let [first, again] = [&first, &again].map(|told| &told["adaptation"][rows]);
        assert_eq!(first["given"], first["trained"]);
        assert_eq!(
            (&again["trained"], &again["adapted"]),
            (&first["trained"], &first["adapted"])
        );
    }
    assert_eq!(
        again["adaptation"]["heldOut"]["given"],
        other["adaptation"]["heldOut"]["adapted"]
    );
    assert_eq!(
        first["evaluation"]["metrics"]["accuracy"],
        first["adaptation"]["heldOut"]["adapted"]
    );
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

#[test]
fn a_champion_is_adapted_beside_itself_and_signed() {
    let model = Model::new();
    let (store, sha256) = (model.job.path("store"), digest_of(&model.path));
    let key = model.job.path("signing.key");
    let pair = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let signer = complaint_signature::SigningKey::from_pem(pair.as_bytes()).unwrap();
    std::fs::write(&key, pair).unwrap();
    let request = |mix: Value, digest: &Sha256Digest| {
        json!({ "namespace": "default", "classifier": "cards", "version": "cards-1", "sha256": digest, "mix": mix, "maxLoss": 0.05 })
            .to_string()
    };
    let run = |request: &str, more: &[&str]| {
        let mut arguments = vec![
            "adapt-champion",
            "--store",
            store.to_str().unwrap(),
            "--request",
            request,
        ];
        arguments.extend(["--model", model.path.to_str().unwrap()]);
        arguments.extend(more);
        model.job.short(&arguments)
    };
    let mix = json!([0.2, 0.5, 0.3]);
    let ended = run(&request(mix.clone(), &sha256), &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told = AdaptResult::read(&ended.message.to_string()).unwrap();
    assert_eq!(
        (told.adaptation.parent_sha256, told.adaptation.given_sha256),
        (sha256, sha256)
    );
    assert_eq!(
        told.evaluation.split.as_deref(),
        Some(read(&model.path).provenance().split.as_str())
    );
    let folder = store.join(format!("default/cards/{}", told.artifact.sha256));
    assert_eq!(digest_of(&store.join(&told.artifact.path)), told.artifact.sha256);
    let text = std::fs::read_to_string(folder.join("modelversion.yaml")).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let record: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(record["metadata"]["name"], adapted_name("cards", &told.artifact.sha256));
    assert_eq!(record["spec"]["lineage"]["parent"], "cards-1");
    assert_eq!(record["spec"]["lineage"]["specHash"], "");
    assert_eq!(record["spec"]["report"], Value::Null);
    assert_eq!(record["spec"]["artifact"]["sha256"], json!(told.artifact.sha256));
    // Again, now with a key: the same version gets its signature.
    let signed = run(
        &request(mix.clone(), &sha256),
        &["--signing-key", key.to_str().unwrap()],
    );
    assert_eq!((signed.code, &signed.message), (0, &ended.message), "{}", signed.stderr);
    let signature = std::fs::read(folder.join("model.sig")).unwrap();
    let keys = [signer.public().clone()];
    complaint_signature::verify_model(&signature, &keys, "model.safetensors", told.artifact.sha256).unwrap();
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let manifest = complaint_signature::open(&signature, &keys).unwrap();
    let covered = complaint_signature::Manifest::of_statement(&manifest.statement).unwrap();
    let mut names: Vec<_> = covered.files().iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["model.safetensors", "modelversion.yaml"]);
    assert!(
        covered
            .files()
            .iter()
            .all(|(name, digest)| *digest == Sha256Digest::of_bytes(&file(name)))
    );
    // A record that somebody else put there is not signed.
    std::fs::write(folder.join("modelversion.yaml"), "forged").unwrap();
    std::fs::remove_file(folder.join("model.sig")).unwrap();
    let again = run(
        &request(mix.clone(), &sha256),
        &["--signing-key", key.to_str().unwrap()],
    );
    assert_eq!((again.code, &again.message), (0, &ended.message), "{}", again.stderr);
    let signature = std::fs::read(folder.join("model.sig")).unwrap();
    let manifest = complaint_signature::open(&signature, &keys).unwrap();
    let covered = complaint_signature::Manifest::of_statement(&manifest.statement).unwrap();
    let names: Vec<_> = covered.files().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["model.safetensors"]);
    assert_eq!(file("modelversion.yaml"), b"forged");
    let refused = |ended: &Ended, code: i32, reason: &str| {
        assert_eq!(
            (ended.code, &ended.message["error"]["reason"]),
            (code, &json!(reason)),
            "{}",
            ended.stderr
        );
    };
    refused(
        &run(&request(json!([0.5, 0.5]), &sha256), &[]),
        64,
        "InvalidConfiguration",
    );
    refused(
        &run(&request(json!([0.5, 0.5, 1.5]), &sha256), &[]),
        64,
        "InvalidConfiguration",
    );
    refused(
        &run(&request(mix, &Sha256Digest::of_bytes(b"other")), &[]),
        65,
        "ModelUnreadable",
    );
    refused(
        &run(&request(json!([0.001, 0.001, 0.998]), &sha256), &[]),
        65,
        "AdaptationWorse",
    );
}

fn digest_of(path: &Path) -> Sha256Digest {
    Sha256Digest::of_bytes(&std::fs::read(path).unwrap())
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

/// A model, and rows that its training did not see.
struct Trial {
    job: Job,
    path: PathBuf,
    predictor: Predictor,
    /// Texts of each of the model's classes.
    by_class: Vec<Vec<String>>,
    rng: Rng,
}

impl Trial {
    /// Trains on one half of the rows.
    fn new(all: Labelled) -> Self {
        let mut rng = Rng::new(3, 3);
        let (own, fresh): (Labelled, Labelled) = all.into_iter().partition(|_| rng.below(2) == 0);
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
        let labels = predictor.labels();
        let mut by_class: Vec<Vec<String>> = vec![Vec::new(); labels.len()];
        for (text, label) in fresh {
            if let Some(class) = labels.iter().position(|known| *known == label) {
                by_class[class].push(text);
            }
        }
        Self {
            job,
            path,
            predictor,
            by_class,
            rng,
        }
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.rng.next_u64() as f64 / u64::MAX as f64
    }

    /// Unseen rows, with their classes, whose categories are up to `shift` times as frequent or as rare.
    fn draw(&mut self, shift: f64, texts: usize) -> Vec<(usize, String)> {
        let sizes: Vec<usize> = self.by_class.iter().map(Vec::len).collect();
        let weights: Vec<f64> = sizes
            .iter()
            .map(|rows| *rows as f64 * shift.powf(2.0 * self.unit() - 1.0))
            .collect();
        let all: f64 = weights.iter().sum();
        (0..texts)
            .map(|_| {
                let mut left = self.unit() * all;
                let class = weights.iter().position(|weight| {
                    left -= weight;
                    left <= 0.0
                });
                let class = class.unwrap_or(0);
                (class, self.by_class[class][self.rng.below(sizes[class])].clone())
            })
            .collect()
    }
}

/// What a model answers to texts with known classes.
fn confusion(predictor: &Predictor, drawn: &[(usize, String)]) -> Confusion {
    let mut scratch = Scratch::default();
    let mut answer =
        |(class, text): &(usize, String)| (*class as u32, predictor.predict(text, &mut scratch).class as u32);
    Confusion::of(predictor.labels().len(), drawn.iter().map(&mut answer))
}

/// The mean gains in accuracy and macro-F1 of models that are adapted to the estimated mix of a draw, over draws of the rows that a training did
/// not see: without shift, and with categories up to `shift` times as frequent or as rare.
fn gains(all: Labelled, shifts: &[f64], draws: u64, texts: usize) -> Vec<[f64; 2]> {
    let mut trial = Trial::new(all);
    let mut gain = |shift: f64| {
        let drawn = trial.draw(shift, texts);
        let lines: Vec<String> = drawn
            .iter()
            .map(|(_, text)| json!({ "text": text }).to_string())
            .collect();
        let texts = trial.job.file("texts.jsonl", lines.join("\n"));
        let out = trial.job.path("adapted");
        let mut command = trainer();
        command
            .arg("adapt")
            .arg("--model")
            .arg(&trial.path)
            .arg("--out")
            .arg(&out);
        let told = command
            .arg("--texts")
            .arg(&texts)
            .args(["--max-loss", "1"])
            .output()
            .unwrap();
        result(&told);
        let adapted = Predictor::new(read(&out.join("model.safetensors")));
        let [after, before] = [&adapted, &trial.predictor].map(|model| confusion(model, &drawn));
        [
            after.accuracy() - before.accuracy(),
            after.macro_f1() - before.macro_f1(),
        ]
    };
    let mean = |shift: &f64| {
        let gains: Vec<[f64; 2]> = (0..draws).map(|_| gain(*shift)).collect();
        [0, 1].map(|figure| gains.iter().map(|gain| gain[figure]).sum::<f64>() / draws as f64)
    };
    shifts.iter().map(mean).collect()
}

/// In how many of `windows` the true accuracy lies in the interval of the estimated one.
fn covered(all: Labelled, shift: f64, windows: usize, answers: usize) -> usize {
    let mut trial = Trial::new(all);
    let profile = trial.predictor.artifact().reference().expect("figures").clone();
    let mut scratch = Scratch::default();
    let mut is_covered = |_: &usize| {
        let drawn = trial.draw(shift, answers);
        let rows: Vec<Row> = drawn
            .iter()
            .map(|(_, text)| {
                let answer = trial.predictor.predict(text, &mut scratch);
                let probabilities = answer.estimating.expect("an estimate").iter();
                Row {
                    answer: answer.class,
                    probabilities: probabilities.map(|share| f64::from(*share)).collect(),
                    weight: 1.0,
                }
            })
            .collect();
        let rows = Rows::new(rows, profile.trained_mix.len());
        let estimated = estimate(&profile, &rows).expect("rows").accuracy;
        let truth = confusion(&trial.predictor, &drawn).accuracy();
        (estimated.lower..=estimated.upper).contains(&truth)
    };
    (0..windows).filter(|window| is_covered(window)).count()
}

#[test]
fn the_true_accuracy_lies_in_the_interval_of_the_estimated_one() {
    let mut cases = vec![("the example", example())];
    cases.extend(cfpb().map(|rows| ("cfpb", rows)));
    for (name, rows) in cases {
        for shift in [1.0, 4.0] {
            let found = covered(rows.clone(), shift, 40, 1_000);
            println!("{name}, categories up to {shift} times as frequent: {found} of 40 windows");
            assert!(found >= 36, "{name} {shift}: {found}");
        }
    }
}

#[test]
fn accuracy_rises_where_the_mix_moved_and_stays_where_it_did_not() {
    let found = gains(example(), &[1.0, 4.0], 8, 1_000);
    println!("the example, accuracy and macro-F1: {found:?}");
    // One row of the example's held-out part is .004.
    let [same, moved] = found[..] else { unreachable!() };
    assert!(same[0] > -0.006 && moved[0] > 0.02 && moved[1] > 0.02, "{found:?}");
    let Some(cfpb) = cfpb() else { return };
    let found = gains(cfpb, &[1.0, 2.0, 4.0], 8, 2_000);
    println!("cfpb, accuracy and macro-F1: {found:?}");
    let [same, twice, four] = found[..] else { unreachable!() };
    assert!(same[0] > -0.002 && twice[0] > 0.003 && four[0] > 0.015, "{found:?}");
    assert!(same[1] > -0.002 && twice[1] > 0.01 && four[1] > 0.012, "{found:?}");
}
