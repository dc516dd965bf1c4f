//! What a search tries, and what it does with the best trials: presets, text pipelines, random draws, averages.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use complaint_contract::{Algorithm, CharNgrams, Features, MinDocumentFrequency};
use complaint_model::Artifact;
use complaint_report::Report;
use serde_json::{Value, json};
use support::{Ended, Job, csv, rows};

fn report(job: &Job, ended: &Ended) -> Report {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["report"]["path"].as_str().unwrap();
    serde_json::from_slice(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
}

fn artifact(job: &Job, ended: &Ended) -> (Vec<u8>, Artifact) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["artifact"]["path"].as_str().unwrap();
    let bytes = std::fs::read(job.path("store").join(path)).unwrap();
    let artifact = Artifact::from_bytes(&bytes).unwrap();
    (bytes, artifact)
}

/// A job with only the settings that a preset does not have, and a limit that suits few rows.
fn with_preset(preset: &str) -> Job {
    let mut job = Job::new();
    let fields = job.config.as_object_mut().unwrap();
    for section in ["preprocessing", "features", "search"] {
        fields.remove(section);
    }
    job.config["preset"] = json!(preset);
    job.config["features"] = json!({ "minDocumentFrequency": 2 });
    job.config["search"] = json!({ "folds": 3 });
    job
}

#[test]
fn every_preset_trains() {
    for (preset, trials, characters, repeats) in [
        ("Reference", 6, None, 1),
        ("Standard", 6, Some([3, 5]), 3),
        ("Thorough", 34, Some([2, 5]), 3),
    ] {
        let job = with_preset(preset);
        let ended = job.run(&job.file("data.csv", csv(&rows())));
        let report = report(&job, &ended);
        assert_eq!(
            (report.trials.len(), report.folds, report.repeats),
            (trials, 3, repeats),
            "{preset}"
        );
        let folds: Vec<usize> = report.trials.iter().map(|trial| trial.fold_scores.len()).collect();
        assert!(folds.iter().all(|folds| *folds == 3 * repeats), "{preset}: {folds:?}");
        assert_eq!(report.features.char_ngrams, characters, "{preset}");
        assert_eq!(
            report.features.min_document_frequency,
            Some(MinDocumentFrequency::Rows(2)),
            "{preset}: the run's own field wins"
        );
        assert!(report.metrics.macro_f1 > 0.7, "{preset}: {:?}", report.metrics);
    }
    let mut job = with_preset("Standard");
    job.config["features"]["minDocumentFrequency"] = json!("Auto");
    let report = report(&job, &job.run(&job.file("data.csv", csv(&rows()))));
    let tried: BTreeSet<_> = report
        .trials
        .iter()
        .map(|trial| trial.parameters.min_document_frequency)
        .collect();
    assert_eq!((report.trials.len(), tried), (12, [Some(2), Some(5)].into()));
    assert!(
        report
            .choices
            .iter()
            .any(|choice| choice.field == "features.minDocumentFrequency" && choice.value == "2 or 5")
    );
    let chosen = report.parameters.min_document_frequency.map(MinDocumentFrequency::Rows);
    assert_eq!(
        (report.features.min_document_frequency, chosen.is_some()),
        (chosen, true)
    );
    let mut job = with_preset("thorrough");
    job.run(&job.file("data.csv", csv(&rows()))).fails(
        64,
        "InvalidConfiguration",
        &["preset", "thorrough", "Thorough"],
    );
    job.config["preset"] = json!("Standard");
    job.config["search"] = json!(["folds"]);
    job.run(&job.file("data.csv", csv(&rows())))
        .fails(64, "InvalidConfiguration", &["search"]);
}

#[test]
fn text_pipelines_are_searched_and_the_model_has_the_best() {
    let mut job = Job::new();
    job.config["search"]["candidates"] = json!([{ "algorithm": "LinearSvm", "grid": { "C": [0.1, 1] } }]);
    job.config["search"]["pipelineGrid"] = json!({
        "normalizer": ["Lemma", "Stem"], "removeStopWords": [true, false],
        "wordNgrams": [[1, 1], [1, 2]], "charNgrams": [[], [3, 4]],
    });
    // An average of several models has no parameters of its own.
    job.config["search"]["ensemble"] = json!({ "maxMembers": 1 });
    let ended = job.run(&job.file("data.csv", csv(&rows())));
    let report = report(&job, &ended);
    assert_eq!(report.trials.len(), 32);
    let distinct: BTreeSet<String> = report.trials.iter().map(|trial| trial.parameters.to_string()).collect();
    assert_eq!(distinct.len(), 32, "every trial lists its parameters");
    let best = report.parameters;
    let winner = report
        .trials
        .iter()
        .filter_map(|trial| trial.cross_validation.map(|score| (score.mean, trial.parameters)))
        .fold(
            (0.0, best),
            |best, (mean, parameters)| if mean > best.0 { (mean, parameters) } else { best },
        );
    assert_eq!(best, winner.1);
    let (_, artifact) = artifact(&job, &ended);
    assert_eq!(Some(artifact.preprocessing().normalizer), best.normalizer);
    assert_eq!(Some(artifact.preprocessing().remove_stop_words), best.remove_stop_words);
    assert_eq!(Some(artifact.features().word_ngrams), best.word_ngrams);
    assert_eq!(Some(CharNgrams(artifact.features().char_ngrams)), best.char_ngrams);
    let used = Features::from(artifact.features());
    assert_eq!(
        used,
        Features {
            char_ngrams: used.char_ngrams,
            word_ngrams: used.word_ngrams,
            ..report.features
        }
    );
}

#[test]
fn a_random_search_draws_the_maximum_number_of_trials() {
    let parameters = |seed: u64| {
        let mut job = Job::new();
        job.config["evaluation"]["seed"] = json!(seed);
        job.config["search"]["strategy"] = json!("Random");
        job.config["search"]["maxTrialCount"] = json!(4);
        job.config["search"]["candidates"] = json!([{ "algorithm": "LinearSvm", "grid": { "C": [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30], "loss": ["Hinge", "SquaredHinge"] } }]);
        let ended = job.run(&job.file("data.csv", csv(&rows())));
        let report = report(&job, &ended);
        report
            .trials
            .iter()
            .map(|trial| trial.parameters.to_string())
            .collect::<Vec<_>>()
    };
    let drawn = parameters(1);
    assert_eq!(drawn.len(), 4);
    assert_eq!(drawn, parameters(1), "a seed draws the same trials");
    assert_ne!(drawn, parameters(2));
}

#[test]
fn a_grid_that_is_larger_than_allowed_is_refused() {
    let mut job = Job::new();
    job.config["search"]["maxTrialCount"] = json!(4);
    job.run(&job.file("data.csv", csv(&rows()))).fails(
        64,
        "InvalidConfiguration",
        &["search.maxTrialCount", "has 5", "strategy", "Random"],
    );
}

fn ensemble() -> Value {
    json!({
        "folds": 4, "scoring": "macroF1", "maxTrialCount": 100, "maxFailedTrialCount": 3,
        "candidates": [
            { "algorithm": "LinearSvm", "grid": { "C": [0.1], "classWeight": ["Balanced"] } },
            { "algorithm": "LinearSvm", "grid": { "C": [0.1], "loss": ["Hinge"] } },
            { "algorithm": "NbSvm", "grid": { "C": [0.1], "alpha": [0.5] } },
            { "algorithm": "MultinomialNaiveBayes", "grid": { "alpha": [0.1] } },
            { "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [1] } }
        ],
        "ensemble": { "maxMembers": 3 },
    })
}

/// The examples' complaints.
fn complaints() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/complaints.csv")
}

#[test]
fn the_best_are_averaged_into_one_model() {
    let averaged = |threads: &str| {
        let mut job = Job::new();
        job.config["dataset"]["labelFields"] = json!(["category"]);
        job.config["search"] = ensemble();
        let ended = job.run_with(&complaints(), &[], threads);
        (job, ended)
    };
    let (job, ended) = averaged("2");
    let report = report(&job, &ended);
    assert_eq!(report.algorithm, Algorithm::Ensemble);
    assert!((2..=3).contains(&report.ensemble.len()), "{:?}", report.ensemble);
    assert!((report.ensemble.iter().map(|member| member.weight).sum::<f64>() - 1.0).abs() < 1e-3);
    let best_alone = report
        .trials
        .iter()
        .filter_map(|trial| trial.cross_validation)
        .map(|score| score.mean)
        .fold(0.0, f64::max);
    assert!(report.current_optimal_trial.cross_validation.mean > best_alone);
    let (bytes, artifact) = artifact(&job, &ended);
    assert_eq!(artifact.algorithm(), Algorithm::Ensemble);
    assert_eq!(ended.message["algorithm"], "Ensemble");
    // All algorithms at once: none depends on the number of threads.
    for threads in ["1", "5"] {
        let (again, ended) = averaged(threads);
        let path = ended.message["artifact"]["path"].as_str().unwrap();
        assert_eq!(
            std::fs::read(again.path("store").join(path)).unwrap(),
            bytes,
            "{threads} threads"
        );
    }
}

#[test]
fn invalid_searches() {
    let cases = [
        ("/ensemble", json!({ "maxMembers": 0 }), "search.ensemble.maxMembers"),
        (
            "/candidates/0/algorithm",
            json!("Ensemble"),
            "search.candidates[0].algorithm",
        ),
        (
            "/candidates/2/grid",
            json!({ "loss": ["Hinge"] }),
            "search.candidates[2].grid.loss",
        ),
        ("/candidates/3/grid", json!({ "C": [1] }), "search.candidates[3].grid.C"),
        ("/strategy", json!("bayesian"), "search.strategy"),
    ];
    for (pointer, value, field) in cases {
        let mut job = Job::new();
        let mut search = ensemble();
        search["strategy"] = json!("Grid");
        *search.pointer_mut(pointer).unwrap() = value;
        job.config["search"] = search;
        job.run(&job.file("data.csv", csv(&rows())))
            .fails(64, "InvalidConfiguration", &[field]);
    }
    let mut job = Job::new();
    job.config["search"]["pipelineGrid"] = json!({ "charNgrams": [[3, 9]] });
    job.run(&job.file("data.csv", csv(&rows())))
        .fails(64, "InvalidConfiguration", &["features.charNgrams"]);
}
