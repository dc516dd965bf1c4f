use complaint_contract::{ClassWeight, Language, Normalizer};
use proptest::prelude::*;

use super::check::{Terms, check};
use super::*;
use crate::levels::Levels;
use crate::model::MonotoneMap;
use crate::predict::{Predictor, Scratch};
use crate::vectorize::TermKind;
pub(crate) use estimates::with_reference;

mod estimates;

const TEXTS: [&str; 6] = [
    "I can\u{2019}t see why the late fee was charged",
    "Late fees again, XXXX never told me",
    "My card was stolen on 01/02/2020",
    "They won't replace the stolen card",
    "fee na\u{ef}ve fee",
    "card LATE card",
];

/// Pseudo-random weights.
fn weights(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn artifact(texts: &[String], preprocessing: &Preprocessing, features: &Features, seed: u64) -> Artifact {
    let pipeline = TextPipeline::new(preprocessing).unwrap();
    let corpus = TokenizedCorpus::build(&pipeline, texts);
    let rows: Vec<u32> = (0..texts.len() as u32).collect();
    let vectorizer = Vectorizer::fit(&corpus, &rows, features);
    let labels = vec!["Cards".to_owned(), "Fees".to_owned(), "Gr\u{f6}\u{df}e".to_owned()];
    let model = LinearModel {
        weights: weights(vectorizer.vocabulary().len() * 3, seed),
        bias: weights(3, !seed),
        labels,
    };
    let map = MonotoneMap {
        from: vec![0.2, 0.6],
        to: vec![0.1, 0.9],
    };
    ArtifactBuilder::new(
        preprocessing,
        &vectorizer,
        model,
        Algorithm::LinearSvm,
        Parameters {
            c: Some(0.1),
            class_weight: Some(ClassWeight::Balanced),
            ..Parameters::default()
        },
    )
    .calibration(Calibration {
        temperature: 0.7,
        top: Some(map),
    })
    .provenance(Provenance {
        split: "v1/seed=1".into(),
        trainer_version: "0.1.0".into(),
        ..Provenance::default()
    })
    .surface_forms(&corpus, &rows, 1 + (seed % 2) as usize)
    .build()
    .unwrap()
}

/// A model with the classes cards and fees.
pub(crate) fn small_artifact() -> Artifact {
    let features = Features {
        min_document_frequency: 1,
        ..Features::default()
    };
    let texts = TEXTS.map(str::to_owned);
    let mut artifact = artifact(&texts, &Preprocessing::default(), &features, 1);
    let classes = artifact.labels().len();
    for term in 0..artifact.vocabulary.len() as u32 {
        let text = artifact.vocabulary.term(term);
        let towards = usize::from(text.contains("fee") || text.contains("late"));
        for class in 0..classes {
            artifact.model.weights[term as usize * classes + class] = if class == towards { 1.0 } else { -0.5 };
        }
    }
    artifact
}

/// The same model with hashing.
pub(crate) fn hashed_artifact(bits: u8) -> Artifact {
    let features = Features {
        min_document_frequency: 1,
        char_ngrams: Some([3, 4]),
        hashing_bits: Some(bits),
        ..Features::default()
    };
    artifact(&TEXTS.map(str::to_owned), &Preprocessing::default(), &features, 1)
}

/// The same model with scores for every second word of `texts`, and for a word that is in none of them.
pub(crate) fn with_word_scores<T: AsRef<str> + Sync>(artifact: Artifact, texts: &[T]) -> Artifact {
    let corpus = TokenizedCorpus::build(&artifact.pipeline(), texts);
    let parts = corpus.parts().filter(|part| !part.is_empty()).step_by(2);
    let words: std::collections::BTreeSet<&str> = parts.chain(["zanzibar"]).collect();
    let word_weights: Vec<f32> = (1..=words.len()).map(|word| 1.0 / word as f32).collect();
    let scores = weights(words.len() * artifact.labels().len(), 7);
    let table = WordScores::new(words.iter().copied(), &word_weights, &scores).unwrap();
    ArtifactBuilder::from(artifact).word_scores(table).build().unwrap()
}

/// Texts with everything that the pipeline treats specially.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "card",
        "Fees",
        "don't",
        "DON\u{2019}T",
        "won\u{b4}t",
        "na\u{ef}ve",
        "nai\u{308}ve",
        "the",
        "xxxx",
        "Xxx/XX",
        "children",
        "a@b.c",
        "http://x.y/z",
        "<br>",
        "&amp;",
        "don&#39;t",
        "\u{1f600}",
        "stra\u{df}e",
        "U.S.",
        "'tis",
        "internationalisation",
        "counterproductively's",
        "\u{ad}",
        "x<y>z",
        "$1,000.50",
        "401k",
        "caf\u{e9}24",
        "24's",
        "o'clock",
    ]);
    let piece = prop_oneof![4 => words.prop_map(str::to_owned), 1 => "\\PC{0,6}", 1 => any::<String>()];
    let joint = prop::sample::select(vec![" ", " ", " ", "", "\u{301}", "\n", ", "]);
    prop::collection::vec((piece, joint), 0..12)
        .prop_map(|pieces| pieces.iter().map(|(p, j)| format!("{p}{j}")).collect())
}

pub(crate) fn any_preprocessing() -> impl Strategy<Value = Preprocessing> {
    let normalizers = prop::sample::select(vec![Normalizer::Lemma, Normalizer::Stem, Normalizer::None]);
    let patterns = prop::sample::select(vec!["x{2,}", "", r"\$[0-9,.]+", "(card|fee)s?"]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    // Half of the time English, which has more steps.
    let languages = prop_oneof![Just(Language::En), prop::sample::select(Language::ALL.to_vec())];
    (languages, flags, normalizers, 1usize..4, patterns).prop_map(|(language, (c, s, k, r), n, l, p)| Preprocessing {
        language,
        expand_contractions: c && language.is_english(),
        remove_stop_words: s,
        normalizer: match n {
            Normalizer::Lemma if !language.is_english() => Normalizer::Stem,
            other => other,
        },
        keep_numbers: k,
        min_token_length: l,
        redaction_pattern: p.to_owned(),
        character_runs: r,
    })
}

/// An artifact and the texts it was made from.
pub(crate) fn any_artifact() -> impl Strategy<Value = (Artifact, Vec<String>)> {
    let hashing = prop::option::of(prop::sample::select(vec![10u8, 12, 24]));
    let features = (1usize..4, prop::option::of(2usize..5), any::<bool>(), hashing);
    (
        prop::collection::vec(any_text(), 1..8),
        any_preprocessing(),
        features,
        any::<u64>(),
    )
        .prop_map(
            |(mut texts, preprocessing, (words, characters, sublinear_tf, hashing_bits), seed)| {
                texts.push("bank account balance".to_owned());
                let features = Features {
                    word_ngrams: [1, words],
                    char_ngrams: characters.map(|n| [n, n + 1]),
                    min_document_frequency: 1,
                    sublinear_tf,
                    hashing_bits,
                    ..Features::default()
                };
                let made = artifact(&texts, &preprocessing, &features, seed);
                match hashing_bits {
                    None if seed & 4 == 0 => (with_word_scores(made, &texts), texts),
                    _ => (made, texts),
                }
            },
        )
}

#[test]
fn bytes_and_back() {
    let artifact = small_artifact();
    let bytes = artifact.to_bytes();
    assert_eq!(Artifact::from_bytes(&bytes).unwrap(), artifact);
    for _ in 0..5 {
        assert_eq!(small_artifact().to_bytes(), bytes);
    }
    assert!(artifact.surface_forms() > 5);
}

/// Rare words are in the file neither as terms nor as surface forms.
#[test]
fn words_under_the_document_limit_are_not_in_the_file() {
    let texts: Vec<String> = TEXTS.iter().map(|text| format!("{text} Smith{}", text.len())).collect();
    let features = Features {
        min_document_frequency: 2,
        ..Features::default()
    };
    let bytes = artifact(&texts, &Preprocessing::default(), &features, 1).to_bytes();
    let contains = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(
        contains("stolen") && !contains("again") && !contains("told"),
        "terms in one text are left out"
    );
}

/// The file of a hashed model contains no part of the texts.
#[test]
fn a_hashed_model_tells_no_words() {
    let artifact = hashed_artifact(18);
    assert!(
        artifact
            .vocabulary
            .iter()
            .all(|term| term.len() == 7 && term.starts_with('#'))
    );
    assert_eq!(artifact.surface_forms(), 0);
    let bytes = artifact.to_bytes();
    for word in ["stolen", "card", "late", "never"] {
        assert!(
            !bytes.windows(word.len()).any(|window| window == word.as_bytes()),
            "{word}"
        );
    }
    assert_eq!(Artifact::from_bytes(&bytes).unwrap(), artifact);
    assert_eq!(hashed_artifact(18).to_bytes(), bytes);
}

#[test]
fn parts_of_a_hashed_model_that_do_not_fit_are_refused() {
    let good = hashed_artifact(18);
    type Change = fn(&mut Artifact);
    let vocabulary = |terms: [&str; 2]| {
        let mut vocabulary = Vocabulary::default();
        terms
            .into_iter()
            .for_each(|term| vocabulary.push(TermKind::Words, [term]));
        vocabulary
    };
    let cases: [(&str, Change); 4] = [
        ("not a bucket of 10 bits", |a| a.features.hashing_bits = Some(10)),
        ("features.hashingBits is 30", |a| a.features.hashing_bits = Some(30)),
        ("is not an n-gram of", |a| {
            a.features = Features {
                word_ngrams: [2, 2],
                hashing_bits: None,
                ..a.features.clone()
            }
        }),
        ("charNgrams is absent", |a| a.features.char_ngrams = None),
    ];
    for (expected, change) in cases {
        let mut artifact = good.clone();
        change(&mut artifact);
        let error = Artifact::from_bytes(&artifact.to_bytes()).unwrap_err();
        assert!(
            matches!(&error, ArtifactError::Corrupt(why) if why.contains(expected)),
            "{error}"
        );
    }
    for terms in [
        ["#00002a", "fee"],
        ["#00002A", "#00002a"],
        ["#2a", "#2b"],
        ["#00002a", "#100000"],
    ] {
        let mut artifact = good.clone();
        artifact.vocabulary = vocabulary(terms);
        artifact.idf.truncate(2);
        artifact.model.weights.truncate(6);
        let error = Artifact::from_bytes(&artifact.to_bytes()).unwrap_err();
        assert!(
            matches!(&error, ArtifactError::Corrupt(why) if why.contains("not a bucket of 18 bits")),
            "{terms:?} {error}"
        );
    }
    let mut artifact = good.clone();
    artifact.surfaces = small_artifact().surfaces;
    let error = Artifact::from_bytes(&artifact.to_bytes()).unwrap_err();
    assert!(
        matches!(&error, ArtifactError::Corrupt(why) if why.contains("surface forms")),
        "{error}"
    );
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let good = small_artifact();
    type Change = fn(&mut Artifact);
    let cases: [(&str, Change); 10] = [
        ("0 classes", |a| a.model.labels.clear()),
        ("same name", |a| a.model.labels[1] = "Cards".into()),
        ("class name is empty", |a| a.model.labels[1].clear()),
        ("don't fit", |a| a.model.weights.truncate(5)),
        ("don't fit", |a| a.idf.push(1.0)),
        ("within", |a| a.model.weights[3] = f32::NAN),
        ("within", |a| a.model.bias[0] = f32::MAX),
        ("temperature", |a| a.calibration.temperature = 0.0),
        ("monotone", |a| {
            a.calibration.top = Some(MonotoneMap {
                from: vec![0.5],
                to: vec![],
            })
        }),
        ("no term", |a| a.surfaces.tokens[0] = 1 << 30),
    ];
    for (expected, change) in cases {
        let mut artifact = good.clone();
        change(&mut artifact);
        let why = check(&artifact, Terms::New).unwrap_err();
        assert!(why.contains(expected), "{why}");
    }
}

/// The small model, whose last two categories lie below one product.
fn with_levels() -> Artifact {
    let mut artifact = small_artifact();
    artifact.model.labels = ["Cards", "Money > Fees", "Money > Wires"].map(String::from).to_vec();
    let names = ["product", "issue"].map(String::from);
    let levels = Levels::new(&names, artifact.labels()).unwrap();
    let product = LinearModel {
        labels: ["Cards", "Money"].map(String::from).to_vec(),
        weights: (0..2 * artifact.vocabulary().len())
            .map(|weight| weight as f32 / 8.0)
            .collect(),
        bias: vec![0.5, -0.5],
    };
    let calibration = Calibration {
        temperature: 0.5,
        top: None,
    };
    let models = LevelModels::new(levels, vec![(product, calibration)]);
    ArtifactBuilder::from(artifact).levels(models).build().unwrap()
}

#[test]
fn levels_stand_in_the_file_and_fit_the_labels() {
    let artifact = with_levels();
    let read = Artifact::from_bytes(&artifact.to_bytes()).unwrap();
    assert_eq!(read, artifact);
    assert_eq!(read.levels().unwrap().levels().names(), ["product", "issue"]);
    type Change = fn(&mut Artifact);
    let cases: [(&str, Change); 3] = [
        ("not sorted", |a| a.model.labels.swap(0, 2)),
        ("not those of its labels", |a| {
            a.model.labels[2] = "Other > Wires".into()
        }),
        ("a level above another", |a| a.model.labels[1] = "Money".into()),
    ];
    for (expected, change) in cases {
        let mut spoiled = artifact.clone();
        change(&mut spoiled);
        let why = check(&spoiled, Terms::New).unwrap_err();
        assert!(why.contains(expected), "{why}");
        assert!(Artifact::from_bytes(&spoiled.to_bytes()).is_err(), "{expected}");
    }
}

#[test]
fn a_table_of_word_scores_is_kept_and_checked() {
    let good = with_word_scores(small_artifact(), &TEXTS);
    assert!(good.word_scores().is_some_and(|table| table.find("zanzibar").is_some()));
    assert_eq!(Artifact::from_bytes(&good.to_bytes()).unwrap(), good);
    type Change = fn(&mut WordScores);
    let cases: [(&str, Change); 6] = [
        ("don't fit", |table| {
            table.weights.pop();
        }),
        ("don't fit", |table| table.scores.truncate(4)),
        ("weight", |table| table.weights[0] = 0.0),
        ("weight", |table| table.weights[0] = f32::NAN),
        ("not numbers", |table| table.steps[1] = f32::INFINITY),
        ("not numbers", |table| table.steps[1] = -1.0),
    ];
    for (expected, change) in cases {
        let mut artifact = good.clone();
        change(artifact.word_scores.as_mut().unwrap());
        let error = ArtifactBuilder::from(artifact).build().unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let mut hashed = hashed_artifact(12);
    hashed.word_scores.clone_from(&good.word_scores);
    let error = Artifact::from_bytes(&hashed.to_bytes()).unwrap_err();
    assert!(error.to_string().contains("terms are buckets"), "{error}");
    let bytes = good.to_bytes();
    let place = bytes.windows(8).position(|window| window == b"zanzibar").unwrap();
    for (change, expected) in [(b'a', "out of order"), (0xff, "UTF-8")] {
        let mut bytes = bytes.clone();
        bytes[place] = change;
        let error = Artifact::from_bytes(&bytes).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

/// Rewrites the JSON of the metadata and keeps the rest of the file.
fn with_header(bytes: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = change(String::from_utf8(bytes[8..8 + length].to_vec()).unwrap());
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend_from_slice(header.as_bytes());
    changed.extend_from_slice(&bytes[8 + length..]);
    changed
}

#[test]
fn other_versions_are_refused_by_number() {
    let bytes = small_artifact().to_bytes();
    for (field, what, supported) in [("formatVersion", "format", 2), ("pipelineVersion", "text pipeline", 1)] {
        let newer = with_header(&bytes, |json| {
            json.replace(&format!("{field}\\\":{supported}"), &format!("{field}\\\":7"))
        });
        let expected = ArtifactError::UnsupportedFormat {
            what,
            found: 7,
            supported,
        };
        assert_eq!(Artifact::from_bytes(&newer), Err(expected));
    }
    let older = with_header(&bytes, |json| {
        json.replace("formatVersion\\\":2", "formatVersion\\\":1")
    });
    let refused = Artifact::from_bytes(&older).unwrap_err().to_string();
    assert!(
        refused.contains("format 1") && refused.contains("train again"),
        "{refused}"
    );
    let renamed = with_header(&bytes, |json| json.replace("complaintModel", "somebodysModel"));
    assert!(matches!(Artifact::from_bytes(&renamed), Err(ArtifactError::Corrupt(_))));
    let parameter = with_header(&bytes, |json| json.replace("\\\"C\\\"", "\\\"c\\\""));
    let refused = Artifact::from_bytes(&parameter).unwrap_err().to_string();
    assert!(refused.contains("unknown parameter `c`"), "{refused}");
    let unknown = with_header(&bytes, |json| json.replace("\\\"labels\\\"", "\\\"etiquettes\\\""));
    assert!(matches!(Artifact::from_bytes(&unknown), Err(ArtifactError::Corrupt(_))));
    let pattern = with_header(&bytes, |json| json.replace("x{2,}", "y{3,}"));
    assert!(Artifact::from_bytes(&pattern).is_ok_and(|a| a.preprocessing().redaction_pattern == "y{3,}"));
    let pattern = with_header(&bytes, |json| json.replace("x{2,}", "(x"));
    assert!(matches!(Artifact::from_bytes(&pattern), Err(ArtifactError::Corrupt(_))));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = small_artifact().to_bytes();
    let more = with_reference(small_artifact()).to_bytes();
    let words = with_word_scores(small_artifact(), &TEXTS).to_bytes();
    for more in [more, words] {
        for end in (0..more.len()).step_by(7) {
            assert!(Artifact::from_bytes(&more[..end]).is_err(), "{end}");
        }
    }
    for end in 0..bytes.len() {
        assert!(
            matches!(Artifact::from_bytes(&bytes[..end]), Err(ArtifactError::Corrupt(_))),
            "{end}"
        );
    }
}

proptest! {
    #[test]
    fn any_artifact_survives_its_bytes((artifact, _) in any_artifact()) {
        let bytes = artifact.to_bytes();
        prop_assert_eq!(Artifact::from_bytes(&bytes).unwrap(), artifact);
    }

    /// A damaged file is rejected, or is a model that predicts. Nothing panics.
    #[test]
    fn damaged_bytes_never_panic(
        hashed in any::<bool>(),
        estimates in any::<bool>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let good = if hashed { hashed_artifact(12) } else { with_word_scores(small_artifact(), &TEXTS) };
        let mut bytes = if estimates { with_reference(good) } else { good }.to_bytes();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(artifact) = Artifact::from_bytes(&bytes) {
            let predictor = Predictor::new(artifact);
            let mut scratch = Scratch::default();
            for text in TEXTS {
                let prediction = predictor.predict(text, &mut scratch);
                prop_assert!(prediction.class < predictor.labels().len());
                let estimating = prediction.estimating.into_iter().flatten();
                prop_assert!(prediction.probabilities.iter().chain(estimating).all(|p| (0.0..=1.0).contains(p)));
                predictor.explain(text, &mut scratch);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Artifact::from_bytes(&bytes).is_err());
    }

    /// A hostile header over a small body can't make the reader allocate more than the file's size.
    #[test]
    fn hostile_shapes_are_refused(rows in any::<u64>(), columns in any::<u64>(), end in any::<u64>()) {
        let header = format!(
            r#"{{"weights":{{"dtype":"F32","shape":[{rows},{columns}],"data_offsets":[0,{end}]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 64]);
        prop_assert!(Artifact::from_bytes(&bytes).is_err());
    }
}
