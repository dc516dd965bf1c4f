//! Rows with times: the newest are held out, and the report shows the accuracy by month.

mod support;

use std::fmt::Write;

use serde_json::{Value, json};
use support::{Job, rows};

/// The rows with a day each, the last first; some have none. Each day of January and March has four complaints.
fn csv(without: usize) -> String {
    let mut text = String::from("received,narrative,product\n");
    for (number, (narrative, product)) in rows().iter().enumerate().rev() {
        let day = number / 4;
        let date = match number < without {
            true => String::new(),
            false => format!("2026-{}-{:02}", ["01", "03"][day / 31], 1 + day % 31),
        };
        writeln!(text, "{date},\"{}\",{product}", narrative.replace('"', "\"\"")).unwrap();
    }
    text
}

fn by_time() -> Job {
    let mut job = Job::new();
    job.config["dataset"]["timeField"] = json!("received");
    job.config["evaluation"]["split"] = json!("Time");
    job
}

fn report(job: &Job, message: &Value) -> Value {
    let path = message["report"]["path"].as_str().unwrap();
    serde_json::from_slice(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
}

#[test]
fn the_newest_rows_are_held_out_whatever_the_seed_and_the_order() {
    for hashing in [Value::Null, json!(14)] {
        let mut job = by_time();
        if !hashing.is_null() {
            job.config["features"]["hashingBits"] = hashing;
        }
        job.config["evaluation"]["testFraction"] = json!(0.25);
        let ended = job.run(&job.file("data.csv", csv(0)));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.message["split"], "time-v1/seed=42/testFraction=0.25/received");
        assert_eq!(ended.message["dataset"]["testRows"], 60);
        let report = report(&job, &ended.message);
        // The last 15 of 60 days; all held-out rows are of March.
        assert_eq!(
            (&report["months"][0]["month"], &report["months"][0]["rows"]),
            (&json!("2026-03"), &json!(60))
        );
        let accuracy = report["metrics"]["accuracy"].as_f64().unwrap();
        assert_eq!(report["months"][0]["accuracy"].as_f64().unwrap(), accuracy);
    }
}

#[test]
fn a_draw_by_hash_shows_the_months_too() {
    let mut job = Job::new();
    job.config["dataset"]["timeField"] = json!("received");
    let ended = job.run(&job.file("data.csv", csv(30)));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.message["split"], "v1/seed=42/testFraction=0.25");
    let report = report(&job, &ended.message);
    let months = report["months"].as_array().unwrap();
    let names: Vec<&str> = months.iter().map(|month| month["month"].as_str().unwrap()).collect();
    assert_eq!(names, ["2026-01", "2026-03"]);
    let rows: u64 = months.iter().map(|month| month["rows"].as_u64().unwrap()).sum();
    assert!(
        rows < ended.message["dataset"]["testRows"].as_u64().unwrap(),
        "some have no time"
    );
}

#[test]
fn rows_without_a_time_train_and_many_of_them_are_an_error() {
    let job = by_time();
    let ended = job.run(&job.file("data.csv", csv(40)));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let warnings = ended.message["dataset"]["warnings"].to_string();
    assert!(
        warnings.contains("RowsWithoutTime") && warnings.contains("40 of 240 rows"),
        "{warnings}"
    );

    let ended = job.run(&job.file("data.csv", csv(150)));
    ended.fails(
        65,
        "NoUsableRows",
        &["150 of 240 rows", "dataset.timeField", "2026-03-01"],
    );
    let other = csv(0).replace("2026-", "01/02/");
    job.run(&job.file("data.csv", other))
        .fails(65, "NoUsableRows", &["240 of 240 rows"]);
}

#[test]
fn what_contradicts_is_refused_with_the_fix() {
    let refused = |change: &dyn Fn(&mut Value), words: &[&str]| {
        let mut job = by_time();
        change(&mut job.config);
        job.run(&job.file("data.csv", csv(0)))
            .fails(64, "InvalidConfiguration", words);
    };
    refused(
        &|config| config["dataset"]["timeField"] = Value::Null,
        &["dataset.timeField", "evaluation.split is Time"],
    );
    refused(
        &|config| config["dataset"]["splitField"] = json!("product"),
        &["dataset.splitField", "Leave out one"],
    );
    refused(
        &|config| config["evaluation"]["holdout"] = json!({ "source": "h.csv" }),
        &["evaluation.split", "holdout"],
    );
    let mut job = by_time();
    job.config["dataset"]["timeField"] = json!("recieved");
    job.run(&job.file("data.csv", csv(0)))
        .fails(65, "ColumnNotFound", &["dataset.timeField", "`received`"]);
}
