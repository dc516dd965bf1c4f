use complaint_contract::Normalizer;
use proptest::prelude::*;

use super::*;
use crate::pipeline::Preprocessing;
use crate::text::TextPipeline;

fn corpus<T: AsRef<str> + Sync>(texts: &[T]) -> TokenizedCorpus {
    let plain = Preprocessing {
        language: complaint_contract::Language::En,
        expand_contractions: false,
        remove_stop_words: false,
        normalizer: Normalizer::None,
        keep_numbers: false,
        min_token_length: 1,
        redaction_pattern: String::new(),
        character_runs: false,
    };
    TokenizedCorpus::build(&TextPipeline::new(&plain).unwrap(), texts)
}

fn features(word_ngrams: [usize; 2], min_document_frequency: usize) -> Features {
    Features {
        word_ngrams,
        min_document_frequency,
        ..Features::default()
    }
}

fn terms(vectorizer: &Vectorizer) -> Vec<&str> {
    vectorizer.vocabulary().iter().collect()
}

/// The figures come from scikit-learn: `TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2,
/// token_pattern=r"\w+")` over the same four texts.
#[test]
fn weights_agree_with_scikit_learn() {
    let texts = [
        "the late fee the fee",
        "a late fee was late",
        "card stolen today",
        "the card was late",
    ];
    let corpus = corpus(&texts);
    let (vectorizer, matrix) = Vectorizer::fit_transform(&corpus, &[0, 1, 2, 3], &features([1, 2], 2));
    assert_eq!(terms(&vectorizer), EXPECTED_TERMS);
    for (row, expected) in EXPECTED_ROWS.iter().enumerate() {
        let (columns, values) = matrix.row(row);
        assert_eq!(columns, expected.iter().map(|(c, _)| *c).collect::<Vec<u32>>());
        for (value, (_, expected)) in values.iter().zip(*expected) {
            assert!((value - expected).abs() < 2e-6, "{value} {expected}");
        }
    }
}

const EXPECTED_TERMS: &[&str] = &["card", "fee", "late", "late fee", "the", "was", "was late"];

const EXPECTED_ROWS: &[&[(u32, f32)]] = &[
    &[(1, 0.622879), (2, 0.297832), (3, 0.367882), (4, 0.622879)],
    &[
        (1, 0.412429),
        (2, 0.565337),
        (3, 0.412429),
        (5, 0.412429),
        (6, 0.412429),
    ],
    &[(0, 1.0)],
    &[
        (0, 0.463468),
        (2, 0.375217),
        (4, 0.463468),
        (5, 0.463468),
        (6, 0.463468),
    ],
];

#[test]
fn max_features_keeps_the_most_frequent_and_breaks_ties_by_order() {
    let corpus = corpus(&["b b a c", "a c d d", "b d a"]);
    let limited = |max_features| {
        let features = Features {
            max_features,
            ..features([1, 1], 1)
        };
        let vectorizer = Vectorizer::fit(&corpus, &[0, 1, 2], &features);
        terms(&vectorizer).join(" ")
    };
    assert_eq!(limited(3), "a b d");
    assert_eq!(limited(2), "a b");
    assert_eq!(limited(1), "a");
    assert_eq!(limited(9), "a b c d");
}

#[test]
fn document_frequency_limits() {
    let corpus = corpus(&["a b", "a b", "a c", "a d"]);
    let features = Features {
        max_document_fraction: 0.5,
        ..features([1, 1], 2)
    };
    assert_eq!(terms(&Vectorizer::fit(&corpus, &[0, 1, 2, 3], &features)), ["b"]);
}

#[test]
fn no_rows_and_no_terms_are_not_an_error() {
    let corpus = corpus(&["a", ""]);
    let vectorizer = Vectorizer::fit(&corpus, &[], &features([1, 3], 1));
    assert!(vectorizer.vocabulary().is_empty());
    let matrix = vectorizer.transform(&corpus, &[1, 0]);
    assert_eq!((matrix.rows, matrix.cols, matrix.entries()), (2, 0, 0));
}

#[test]
fn character_ngrams_have_their_own_block_of_length_one() {
    let corpus = corpus(&["fee fees", "fee"]);
    let features = Features {
        char_ngrams: Some([3, 4]),
        ..features([1, 1], 2)
    };
    let (vectorizer, matrix) = Vectorizer::fit_transform(&corpus, &[0, 1], &features);
    assert_eq!(terms(&vectorizer), ["fee", " fe", " fee", "ee ", "fee", "fee "]);
    assert_eq!(vectorizer.vocabulary().kind(0), TermKind::Words);
    assert_eq!(vectorizer.vocabulary().kind(4), TermKind::Characters);
    let (_, values) = matrix.row(0);
    assert_eq!(values[0], 1.0);
    assert!((values[1..].iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn retained_terms_keep_their_weights() {
    let corpus = corpus(&["a b c", "a b", "c a"]);
    let all = Vectorizer::fit(&corpus, &[0, 1, 2], &features([1, 2], 1));
    let some = all.retain(|term| all.document_frequency()[term as usize] >= 2);
    assert_eq!(terms(&some), ["a", "a b", "b", "c"]);
    assert_eq!(some.idf()[0], 1.0);
    assert_eq!(some.transform(&corpus, &[2]).row(0).0, [0, 3]);
}

/// Documents with few distinct words, so that n-grams repeat.
fn documents() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("([abcd]{1,2} ){0,12}", 1..24)
}

fn options() -> impl Strategy<Value = Features> {
    let words = (1usize..4).prop_flat_map(|low| (Just(low), low..4));
    let characters = prop::option::of((1usize..4).prop_flat_map(|low| (Just(low), low..5)));
    (words, characters, 1usize..4, 0.3f64..1.0, 1usize..40, any::<bool>()).prop_map(|(w, c, min, max, most, tf)| {
        Features {
            word_ngrams: [w.0, w.1],
            char_ngrams: c.map(|c| [c.0, c.1]),
            min_document_frequency: min,
            max_document_fraction: max,
            max_features: most,
            sublinear_tf: tf,
            hashing_bits: None,
        }
    })
}

/// Options with and without hashing. There are so few buckets that n-grams share them.
fn options_and_hashing() -> impl Strategy<Value = Features> {
    (options(), prop::option::of(10u8..13)).prop_map(|(features, hashing_bits)| Features {
        hashing_bits,
        ..features
    })
}

/// The same terms, found by counting strings: the simplest implementation.
fn naive_terms(texts: &[&str], features: &Features) -> Vec<String> {
    use std::collections::{BTreeMap, BTreeSet};
    let mut df: BTreeMap<(bool, String), (u64, usize)> = BTreeMap::new();
    for text in texts {
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let mut all: Vec<(bool, String)> = Vec::new();
        for n in features.word_ngrams[0]..=features.word_ngrams[1] {
            all.extend(tokens.windows(n).map(|run| (false, run.join(" "))));
        }
        for token in &tokens {
            if let Some(range) = features.char_ngrams {
                characters::each_ngram(token, range, &mut String::new(), |g| all.push((true, g.to_owned())));
            }
        }
        all.iter().for_each(|term| df.entry(term.clone()).or_default().0 += 1);
        all.into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .for_each(|term| df.entry(term).or_default().1 += 1);
    }
    let most = features.max_document_fraction * texts.len() as f64;
    df.retain(|_, (_, df)| *df >= features.min_document_frequency && *df as f64 <= most);
    let mut kept: Vec<_> = df.into_iter().collect();
    kept.sort_by_key(|(term, (count, _))| (std::cmp::Reverse(*count), term.clone()));
    kept.truncate(features.max_features);
    kept.sort();
    kept.into_iter().map(|((_, term), _)| term).collect()
}

proptest! {
    #[test]
    fn vocabulary_is_the_naive_one(texts in documents(), features in options()) {
        let corpus = corpus(&texts);
        let rows: Vec<u32> = (0..texts.len() as u32).collect();
        let vectorizer = Vectorizer::fit(&corpus, &rows, &features);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        prop_assert_eq!(terms(&vectorizer), naive_terms(&texts, &features));
    }

    /// Nothing leaks: rows outside the fold can be anything, and counting all rows at once changes nothing.
    #[test]
    fn a_fold_sees_its_own_rows_only(
        texts in documents(),
        others in documents(),
        more in documents(),
        features in options_and_hashing(),
    ) {
        let rows: Vec<u32> = (0..texts.len() as u32).collect();
        let alone = corpus(&texts);
        let (expected, expected_rows) = Vectorizer::fit_transform(&alone, &rows, &features);
        for others in [others, more] {
            let together: Vec<&String> = texts.iter().chain(&others).collect();
            let corpus = corpus(&together);
            let counts = TermCounts::build(&corpus, &features);
            let fold = counts.fit(&rows, &features);
            prop_assert_eq!(&fold.vectorizer(), &expected);
            prop_assert_eq!(&fold.transform(&rows), &expected_rows);
            prop_assert_eq!(&Vectorizer::fit(&corpus, &rows, &features), &expected);
            // Counts and look-ups give the same bits, for rows of the fold and for others.
            let all: Vec<u32> = (0..together.len() as u32).rev().collect();
            prop_assert_eq!(fold.transform(&all), expected.transform(&corpus, &all));
        }
    }

    #[test]
    fn threads_do_not_matter(texts in documents(), features in options_and_hashing()) {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let corpus = corpus(&texts);
                let rows: Vec<u32> = (0..texts.len() as u32).collect();
                Vectorizer::fit_transform(&corpus, &rows, &features)
            })
        };
        prop_assert_eq!(run(1), run(3));
    }
}

/// The bucket name of a term, below 2^24.
fn bucket_of(term: &str, kind: TermKind) -> String {
    let mut found = Vec::new();
    match kind {
        TermKind::Words => {
            let tokens: Vec<u32> = term.split(' ').map(hashing::token_hash).collect();
            hashing::each_bucket(&tokens, [tokens.len(); 2], 24, |bucket, _, _| found.push(bucket));
        }
        TermKind::Characters => found.push(hashing::bucket(hashing::characters_hash(term), 24)),
    }
    buckets::bucket_name(found[0])
}

proptest! {
    /// If no two n-grams share a bucket, hashing gives the vocabulary with its columns in another order.
    #[test]
    fn without_collisions_buckets_are_the_terms(texts in documents(), features in options()) {
        let features = Features { max_features: 10_000_000, ..features };
        let corpus = corpus(&texts);
        let rows: Vec<u32> = (0..texts.len() as u32).collect();
        let everything = Features { min_document_frequency: 1, max_document_fraction: 1.0, ..features.clone() };
        let all = Vectorizer::fit(&corpus, &rows, &everything);
        let names: std::collections::BTreeSet<(bool, String)> = (0..all.vocabulary().len() as u32)
            .map(|term| (all.vocabulary().kind(term) == TermKind::Words, term))
            .map(|(words, term)| (words, bucket_of(all.vocabulary().term(term), all.vocabulary().kind(term))))
            .collect();
        prop_assume!(names.len() == all.vocabulary().len());

        let (terms, matrix) = Vectorizer::fit_transform(&corpus, &rows, &features);
        let hashed = Features { hashing_bits: Some(24), ..features };
        let (buckets, hashed_matrix) = Vectorizer::fit_transform(&corpus, &rows, &hashed);
        prop_assert_eq!(buckets.vocabulary().word_terms(), terms.vocabulary().word_terms());
        let name = |vectorizer: &Vectorizer, term: u32| {
            let text = vectorizer.vocabulary().term(term);
            let kind = vectorizer.vocabulary().kind(term);
            let name = if text.starts_with('#') { text.to_owned() } else { bucket_of(text, kind) };
            (kind == TermKind::Characters, name)
        };
        let learned = |vectorizer: &Vectorizer| {
            let mut learned: Vec<_> = (0..vectorizer.vocabulary().len() as u32)
                .map(|term| (name(vectorizer, term), vectorizer.idf()[term as usize].to_bits()))
                .collect();
            learned.sort();
            learned
        };
        prop_assert_eq!(learned(&buckets), learned(&terms));
        for row in 0..rows.len() {
            let entries = |vectorizer: &Vectorizer, matrix: &CsrMatrix| {
                let (columns, values) = matrix.row(row);
                let mut entries: Vec<_> = columns.iter().map(|&column| name(vectorizer, column)).zip(values.to_vec()).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                entries
            };
            let (expected, found) = (entries(&terms, &matrix), entries(&buckets, &hashed_matrix));
            prop_assert_eq!(found.len(), expected.len());
            // A row's length is a sum, so its last bits depend on the order of its columns.
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(&found.0, &expected.0);
                prop_assert!((found.1 - expected.1).abs() < 1e-6, "{:?} {:?}", found, expected);
            }
        }
    }

    /// Neither the batch size nor texts that are read but not kept change anything.
    #[test]
    fn batches_are_the_corpus(texts in documents(), keep in prop::collection::vec(any::<bool>(), 24), size in 1usize..5, features in options()) {
        let features = Features { hashing_bits: Some(12), ..features };
        let mut counts = HashedCounts::new(&features);
        for batch in texts.chunks(size) {
            counts.add(&corpus(batch));
        }
        prop_assert_eq!(counts.len(), texts.len());
        let counts = counts.finish(&keep[..texts.len()]);
        let kept: Vec<&String> = texts.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(text, _)| text).collect();
        let corpus = corpus(&kept);
        let rows: Vec<u32> = (0..kept.len() as u32).collect();
        prop_assert_eq!(counts.documents(), kept.len());
        let (expected, expected_rows) = Vectorizer::fit_transform(&corpus, &rows, &features);
        let fold = counts.fit(&rows, &features);
        prop_assert_eq!(fold.vectorizer(), expected);
        prop_assert_eq!(fold.transform(&rows), expected_rows);
    }
}
