use proptest::prelude::*;

use super::*;
use crate::artifact::ArtifactBuilder;
use crate::artifact::tests::{any_artifact, hashed_artifact, small_artifact, with_reference, with_word_scores};
use crate::corpus::TokenizedCorpus;
use crate::vectorize::TermKind;

/// The training code's path: pipeline, sparse row, scores, probabilities.
fn reference(artifact: &Artifact, text: &str) -> (usize, Vec<f32>) {
    let corpus = TokenizedCorpus::build(&artifact.pipeline(), &[text]);
    let row = artifact.rows(&corpus, &[0]);
    let classes = artifact.labels().len();
    let (mut scores, mut probabilities) = (vec![0.0; classes], vec![0.0; classes]);
    artifact.decide(&row, 0, &mut scores);
    let class = artifact.calibration().probabilities(&scores, &mut probabilities);
    (class, probabilities)
}

#[test]
fn known_and_unknown_words() {
    let predictor = Predictor::new(small_artifact());
    let mut scratch = Scratch::default();
    let prediction = predictor.predict("My CARD was stolen", &mut scratch);
    assert_eq!(predictor.labels()[prediction.class], "Cards");
    assert_eq!(prediction.unknown_word_share, 0.0);
    let prediction = predictor.predict("late fees at Zanzibar", &mut scratch);
    assert_eq!(predictor.labels()[prediction.class], "Fees");
    assert!((prediction.unknown_word_share - 1.0 / 3.0).abs() < 1e-6);
    for empty in ["", "the of and", "XXXX 123"] {
        assert_eq!(predictor.predict(empty, &mut scratch).unknown_word_share, 1.0);
    }
}

/// What a word adds by its vector counts for words that the terms don't know, and joins the term of a word that has one.
#[test]
fn word_scores_join_the_terms_of_their_words() {
    let bare = Predictor::new(small_artifact());
    let scored = Predictor::new(with_word_scores(small_artifact(), &["fee", "nothing", "stolen"]));
    let table = scored.artifact().word_scores().unwrap();
    assert!(table.find("fee").is_some() && table.find("stolen").is_some());
    let mut scratch = [Scratch::default(), Scratch::default()];
    let [first, second] = &mut scratch;
    for text in ["late", "The card", ""] {
        assert_eq!(
            bare.predict(text, first),
            scored.predict(text, second),
            "no word has a score"
        );
    }
    let text = "ZANZIBAR charged a fee, and Zanzibar's fee was late";
    let (before, after) = (bare.explain(text, first), scored.explain(text, second));
    assert_ne!(
        bare.predict(text, first).probabilities,
        scored.predict(text, second).probabilities
    );
    let of = |explanation: &Explanation, term: &str| -> Vec<Contribution> {
        let all = explanation.contributions.iter();
        all.filter(|found| found.term == term).cloned().collect()
    };
    assert!(of(&before, "zanzibar").is_empty());
    let unknown = of(&after, "zanzibar");
    assert_eq!(unknown.len(), 1);
    let spelt: Vec<&str> = unknown[0].ranges.iter().map(|range| &text[range.clone()]).collect();
    assert_eq!(spelt, ["ZANZIBAR", "Zanzibar's"]);
    let (one, other) = (of(&before, "fee"), of(&after, "fee"));
    assert_eq!((one.len(), other.len()), (1, 1));
    assert_eq!(one[0].ranges, other[0].ranges);
    assert_ne!(one[0].contribution, other[0].contribution);
    let sum: f32 = after.contributions.iter().map(|found| found.contribution).sum();
    assert!((after.bias + sum - after.margin).abs() < 1e-5);
}

/// Estimating probabilities are those of the trained intercepts, and no answer depends on the estimate.
#[test]
fn estimating_probabilities_beside_the_answer() {
    let (trained, adapted) = (small_artifact(), with_reference(small_artifact()));
    let bare = Predictor::new(trained.clone());
    let estimating = Predictor::new(
        ArtifactBuilder::from(adapted.clone())
            .adapted(trained.model().bias.clone())
            .build()
            .unwrap(),
    );
    let adapted = Predictor::new(adapted);
    let mut scratch = [Scratch::default(), Scratch::default(), Scratch::default()];
    let [first, second, third] = &mut scratch;
    for text in ["My CARD was stolen", "late fees at Zanzibar", ""] {
        let plain = bare.predict(text, first);
        assert_eq!(plain.estimating, None);
        let (trained, adapted) = (estimating.predict(text, second), adapted.predict(text, third));
        assert_eq!(
            (plain.class, plain.probabilities),
            (trained.class, trained.probabilities)
        );
        let (trained, adapted) = (trained.estimating.unwrap(), adapted.estimating.unwrap());
        assert!(trained.iter().zip(adapted).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!((trained.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}

/// Training and serving both cut words that are as long as a whole text.
#[test]
fn long_words_are_the_same_to_training_and_serving() {
    let long = [
        "card".repeat(1_000),
        "fee's'd".repeat(1_000),
        "\u{fdfa}".repeat(2_000),
        "caf\u{e9}".repeat(2_000),
        "\u{5361}\u{3002}\u{8d39}".repeat(1_000),
        format!("late {} fee", "a\u{308}".repeat(3_000)),
    ];
    for artifact in [small_artifact(), hashed_artifact(24)] {
        let predictor = Predictor::new(artifact);
        let mut scratch = Scratch::default();
        for text in &long {
            let (class, probabilities) = reference(predictor.artifact(), text);
            let prediction = predictor.predict(text, &mut scratch);
            assert_eq!(prediction.class, class);
            assert_eq!(prediction.probabilities, &probabilities[..]);
        }
    }
}

/// One character can become eighteen. A text of such characters must not cause eighteen times as much work.
#[test]
fn tokens_grow_no_more_than_twofold() {
    let pipeline = small_artifact().pipeline();
    let text = "\u{fdfa}".repeat(20_000);
    let tokens: usize = pipeline.tokenize(&text).iter().map(String::len).sum();
    assert!(
        tokens > 1_000 && tokens < 5 * text.len() / 2,
        "{tokens} bytes of {}",
        text.len()
    );
}

#[test]
fn an_explanation_adds_up_and_points_into_the_text() {
    let predictor = Predictor::new(small_artifact());
    let mut scratch = Scratch::default();
    let text = "Late fee, \u{201c}LATE\u{201d} fees!";
    let explanation = predictor.explain(text, &mut scratch);
    assert_eq!(predictor.labels()[explanation.class], "Fees");
    let sum: f32 = explanation.contributions.iter().map(|c| c.contribution).sum();
    assert!((explanation.bias + sum - explanation.margin).abs() < 1e-5);
    let words = |term: &str| {
        let found = explanation
            .contributions
            .iter()
            .find(|c| c.term == term && c.kind == TermKind::Words)
            .unwrap();
        found
            .ranges
            .iter()
            .map(|range| &text[range.clone()])
            .collect::<Vec<_>>()
    };
    assert_eq!(words("late"), ["Late", "LATE"]);
    assert_eq!(words("late fee"), ["Late", "fee", "LATE", "fees"]);
    let sizes: Vec<f32> = explanation.contributions.iter().map(|c| c.contribution.abs()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b));
}

#[test]
fn a_hashed_model_names_the_ngrams_of_the_text() {
    let predictor = Predictor::new(hashed_artifact(24));
    let mut scratch = Scratch::default();
    let text = "Late fees for my Card";
    let explanation = predictor.explain(text, &mut scratch);
    let of = |kind| {
        let found = explanation.contributions.iter().filter(|c| c.kind == kind);
        let mut terms: Vec<(&str, Vec<&str>)> = found
            .map(|c| {
                (
                    c.term.as_str(),
                    c.ranges.iter().map(|range| &text[range.clone()]).collect(),
                )
            })
            .collect();
        terms.sort();
        terms
    };
    let words = [
        ("card", vec!["Card"]),
        ("fee", vec!["fees"]),
        ("late", vec!["Late"]),
        ("late fee", vec!["Late", "fees"]),
    ];
    assert_eq!(of(TermKind::Words), words);
    assert!(of(TermKind::Characters).contains(&("late", vec!["Late"])));
    let sum: f32 = explanation.contributions.iter().map(|c| c.contribution).sum();
    assert!((explanation.bias + sum - explanation.margin).abs() < 1e-5);
}

#[test]
fn unknown_words_of_a_hashed_model() {
    let predictor = Predictor::new(hashed_artifact(24));
    let mut scratch = Scratch::default();
    for (text, share) in [
        ("late fees at Zanzibar", 1.0 / 3.0),
        ("My CARD was stolen", 0.0),
        ("of the", 1.0),
    ] {
        let found = predictor.predict(text, &mut scratch).unknown_word_share;
        assert!((found - share).abs() < 1e-6, "{text} {found}");
    }
}

proptest! {
    #[test]
    fn fast_path_is_the_training_path_bit_for_bit(
        (artifact, training) in any_artifact(),
        text in crate::artifact::tests::any_text(),
    ) {
        let corpus = TokenizedCorpus::build(&artifact.pipeline(), &training);
        let rows: Vec<u32> = (0..training.len() as u32).collect();
        let unknown = artifact.unknown_word_shares(&corpus, &rows);
        let predictor = Predictor::new(artifact);
        let mut scratch = Scratch::default();
        let served: Vec<f32> = training.iter().map(|text| predictor.predict(text, &mut scratch).unknown_word_share).collect();
        prop_assert_eq!(served, unknown);
        for text in training.iter().chain([&text, &text.to_uppercase()]) {
            let (class, probabilities) = reference(predictor.artifact(), text);
            let prediction = predictor.predict(text, &mut scratch);
            prop_assert_eq!(prediction.class, class);
            prop_assert_eq!(prediction.probabilities, &probabilities[..]);
            prop_assert!((0.0..=1.0).contains(&prediction.unknown_word_share));
            let explanation = predictor.explain(text, &mut scratch);
            prop_assert_eq!(explanation.class, class);
            let sum: f32 = explanation.contributions.iter().map(|c| c.contribution).sum();
            prop_assert!((explanation.bias + sum - explanation.margin).abs() < 1e-3);
            for range in explanation.contributions.iter().flat_map(|c| &c.ranges) {
                prop_assert!(text.get(range.clone()).is_some());
            }
        }
    }
}
