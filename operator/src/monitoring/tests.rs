//! Plans and statuses over windows as servers count them.

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, condition};
use complaint_contract::{
    Sha256Digest,
    statistics::{
        Counts, FeedbackCounts, PROBABILITY_BINS, PROBABILITY_ONE, ReferenceFigure, ReferenceProfile, SLOTS_PER_WINDOW,
        Sample, SampledRow, SampledWindow, Slot, Statistics, UNKNOWN_WORD_BINS,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{gather::Seen, memory::Memory, plan, pods::Fault, status, window};
use crate::{context::Notice, status::Owned};

const WINDOW: u64 = 3_600;
/// A window in the middle of time.
const FIRST: u64 = 500_000;

fn digest() -> Sha256Digest {
    Sha256Digest::of_bytes(b"champion")
}

fn classifier(monitoring: Value) -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 1 },
        "spec": { "monitoring": monitoring },
        "status": { "champion": { "name": "cards-1", "sha256": digest().to_string() } },
    }))
    .expect("a ComplaintClassifier")
}

fn profile() -> ReferenceProfile {
    let mut top_probability = vec![0.0; PROBABILITY_BINS];
    top_probability[18] = 1.0;
    let mut unknown_words = vec![0.0; UNKNOWN_WORD_BINS];
    unknown_words[1] = 1.0;
    let figure = |value| ReferenceFigure {
        expected: value,
        measured: value,
        standard_error: 0.005,
    };
    ReferenceProfile {
        rows: 2_000.0,
        trained_mix: vec![0.5, 0.5],
        mix: vec![0.5, 0.5],
        answers: vec![0.5, 0.5],
        top_probability,
        unknown_words,
        accuracy: figure(0.9),
        f1: vec![figure(0.9); 2],
    }
}

/// A process that gave so many answers of each category in a window.
fn process(instance: &str, window: u64, answers: [u64; 2]) -> Statistics {
    let total: u64 = answers.iter().sum();
    let mut counts = Counts::new(2);
    counts.requests = total;
    counts.answers = answers.into();
    counts.top_probability[18] = total;
    counts.unknown_words[1] = total;
    Statistics {
        instance: instance.into(),
        digest: digest(),
        labels: vec!["Fees".into(), "Call 0301234567".into()],
        start_time: String::new(),
        time: String::new(),
        window_milliseconds: WINDOW * 1000,
        total: counts.clone(),
        slots: vec![Slot {
            number: window * SLOTS_PER_WINDOW + 3,
            counts,
        }],
    }
}

/// Answers that are right with a probability of 0.9.
fn sample(instance: &str, window: u64, answers: [u64; 2]) -> Sample {
    let row = |answer: u32| {
        let sure = (f64::from(PROBABILITY_ONE) * 0.9) as u16;
        let mut probabilities = vec![PROBABILITY_ONE - sure; 2];
        probabilities[answer as usize] = sure;
        SampledRow { answer, probabilities }
    };
    let rows = [(0, answers[0]), (1, answers[1])]
        .into_iter()
        .flat_map(|(answer, count)| (0..count / 10).map(move |_| row(answer)));
    Sample {
        instance: instance.into(),
        digest: digest(),
        window_milliseconds: WINDOW * 1000,
        windows: vec![SampledWindow {
            number: window,
            answers: answers.iter().sum(),
            rows: rows.collect(),
        }],
    }
}

/// One classifier, its servers and the operator's memory of them.
struct World {
    classifier: ComplaintClassifier,
    memory: Memory,
    window: u64,
    notices: Vec<Notice>,
}

impl World {
    fn new(monitoring: Value) -> Self {
        let mut memory = Memory::default();
        memory.is_about(digest(), WINDOW);
        memory.reference = Some(Some(Arc::new(profile())));
        Self {
            classifier: classifier(monitoring),
            memory,
            window: FIRST,
            notices: Vec::new(),
        }
    }

    fn count(&mut self, instance: &str, answers: [u64; 2]) {
        let oldest = self.window - 1;
        self.memory.counted(process(instance, self.window, answers), oldest);
        self.memory.sampled(sample(instance, self.window, answers));
    }

    /// A look so many seconds after the window ended.
    fn look(&mut self, seconds: i64, seen: &Seen) -> Value {
        let now = Timestamp::from_second((self.window + 1) as i64 * WINDOW as i64 + seconds).expect("a time");
        self.memory.polled = Some(now);
        let spec = self.classifier.spec.monitoring.clone().expect("a monitoring");
        let judged = plan::plan(&self.classifier, &spec, seen, &self.memory, now);
        let judged = judged.map(plan::Work::verdict);
        let (part, notices) = status::next(&self.classifier, &spec, seen, judged, now);
        self.notices.extend(notices);
        let mut stored = json!(self.classifier.status);
        status::MonitoringPart::without(&mut stored);
        let part = part.part().value().clone();
        for field in ["monitoring", "conditions"] {
            stored[field] = part[field].clone();
        }
        self.classifier.status = serde_json::from_value(stored).expect("a status");
        part["monitoring"].clone()
    }

    /// A window with these answers, and the look after it.
    fn window(&mut self, answers: [u64; 2]) -> Value {
        self.count("a", answers);
        let status = self.look(1, &seen());
        self.window += 1;
        status
    }

    fn says(&self, type_: &str) -> String {
        let status = self.classifier.status.as_ref().expect("a status");
        let found = condition::find(&status.conditions, type_).expect("the condition");
        format!("{} {}: {}", found.status, found.reason, found.message)
    }

    fn reasons(&mut self) -> Vec<String> {
        self.notices.drain(..).map(|notice| notice.reason).collect()
    }
}

fn seen() -> Seen {
    Seen {
        read: 1,
        ..Seen::default()
    }
}

fn hourly() -> Value {
    json!({ "window": "1h", "minAnswers": 500 })
}

#[test]
fn two_windows_in_a_row_decide_and_an_episode_has_one_time() {
    let mut world = World::new(hourly());
    let status = world.window([1_000, 1_000]);
    assert!(
        world.says("Drifted").starts_with("False NotDrifted"),
        "{}",
        world.says("Drifted")
    );
    assert_eq!(status["windows"][0]["reasons"], Value::Null);
    assert!(
        (status["estimatedAccuracy"]["value"].as_f64().unwrap() - 0.9).abs() < 0.01,
        "{status}"
    );
    assert_eq!(status["referenceAccuracy"], 0.9);

    let status = world.window([1_700, 300]);
    assert_eq!(status["windows"][0]["reasons"], json!(["CategoriesShifted"]));
    assert!(
        world.says("Drifted").starts_with("False"),
        "one window alone: {}",
        world.says("Drifted")
    );
    assert!(world.reasons().is_empty());
    let status = world.window([1_700, 300]);
    let told = world.says("Drifted");
    assert!(
        told.starts_with("True CategoriesShifted: CategoriesShifted in the window until"),
        "{told}"
    );
    let end = window::end(FIRST + 2, WINDOW).to_string();
    assert_eq!(status["driftTime"], end.as_str());
    assert_eq!(world.reasons(), ["CategoriesShifted"]);
    // A label that may be a person's data is not named.
    let shifts = status["categories"].as_array().expect("a list");
    assert_eq!((shifts.len(), &shifts[0]["label"]), (1, &json!("Fees")));
    let fees = &shifts[0];
    assert!(
        fees["trainedShare"] == 0.5 && fees["estimatedShare"].as_f64().unwrap() > 0.8,
        "{status}"
    );

    // One clean window alone does not end it, and it goes on as the same episode.
    world.window([1_000, 1_000]);
    assert!(world.says("Drifted").starts_with("True"));
    let status = world.window([1_700, 300]);
    assert_eq!(status["driftTime"], end.as_str());
    world.window([1_000, 1_000]);
    let status = world.window([1_000, 1_000]);
    assert!(world.says("Drifted").starts_with("False NotDrifted"));
    assert_eq!(world.reasons(), ["NotDrifted"]);
    assert_eq!(
        (status["windows"].as_array().map(Vec::len), &status["driftTime"]),
        (Some(4), &json!(end))
    );
}

#[test]
fn a_window_with_few_answers_says_nothing() {
    let mut world = World::new(hourly());
    world.window([1_700, 300]);
    let status = world.window([400, 20]);
    assert_eq!(status["windows"][0]["judged"], false);
    assert!(
        world.says("Monitored").contains("fewer than minAnswers (500)"),
        "{}",
        world.says("Monitored")
    );
    world.window([1_700, 300]);
    assert!(world.says("Drifted").starts_with("True"), "{}", world.says("Drifted"));
    let mut quiet = World::new(hourly());
    quiet.window([1, 2]);
    assert!(quiet.says("Drifted").starts_with("Unknown NotJudged"));
}

#[test]
fn drawn_corrections_overrule_the_estimate() {
    let mut world = World::new(hourly());
    let mut corrected = |answers: [u64; 2], rows: u64, correct: u64| {
        let mut statistics = process("a", world.window, answers);
        statistics.slots[0].counts.feedback = FeedbackCounts {
            rows: rows + 7,
            correct: correct + 1,
            drawn_rows: rows,
            drawn_correct: correct,
        };
        world.memory.counted(statistics, world.window - 1);
        world.memory.sampled(sample("a", world.window, answers));
        let status = world.look(1, &seen());
        world.window += 1;
        status
    };
    // Too few to tell, with those of the window before still too few, and enough with both.
    let status = corrected([1_000, 1_000], 20, 10);
    assert_eq!(
        (&status["measuredAccuracy"], &status["feedbackRows"]),
        (&Value::Null, &json!(27))
    );
    assert_eq!(
        status["windows"][0]["corrections"],
        json!({ "rows": 20, "correct": 10 })
    );
    let status = corrected([1_000, 1_000], 29, 14);
    assert_eq!(status["measuredAccuracy"], Value::Null);
    let status = corrected([1_000, 1_000], 1, 1);
    assert_eq!(
        (&status["measuredAccuracy"]["value"], &status["feedbackRows"]),
        (&json!(0.5), &json!(71))
    );
    assert_eq!(status["windows"][0]["reasons"], json!(["MeasuredAccuracyLow"]));
    // They judge a window with few answers too.
    let status = corrected([10, 10], 60, 30);
    assert_eq!(
        (&status["windows"][0]["judged"], &status["measuredAccuracy"]["value"]),
        (&json!(true), &json!(0.5))
    );
    let told = world.says("Drifted");
    assert!(
        told.starts_with("True MeasuredAccuracyLow") && told.contains("measured accuracy 0.500"),
        "{told}"
    );
    // A good measurement: what is only estimated says nothing.
    let mut corrected = |rows: u64, correct: u64| {
        let mut statistics = process("a", world.window, [1_000, 1_000]);
        statistics.slots[0].counts.feedback = FeedbackCounts {
            drawn_rows: rows,
            drawn_correct: correct,
            ..FeedbackCounts::default()
        };
        world.memory.counted(statistics, world.window - 1);
        let mut unsure = sample("a", world.window, [1_000, 1_000]);
        let rows = unsure.windows.iter_mut().flat_map(|window| &mut window.rows);
        rows.for_each(|row| row.probabilities = vec![PROBABILITY_ONE / 2; 2]);
        world.memory.sampled(unsure);
        let status = world.look(1, &seen());
        world.window += 1;
        status["windows"][0]["reasons"].clone()
    };
    assert_eq!(corrected(0, 0), json!(["EstimatedAccuracyLow"]), "none of this window");
    assert_eq!(corrected(100, 90), Value::Null);
}

#[test]
fn counts_of_pods_that_are_gone_are_part_of_the_window() {
    let mut world = World::new(hourly());
    world.count("a", [300, 100]);
    world.count("b", [500, 100]);
    // The first restarted: another instance counts from zero.
    world.count("c", [700, 300]);
    let status = world.look(1, &seen());
    assert_eq!(status["windows"][0]["answers"], 2_000);
    // A window is judged once.
    let again = world.look(31, &seen());
    assert_eq!(again["windows"].as_array().map(Vec::len), Some(1));
    // What is older than the last whole window is forgotten.
    world.window += 2;
    world.count("d", [1_000, 0]);
    assert_eq!(world.memory.window(FIRST).map(|counts| counts.answered()), Some(0));
}

#[test]
fn a_pod_out_of_reach_is_named_and_waited_for() {
    let mut world = World::new(hourly());
    world.count("a", [1_000, 1_000]);
    let faulty = Seen {
        faults: vec![("cards-1".into(), Fault::Unreachable, "10.0.0.7:8080".into())],
        ..seen()
    };
    let status = world.look(1, &faulty);
    let told = world.says("Monitored");
    assert!(
        told.starts_with("Unknown Unreachable") && told.contains("cards-1") && told.contains("10.0.0.7:8080"),
        "{told}"
    );
    assert_eq!(status["windows"], Value::Null);
    assert_eq!(world.reasons(), ["Unreachable"]);
    // The servers keep the window for as long again: half of that time is enough to wait.
    let status = world.look(1_800, &faulty);
    assert_eq!(status["windows"][0]["answers"], 2_000);
    assert!(world.reasons().is_empty(), "told once");
}

#[test]
fn a_model_without_figures_is_not_judged() {
    let mut world = World::new(hourly());
    world.memory.reference = Some(None);
    world.count("a", [1_000, 1_000]);
    let status = world.look(
        1,
        &Seen {
            no_profile: true,
            ..seen()
        },
    );
    assert!(world.says("Monitored").starts_with("False NoReferenceProfile"));
    assert_eq!(status["windows"], Value::Null);
}

#[test]
fn another_champion_or_window_begins_anew() {
    let mut world = World::new(hourly());
    world.window([1_700, 300]);
    let drifted = world.window([1_700, 300]);
    assert!(world.says("Drifted").starts_with("True"));
    let champion = world
        .classifier
        .status
        .as_mut()
        .and_then(|status| status.champion.as_mut());
    champion.expect("a champion").sha256 = Sha256Digest::of_bytes(b"next").to_string();
    // Nothing of it was read yet: what is remembered is about the champion before.
    assert_eq!(world.look(10, &seen())["windows"], Value::Null);
    world.memory.is_about(Sha256Digest::of_bytes(b"next"), WINDOW);
    assert_eq!(world.memory.labels(), None);
    world.count("b", [1, 1]);
    let status = world.look(60, &seen());
    assert_eq!(status["windows"], Value::Null);
    assert!(world.says("Drifted").starts_with("Unknown NotJudged"));
    assert_eq!(
        status["driftTime"], drifted["driftTime"],
        "so that one episode makes one run"
    );
    world.classifier.spec.monitoring = serde_json::from_value(json!({ "window": "2h" })).expect("a monitoring");
    assert_eq!(world.look(90, &seen())["window"], "2h");
    // Counts in windows of another length are no part of these.
    world.memory.is_about(Sha256Digest::of_bytes(b"next"), 2 * WINDOW);
    assert_eq!(world.memory.labels(), None);
}

#[test]
fn a_window_is_what_the_spec_says() {
    for (text, expected) in [
        ("24h", 86_400),
        ("90m", 5_400),
        ("1h30m", 5_400),
        ("10s", 10),
        ("", 86_400),
    ] {
        assert_eq!(window::seconds(text), expected, "{text}");
    }
}
