//! Trials that the first folds show to be behind: what a run says about them, and that they change nothing else.

mod support;

use complaint_report::{Report, TrialStatus};
use serde_json::json;
use support::{Ended, Job, Row, csv, rows};

/// Enough rows for a race on three folds: those of the other tests, each followed by words of its own.
fn many_rows() -> Vec<Row> {
    let few = rows();
    (0..4500)
        .map(|number| {
            let (text, label) = &few[number % few.len()];
            // Near copies would all fall on one side of the split.
            let own: Vec<String> = (0..5).map(|word| format!("w{}x{word}", number * 7919 % 4507)).collect();
            let words: Vec<&str> = text.split(' ').collect();
            let text = words
                .iter()
                .zip(own.iter().cycle())
                .map(|(word, own)| format!("{word} {own}"));
            (text.collect::<Vec<_>>().join(" "), *label)
        })
        .collect()
}

/// A search with one trial that learns next to nothing. No other trial shares a path with it.
fn job(early_stopping: bool) -> Job {
    let mut job = Job::new();
    job.config["preprocessing"]["keepNumbers"] = json!(true);
    job.config["features"] = json!({ "wordNgrams": [1, 1], "minDocumentFrequency": 5, "maxFeatures": 500 });
    job.config["search"] = json!({
        "folds": 3, "scoring": "accuracy", "ensemble": { "maxMembers": 1 }, "earlyStopping": early_stopping,
        "candidates": [
            { "algorithm": "LinearSvm", "grid": { "C": [0.000_001], "loss": ["Hinge"] } },
            { "algorithm": "LinearSvm", "grid": { "C": [0.1] } },
            { "algorithm": "MultinomialNaiveBayes", "grid": { "alpha": [100] } },
        ],
    });
    job
}

fn files(job: &Job, ended: &Ended) -> (Vec<u8>, Report) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let read =
        |name: &str| std::fs::read(job.path("store").join(ended.message[name]["path"].as_str().unwrap())).unwrap();
    (read("artifact"), serde_json::from_slice(&read("report")).unwrap())
}

#[test]
fn a_trial_that_is_behind_is_stopped_and_the_model_is_the_same() {
    let data = csv(&many_rows());
    let run = |early_stopping, threads| {
        let job = job(early_stopping);
        let ended = job.run_with(&job.file("data.csv", &data), &[], threads);
        let (model, report) = files(&job, &ended);
        (model, report, ended)
    };
    let (model, report, ended) = run(true, "1");
    let statuses: Vec<TrialStatus> = report.trials.iter().map(|trial| trial.status).collect();
    let (ran, stopped) = (TrialStatus::Succeeded, TrialStatus::EarlyStopped);
    assert_eq!(statuses, [stopped, ran, ran]);
    let behind = &report.trials[0];
    assert_eq!((behind.fold_scores.len(), behind.cross_validation), (1, None));
    let why = behind.message.as_deref().unwrap();
    for part in [
        "stopped after 1 of 3 folds: accuracy is 0.",
        "behind LinearSvm",
        "on the same rows, with a standard error of 0.0",
    ] {
        assert!(why.contains(part), "{why}");
    }
    // Another algorithm is not stopped, however bad it is.
    assert_eq!(report.trials[2].fold_scores.len(), 3);
    assert_eq!(
        ended.message["trials"],
        json!({ "succeeded": 2, "failed": 0, "earlyStopped": 1, "total": 3 })
    );

    let (with_all, whole, ended) = run(false, "2");
    assert!(
        whole
            .trials
            .iter()
            .all(|trial| trial.status == ran && trial.fold_scores.len() == 3)
    );
    assert_eq!(
        ended.message["trials"],
        json!({ "succeeded": 3, "failed": 0, "total": 3 })
    );
    assert_eq!(whole.trials[0].fold_scores[0], behind.fold_scores[0]);
    assert_eq!(whole.trials[1..], report.trials[1..]);
    assert!(with_all == model, "the stopped trial changed the model");

    let (again, same, _) = run(true, "3");
    assert!(
        again == model && same == report,
        "the number of threads changed the result"
    );
}

#[test]
fn few_rows_and_repeated_folds_stop_no_trial() {
    let data = many_rows();
    for (rows, repeats) in [(&data[..3000], 1), (&data[..], 2)] {
        let mut job = job(true);
        job.config["search"]["repeats"] = json!(repeats);
        let ended = job.run(&job.file("data.csv", csv(rows)));
        let (_, report) = files(&job, &ended);
        assert!(report.trials.iter().all(|trial| trial.status == TrialStatus::Succeeded));
        assert!(report.trials.iter().all(|trial| trial.fold_scores.len() == 3 * repeats));
    }
}
