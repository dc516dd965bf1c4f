//! After the first few texts a prediction allocates nothing but a little for words that the model does not know.

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
}
