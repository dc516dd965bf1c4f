use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;
use crate::artifact::tests::{any_preprocessing, any_text};

fn tokens(preprocessing: &Preprocessing, text: &str) -> Vec<String> {
    TextPipeline::new(preprocessing).unwrap().tokenize(text)
}

#[test]
fn one_setting_at_a_time() {
    let plain = Preprocessing {
        language: Language::En,
        expand_contractions: false,
        remove_stop_words: false,
        normalizer: Normalizer::None,
        keep_numbers: false,
        min_token_length: 1,
        redaction_pattern: String::new(),
        character_runs: false,
    };
    let text = "I\u{2019}ve paid XXXX's FEES twice; they won't stop charging $9.99";
    let cases = [
        (plain.clone(), "i ve paid xxxx s fees twice they won t stop charging"),
        (
            Preprocessing {
                expand_contractions: true,
                ..plain.clone()
            },
            "i have paid xxxx fees twice they will not stop charging",
        ),
        (
            Preprocessing {
                remove_stop_words: true,
                ..plain.clone()
            },
            "ve paid xxxx s fees twice won t stop charging",
        ),
        (
            Preprocessing {
                normalizer: Normalizer::Lemma,
                ..plain.clone()
            },
            "i ve paid xxxx s fee twice they won t stop charging",
        ),
        (
            Preprocessing {
                normalizer: Normalizer::Stem,
                ..plain.clone()
            },
            "i ve paid xxxx s fee twice they won t stop charg",
        ),
        (
            Preprocessing {
                keep_numbers: true,
                ..plain.clone()
            },
            "i ve paid xxxx s fees twice they won t stop charging 9 99",
        ),
        (
            Preprocessing {
                min_token_length: 4,
                ..plain.clone()
            },
            "paid xxxx fees twice they stop charging",
        ),
        (
            Preprocessing {
                redaction_pattern: "x{2,}".into(),
                ..plain.clone()
            },
            "i ve paid s fees twice they won t stop charging",
        ),
    ];
    for (preprocessing, expected) in cases {
        assert_eq!(tokens(&preprocessing, text).join(" "), expected, "{preprocessing:?}");
    }
}

#[test]
fn redactions_of_more_than_letters_are_found_in_the_text() {
    let preprocessing = Preprocessing {
        redaction_pattern: r"\[name\]|<person \d+>".into(),
        ..Preprocessing::default()
    };
    assert_eq!(
        tokens(&preprocessing, "called [NAME] and <PERSON 12> about fees"),
        ["called", "fee"]
    );
    let pipeline = TextPipeline::new(&preprocessing).unwrap();
    let text = "[name]fees";
    pipeline.tokens(text, &mut Scratch::default(), |token, range| {
        assert_eq!((token, &text[range]), ("fee", "fees"));
    });
}

proptest! {
    #[test]
    fn never_panics_and_ranges_are_words(text in any_text(), preprocessing in any_preprocessing()) {
        let pipeline = TextPipeline::new(&preprocessing).unwrap();
        let mut end = 0;
        pipeline.tokens(&text, &mut Scratch::default(), |token, range| {
            let is_of_run = preprocessing.character_runs && token.starts_with(is_unspaced);
            assert!(is_of_run || token.chars().count() >= preprocessing.min_token_length);
            assert!(!text[range.clone()].is_empty());
            assert!(range.start >= end || range.end == end, "words come in order");
            end = range.end;
        });
    }

    #[test]
    fn nfc_and_nfd_spellings_give_the_same(text in any_text(), preprocessing in any_preprocessing()) {
        let composed: String = text.nfc().collect();
        let decomposed: String = text.nfd().collect();
        prop_assert_eq!(tokens(&preprocessing, &composed), tokens(&preprocessing, &decomposed));
    }

    #[test]
    fn case_does_not_matter_for_ascii(text in "[ -~]{0,60}", preprocessing in any_preprocessing()) {
        // In Turkish, `I` is not the capital of `i`.
        let text = if preprocessing.language == Language::Tr { text.replace('I', "i") } else { text };
        let lower = text.to_ascii_lowercase();
        prop_assert_eq!(tokens(&preprocessing, &text), tokens(&preprocessing, &lower));
    }

    /// Without normalisation, tokens are words that don't change when they are tokenised again. (Expansion can uncover
    /// a contraction behind an apostrophe: `card'tis`.)
    #[test]
    fn idempotent_without_reduction(text in any_text(), preprocessing in any_preprocessing()) {
        let preprocessing =
            Preprocessing { normalizer: Normalizer::None, expand_contractions: false, ..preprocessing };
        let once = tokens(&preprocessing, &text);
        prop_assert_eq!(tokens(&preprocessing, &once.join(" ")), once);
    }

    #[test]
    fn a_cached_word_gives_the_same(text in any_text(), preprocessing in any_preprocessing()) {
        let pipeline = TextPipeline::new(&preprocessing).unwrap();
        let (mut cache, mut scratch) = (WordCache::default(), Scratch::default());
        for _ in 0..2 {
            let mut cached = Vec::new();
            pipeline.raw_words(&text, |word| {
                let tokens = cache.tokens_of(&pipeline, &text[word.range], &mut scratch);
                cached.extend(tokens.into_iter().map(str::to_owned));
            });
            prop_assert_eq!(cached, pipeline.tokenize(&text));
        }
    }
}

/// Any string, and strings of characters that break scanners: marks, joiners, brackets, half entities, directions.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\u{301}",
        "\u{200d}",
        "\u{feff}",
        "\u{202e}",
        "\0",
        "<",
        "</",
        "&#",
        "&#x110000;",
        "@",
        "://",
        "'",
        "\u{2019}",
        ".",
        "_",
        "x",
        "XX",
        "ﷺ",
        "ǆ",
        "İ",
        "ß",
        "각",
        "가\u{11a8}",
        "नमस्ते",
        "ไทย",
        "漢字",
        "👩\u{200d}👩\u{200d}👧",
        "n't",
        "a",
        "\n",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #[test]
    fn any_string_gives_a_bounded_number_of_sound_tokens(text in hostile_text(), preprocessing in any_preprocessing()) {
        let tokens = tokens(&preprocessing, &text);
        let characters = text.chars().count();
        // One character can become eighteen in NFKC, and a contraction grows by a word.
        let written: usize = tokens.iter().map(|token| token.chars().count()).sum();
        prop_assert!(written <= 20 * characters, "{written} characters of {characters}");
        prop_assert!(tokens.len() <= 20 * characters);
        for token in &tokens {
            prop_assert!(!token.is_empty() && !token.contains(char::is_whitespace), "{token:?}");
        }
    }

    #[test]
    fn any_strings_nfc_and_nfd_spellings_give_the_same(text in hostile_text(), preprocessing in any_preprocessing()) {
        let composed: String = text.nfc().collect();
        let decomposed: String = text.nfd().collect();
        prop_assert_eq!(tokens(&preprocessing, &composed), tokens(&preprocessing, &decomposed));
    }

    /// Normalisation need not be idempotent (WordNet lists `as` as a base form of `ass`), but it converges.
    #[test]
    fn reduction_settles(text in any_text(), preprocessing in any_preprocessing()) {
        let preprocessing = Preprocessing { expand_contractions: false, ..preprocessing };
        let mut words = tokens(&preprocessing, &text);
        for _ in 0..6 {
            let next = tokens(&preprocessing, &words.join(" "));
            if next == words {
                return Ok(());
            }
            words = next;
        }
        prop_assert!(false, "still moving: {words:?}");
    }
}
