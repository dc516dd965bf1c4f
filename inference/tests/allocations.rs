//! After the first few texts a prediction allocates nothing but a little for words that the model does not know. Counting it
//! allocates nothing.

use std::time::Duration;

use clap::Parser;
use complaint_inference::core::engine::Engine;
use complaint_inference::core::review::Thresholds;
use complaint_inference::core::statistics::Tally;
use complaint_inference::options::Options;
use complaint_model::Sha256Digest;
use complaint_model::predict::Scratch;

#[path = "server/model.rs"]
#[expect(dead_code, reason = "the tests of the server use all of it")]
mod model;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Allocations of a prediction, on average over many.
fn allocations(texts: &[&str]) -> f64 {
    let predictor = model::predictor();
    let mut scratch = Scratch::default();
    for text in texts.iter().cycle().take(10 * texts.len()) {
        predictor.predict(text, &mut scratch);
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    let count = 100 * texts.len();
    for text in texts.iter().cycle().take(count) {
        predictor.predict(text, &mut scratch);
    }
    dhat::HeapStats::get().total_blocks as f64 / count as f64
}

/// Allocations of counting an answer and a request, on average over many.
fn allocations_of_counting() -> f64 {
    const COUNT: u64 = 10_000;
    let options = Options::try_parse_from(["test", "--model", "unused"]).unwrap();
    let digest = Sha256Digest::of_bytes(b"the model of the tests");
    let engine = Engine::new(
        model::estimating_predictor(),
        digest,
        "cards".into(),
        Thresholds::everywhere(0.5),
    );
    let answer = engine.answer(model::CARDS);
    let tally = Tally::new(&engine, &options.statistics, 0);
    let count = |now| {
        tally.answered(now, &answer);
        tally.requested(now, 200, Duration::from_micros(50));
    };
    count(0);
    let _profiler = dhat::Profiler::builder().testing().build();
    (0..COUNT).for_each(count);
    dhat::HeapStats::get().total_blocks as f64 / COUNT as f64
}

/// One test, since the counters belong to the process.
#[test]
fn a_prediction_allocates_next_to_nothing_after_warm_up() {
    let long = model::LOANS.repeat(20);
    let known = allocations(&[model::CARDS, &long]);
    assert!(known < 0.1, "{known} allocations a text");
    let odd = "Zanzibar\u{2019}s xylophones weren't na\u{ef}ve: 1,000 \u{20ac} <b>lost</b> at https://x.example XXXX";
    let unknown = allocations(&[odd]);
    assert!(
        unknown < 5.0,
        "{unknown} allocations for a text of words that have to be normalised"
    );
    let counting = allocations_of_counting();
    assert!(counting == 0.0, "{counting} allocations to count an answer");
}
