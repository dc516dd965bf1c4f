//! `complaint-trainer compare`: the numbers of a training, without a training.

mod support;

use std::path::{Path, PathBuf};

use complaint_contract::{CompareResult, Metric, TrainingResult};
use complaint_model::Sha256Digest;
use serde_json::{Value, json};
use support::{Ended, Job, csv, rows};

/// The artifact of a training.
fn artifact(job: &Job, ended: &Ended) -> PathBuf {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["artifact"]["path"].as_str().unwrap();
    job.path("store").join(path)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A champion, and a newcomer that its training compared with it.
struct Pair {
    job: Job,
    data: PathBuf,
    newcomer: PathBuf,
    champion: PathBuf,
    trained: Ended,
}

/// Trains both with the settings that `set` makes.
fn pair(set: impl Fn(&mut Job)) -> Pair {
    let mut job = Job::new();
    set(&mut job);
    let mut data = csv(&rows());
    data.push_str("900,only a few of these,Rare\n901,,Card\n902,said twice,Card\n903,said twice,Loan\n");
    let data = job.file("data.csv", data);
    let candidates = job.config["search"]["candidates"].clone();
    job.config["search"]["candidates"] = json!([{ "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [1.0] } }]);
    let champion = artifact(&job, &job.run(&data));
    job.config["search"]["candidates"] = candidates;
    job.config["champion"] = json!({ "name": "cards-0", "sha256": digest_of(&champion) });
    let trained = job.run_with(&data, &["--champion", text(&champion)], "2");
    let newcomer = artifact(&job, &trained);
    Pair {
        job,
        data,
        newcomer,
        champion,
        trained,
    }
}

fn digest_of(file: &Path) -> String {
    Sha256Digest::of_bytes(&std::fs::read(file).unwrap()).to_string()
}

impl Pair {
    /// The request that has the training's settings.
    fn request(&self) -> Value {
        let mut dataset = self.job.config["dataset"].clone();
        dataset["sha256"] = digest_of(&self.data).into();
        json!({
            "sha256": digest_of(&self.newcomer), "champion": self.job.config["champion"], "dataset": dataset,
            "evaluation": self.job.config["evaluation"],
        })
    }

    fn compare(&self, request: &Value, arguments: &[&str]) -> Ended {
        let json = request.to_string();
        let own = ["compare", "--request", &json, "--model", text(&self.newcomer)];
        self.job.short(&[&own[..], arguments].concat())
    }

    /// The arguments for the champion and the data set.
    fn places(&self) -> [&str; 4] {
        ["--champion", text(&self.champion), "--dataset", text(&self.data)]
    }

    /// Asserts that a comparison has the numbers of the training.
    fn has_the_trainings_numbers(&self, ended: &Ended) {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let trained = TrainingResult::read(&self.trained.message.to_string()).unwrap();
        let compared = CompareResult::read(&ended.message.to_string()).unwrap();
        assert_eq!(compared.comparison, trained.comparison);
        // Both may have as many right answers; they never have the same probabilities.
        let comparison = trained.comparison.as_ref().unwrap();
        assert!(
            comparison.difference != 0.0 || comparison.metric != Metric::LogLoss,
            "{trained:?}"
        );
        assert_eq!(compared.evaluation, trained.evaluation());
        assert!(compared.evaluation.rows > 0 && compared.evaluation.calibration_error.is_some());
        assert_eq!(
            (compared.split, compared.sha256),
            (trained.split, trained.artifact.sha256)
        );
        assert_eq!((compared.same_split, compared.unknown_label_rows), (true, 0));
    }
}

#[test]
fn the_versions_own_rows_give_the_trainings_numbers() {
    for metric in ["macroF1", "accuracy", "logLoss"] {
        let pair = pair(|job| {
            job.config["evaluation"]["metric"] = metric.into();
            job.config["dataset"]["labelMap"] = json!({ "Loan": "Credit" });
        });
        pair.has_the_trainings_numbers(&pair.compare(&pair.request(), &pair.places()));
    }
}

#[test]
fn a_data_set_whose_texts_are_not_kept_gives_them_too() {
    let pair = pair(|job| job.config["features"]["hashingBits"] = 14.into());
    pair.has_the_trainings_numbers(&pair.compare(&pair.request(), &pair.places()));
}

#[test]
fn a_published_split_gives_them_too() {
    let mut with_parts = String::new();
    for (number, line) in csv(&rows()).lines().enumerate() {
        let part = match number {
            0 => "part",
            _ if number % 4 == 0 => "test",
            _ => "train",
        };
        with_parts.push_str(&format!("{line},{part}\n"));
    }
    let mut pair = pair(|_| ());
    pair.job.config["dataset"]["splitField"] = "part".into();
    pair.data = pair.job.file("parts.csv", with_parts);
    pair.job.config.as_object_mut().unwrap().remove("champion");
    let first = pair.job.run(&pair.data);
    pair.champion = artifact(&pair.job, &first);
    pair.job.config["champion"] = json!({ "name": "cards-0", "sha256": digest_of(&pair.champion) });
    pair.job.config["search"]["candidates"] =
        json!([{ "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [2.0] } }]);
    pair.trained = pair
        .job
        .run_with(&pair.data, &["--champion", text(&pair.champion)], "2");
    pair.newcomer = artifact(&pair.job, &pair.trained);
    pair.has_the_trainings_numbers(&pair.compare(&pair.request(), &pair.places()));
}

/// The first 120 rows with their words in another order, and one with a label of its own.
fn holdout() -> String {
    let mut held: Vec<support::Row> = rows().into_iter().take(120).collect();
    for (text, _) in &mut held {
        *text = text.split_whitespace().rev().collect::<Vec<_>>().join(" ");
    }
    held.push(("a thing that nobody has a name for".into(), "Unheard of"));
    csv(&held)
}

#[test]
fn the_holdout_gives_the_trainings_numbers_and_needs_no_data_set() {
    let pair = pair(|job| {
        let path = job.file("holdout.csv", holdout());
        job.config["evaluation"]["holdout"] = json!({
            "source": path, "sha256": digest_of(&path), "format": "Csv", "textField": "narrative", "labelFields": ["product"],
        });
    });
    let mut request = pair.request();
    let holdout = pair.job.path("holdout.csv");
    request["evaluation"]["holdout"]
        .as_object_mut()
        .unwrap()
        .remove("source");
    request.as_object_mut().unwrap().remove("dataset");
    let places = ["--champion", text(&pair.champion), "--holdout", text(&holdout)];
    let ended = pair.compare(&request, &places);
    assert_eq!(ended.message["unknownLabelRows"], 1, "{}", ended.stderr);
    assert_eq!(ended.message["holdout"], pair.trained.message["dataset"]["holdout"]);
    assert_eq!(ended.message["comparison"], pair.trained.message["comparison"]);
    assert_eq!(ended.message["evaluation"]["metrics"], pair.trained.message["metrics"]);
    assert_eq!(ended.message["evaluation"]["rows"], 121);
    let weakest = &ended.message["evaluation"]["minClassRecall"];
    assert_eq!(
        (weakest, &weakest["support"]),
        (&pair.trained.message["minClassRecall"], &json!(40))
    );
    assert_eq!(ended.message["split"], pair.trained.message["split"]);
    assert_eq!(ended.message["sameSplit"], true);

    // A version from before this holdout may have seen its rows.
    let other = pair.job.file("other.csv", self::holdout().replace("bank", "banks"));
    request["evaluation"]["holdout"]["sha256"] = digest_of(&other).into();
    let places = ["--champion", text(&pair.champion), "--holdout", text(&other)];
    let ended = pair.compare(&request, &places);
    assert_eq!(ended.message["sameSplit"], false, "{}", ended.stderr);
    assert_eq!(ended.message["comparison"]["sameSplit"], false);
    request["evaluation"]["holdout"]["sha256"] = "0".repeat(64).into();
    pair.compare(&request, &places)
        .fails(65, "DigestMismatch", &["other.csv", "evaluation.holdout.sha256"]);
}

#[test]
fn without_a_champion_the_version_is_evaluated() {
    let pair = pair(|_| ());
    let mut request = pair.request();
    request.as_object_mut().unwrap().remove("champion");
    let file = pair.job.file("request.json", request.to_string());
    let model = ["--model", text(&pair.newcomer), "--dataset", text(&pair.data)];
    let ended = pair
        .job
        .short(&[&["compare", "--request-file", text(&file)], &model[..]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["evaluation"]["metrics"], pair.trained.message["metrics"]);
    assert!(ended.message.get("comparison").is_none());
}

#[test]
fn a_comparison_that_can_not_be_made_is_explained() {
    let pair = pair(|_| ());
    let request = pair.request();
    let changed = pair.job.file("changed.csv", csv(&rows()[1..]));
    let champion = ["--champion", text(&pair.champion)];
    let places = [&champion[..], &["--dataset", text(&changed)]].concat();
    pair.compare(&request, &places)
        .fails(65, "DatasetChanged", &["changed.csv", "evaluation.holdout", "pin"]);
    let nowhere = [&champion[..], &["--dataset", "/nowhere.csv"]].concat();
    pair.compare(&request, &nowhere)
        .fails(65, "DatasetNotFound", &["/nowhere.csv"]);
    pair.compare(&request, &champion)
        .fails(64, "InvalidConfiguration", &["--dataset"]);
    pair.compare(&request, &pair.places()[2..])
        .fails(1, "ChampionUnreadable", &["cards-0"]);

    let with = |field: &str, value: Value| {
        let mut request = pair.request();
        request[field] = value;
        pair.compare(&request, &pair.places())
    };
    with("sha256", "0".repeat(64).into()).fails(65, "ModelUnreadable", &["model.safetensors", "SHA-256"]);
    with("champion", json!({ "name": "cards-0", "sha256": "0".repeat(64) })).fails(
        1,
        "ChampionUnreadable",
        &["SHA-256"],
    );
    with("champion", Value::Null).fails(64, "InvalidConfiguration", &["champion"]);
    with("dataset", Value::Null).fails(64, "InvalidConfiguration", &["dataset", "evaluation.holdout"]);
    with("datasets", json!({})).fails(64, "InvalidConfiguration", &["datasets"]);
    let mut request = pair.request();
    request["dataset"].as_object_mut().unwrap().remove("sha256");
    pair.compare(&request, &pair.places())
        .fails(64, "InvalidConfiguration", &["dataset.sha256"]);
    let unreadable = pair.job.file("model.safetensors", "not a model");
    let mut request = pair.request();
    request["sha256"] = digest_of(&unreadable).into();
    let json = request.to_string();
    let own = ["compare", "--request", &json, "--model", text(&unreadable)];
    pair.job
        .short(&[&own[..], &pair.places()[..]].concat())
        .fails(65, "ModelUnreadable", &["model.safetensors"]);
    pair.job
        .short(
            &[
                &["compare", "--request", &json, "--model", "/nowhere"],
                &pair.places()[..],
            ]
            .concat(),
        )
        .fails(1, "StoreUnavailable", &["/nowhere"]);
}
