//! Settings that a preset leaves to the data.
//!
//! What is best for a long complaint in a class of thousands is not for a question of ten words in a class of ten. Where the
//! file says nothing itself, a few settings follow the number and the length of the training rows. The bounds come from the
//! figures in `docs/benchmarks.md`; the folds decide about everything else.

use complaint_contract::{Candidate, Preset, Strategy, limits};
use complaint_report::Choice;

use super::{RunConfig, Written};

/// Up to this many words in all training rows, character n-grams cost seconds.
const FEW_WORDS: usize = 300_000;
/// Character n-grams for few words: stems, compounds and spelling mistakes that no other row shares as a word.
const CHARACTERS: [usize; 2] = [3, 5];
/// With fewer training rows a class, rows are hardly ever overfitted: less regularisation is tried.
const FEW_ROWS_A_CLASS: usize = 150;
/// With fewer training rows, one division into folds says little about a small difference.
const FEW_ROWS: usize = 2_000;
/// Up to this many rows times classes, further divisions cost seconds.
const FEW_SCORES: usize = 60_000;
/// Divisions into folds for few rows.
const REPEATS: usize = 3;
/// With more training rows, the higher document frequency loses nothing and is not compared.
const MANY_ROWS: usize = 20_000;

/// The training rows, as far as settings depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingRows {
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// Number of words in all rows.
    pub words: usize,
}

impl Written {
    pub(super) fn of(file: &complaint_contract::RunFile) -> Self {
        let (features, search) = (file.features.as_ref(), file.search.as_ref());
        let grid = search.and_then(|search| search.pipeline_grid.as_ref());
        let frequency = features.and_then(|features| features.min_document_frequency);
        Self {
            preset: file.preset,
            candidates: search.is_some_and(|search| search.candidates.is_some()),
            char_ngrams: features.is_some_and(|features| features.char_ngrams.is_some())
                || grid.is_some_and(|grid| !grid.char_ngrams.is_empty()),
            max_features: features.is_some_and(|features| features.max_features.is_some()),
            english_step: super::language::english_step(file),
            auto_document_frequency: frequency == Some(complaint_contract::MinDocumentFrequency::Auto),
        }
    }
}

/// The candidates of `Standard` for few rows a class. `docs/training.md` shows them.
pub(super) fn candidates_for_few_rows() -> Vec<Candidate> {
    let Ok(candidates) = serde_json::from_str(include_str!("../../presets/few-rows.json")) else {
        unreachable!("a test reads the file");
    };
    candidates
}

impl RunConfig {
    /// The configuration for these training rows, and what was chosen. The steps from text to words stay as
    /// [`RunConfig::for_languages`] decided them.
    pub fn for_rows(&self, rows: TrainingRows) -> (Self, Vec<Choice>) {
        let mut chosen = Chosen::new(self);
        let rows_a_class = rows.rows / rows.classes.max(1);
        if self.written.preset == Preset::Standard {
            chosen.characters(rows);
            chosen.candidates(rows_a_class);
        }
        if self.written.preset != Preset::Reference {
            chosen.repeats(rows);
        }
        if self.written.auto_document_frequency {
            chosen.document_frequency(rows, rows_a_class);
        }
        chosen.finish()
    }
}

/// A configuration while it is decided, and the choices for the report.
pub(super) struct Chosen {
    pub(super) config: RunConfig,
    choices: Vec<Choice>,
}

impl Chosen {
    pub(super) fn new(config: &RunConfig) -> Self {
        Self {
            config: config.clone(),
            choices: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (RunConfig, Vec<Choice>) {
        (self.config, self.choices)
    }

    pub(super) fn say(&mut self, field: &str, value: String, reason: String) {
        self.choices.push(Choice {
            field: field.to_owned(),
            value,
            reason,
        });
    }

    fn characters(&mut self, TrainingRows { rows, words, .. }: TrainingRows) {
        let Written {
            char_ngrams,
            max_features,
            ..
        } = self.config.written;
        let features = &self.config.features;
        // Who limits the number of terms has words in mind, and character n-grams would take their places.
        let is_set = char_ngrams || max_features || features.char_ngrams.is_some() || features.hashing_bits.is_some();
        if !is_set && words <= FEW_WORDS {
            self.config.features.char_ngrams = Some(CHARACTERS);
            self.say(
                "features.charNgrams",
                format!("{CHARACTERS:?}"),
                format!("{rows} training rows have {words} words, and character n-grams pay up to {FEW_WORDS}"),
            );
        }
    }

    fn candidates(&mut self, rows_a_class: usize) {
        if self.config.written.candidates || rows_a_class >= FEW_ROWS_A_CLASS {
            return;
        }
        self.config.search.candidates = candidates_for_few_rows();
        let value = |candidate: &Candidate| {
            let penalties: Vec<String> = candidate.grid.c.iter().map(f64::to_string).collect();
            format!("{} C={}", candidate.algorithm, penalties.join(" or "))
        };
        let values: Vec<String> = self.config.search.candidates.iter().map(value).collect();
        self.say(
            "search.candidates",
            values.join(", "),
            format!("{rows_a_class} training rows a class: below {FEW_ROWS_A_CLASS}, less regularisation does better"),
        );
    }

    fn repeats(&mut self, TrainingRows { rows, classes, .. }: TrainingRows) {
        if self.config.search.repeats.is_none() && rows < FEW_ROWS && rows * classes <= FEW_SCORES {
            self.config.search.repeats = Some(REPEATS);
            self.say(
                "search.repeats",
                REPEATS.to_string(),
                format!("{rows} training rows: below {FEW_ROWS}, one division into folds says too little"),
            );
        }
    }

    fn document_frequency(&mut self, TrainingRows { rows, .. }: TrainingRows, rows_a_class: usize) {
        let [low, high] = limits::AUTO_DOCUMENT_FREQUENCY;
        let search = &self.config.search;
        let room = search.strategy == Strategy::Random
            || self.config.grid_points() * limits::AUTO_DOCUMENT_FREQUENCY.len() <= search.max_trial_count;
        let (value, reason) = if self.config.features.hashing_bits.is_some() {
            (
                high.to_string(),
                "with features.hashingBits, texts are counted only once".into(),
            )
        } else if rows > MANY_ROWS {
            let reason = format!("{rows} training rows: above {MANY_ROWS}, rare terms add nothing");
            (high.to_string(), reason)
        } else if room {
            self.config.document_frequencies = limits::AUTO_DOCUMENT_FREQUENCY.to_vec();
            (format!("{low} or {high}"), "Auto: the folds decide".into())
        } else {
            let least = if rows_a_class < FEW_ROWS_A_CLASS { low } else { high };
            self.config.features.min_document_frequency = least;
            let reason = format!(
                "{rows_a_class} training rows a class; search.maxTrialCount leaves no room to try {low} and {high}"
            );
            (least.to_string(), reason)
        };
        self.say("features.minDocumentFrequency", value, reason);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::config) fn parsed(own: Value) -> RunConfig {
        let mut file = json!({
            "name": "x", "namespace": "default", "classifier": "x", "specHash": "",
            "dataset": { "format": "Csv", "textField": "text", "labelFields": ["label"], "minSamplesPerClass": 20 },
            "evaluation": { "testFraction": 0.2, "seed": 42, "metric": "macroF1" },
        });
        file.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        RunConfig::parse(file.to_string().as_bytes()).unwrap()
    }

    const FEW: TrainingRows = TrainingRows {
        rows: 800,
        classes: 16,
        words: 12_000,
    };
    const MANY: TrainingRows = TrainingRows {
        rows: 50_000,
        classes: 9,
        words: 9_000_000,
    };

    fn fields(choices: &[Choice]) -> Vec<&str> {
        choices.iter().map(|choice| choice.field.as_str()).collect()
    }

    #[test]
    fn settings_follow_the_rows() {
        let auto = json!({ "features": { "minDocumentFrequency": "Auto" } });
        let (few, choices) = parsed(auto.clone()).for_rows(FEW);
        assert_eq!(
            fields(&choices),
            [
                "features.charNgrams",
                "search.candidates",
                "search.repeats",
                "features.minDocumentFrequency"
            ]
        );
        assert_eq!((few.features.char_ngrams, few.search.repeats), (Some([3, 5]), Some(3)));
        let tried: Vec<_> = few
            .pipelines()
            .iter()
            .map(|p| (p.features.min_document_frequency, p.varied.min_document_frequency))
            .collect();
        assert_eq!(tried, [(2, Some(2)), (5, Some(5))]);
        assert_eq!(few.trials().len(), 12);
        let (many, choices) = parsed(auto).for_rows(MANY);
        assert_eq!(fields(&choices), ["features.minDocumentFrequency"]);
        assert_eq!(many.features.min_document_frequency, 5);
        assert_eq!((many.pipelines().len(), many.search.repeats), (1, None));
    }

    #[test]
    fn what_is_written_stays() {
        let own = json!({
            "features": { "charNgrams": [2, 4], "minDocumentFrequency": 3 },
            "search": { "repeats": 1, "candidates": [{ "algorithm": "LinearSvm" }] },
        });
        let config = parsed(own);
        assert_eq!(config.for_rows(FEW), (config.clone(), Vec::new()));
        let none = parsed(json!({ "search": { "pipelineGrid": { "charNgrams": [[]] } } }));
        assert_eq!(none.for_rows(FEW).0.pipelines()[0].features.char_ngrams, None);
        let limited = parsed(json!({ "features": { "maxFeatures": 200 } }));
        assert_eq!(limited.for_rows(FEW).0.features.char_ngrams, None);
        let reference = parsed(json!({ "preset": "Reference" }));
        assert_eq!(reference.for_rows(FEW), (reference.clone(), Vec::new()));
        let hashed = parsed(json!({ "features": { "hashingBits": 18, "minDocumentFrequency": "Auto" } }));
        let (chosen, choices) = hashed.for_rows(FEW);
        assert_eq!((chosen.features.char_ngrams, chosen.pipelines().len()), (None, 1));
        assert_eq!(
            fields(&choices),
            ["search.candidates", "search.repeats", "features.minDocumentFrequency"]
        );
    }

    #[test]
    fn a_full_grid_leaves_no_room_for_another_document_frequency() {
        let own = json!({
            "features": { "minDocumentFrequency": "Auto" },
            "search": { "maxTrialCount": 6 },
        });
        let (chosen, choices) = parsed(own).for_rows(FEW);
        assert_eq!((chosen.trials().len(), chosen.features.min_document_frequency), (6, 2));
        assert!(choices.iter().any(|choice| choice.value == "2"), "{choices:?}");
    }

    /// The documentation contains the candidates unchanged.
    #[test]
    fn the_documentation_shows_the_candidates() {
        let page = include_str!("../../../docs/training.md");
        let section = page
            .split_once("## Settings that follow the data")
            .expect("the section")
            .1;
        let block = section
            .split("```")
            .nth(1)
            .and_then(|block| block.strip_prefix("yaml\n"));
        let shown: Value = serde_saphyr::from_str(block.expect("a YAML block")).unwrap();
        let shown: Vec<Candidate> = serde_json::from_value(shown["candidates"].clone()).unwrap();
        assert_eq!(shown, candidates_for_few_rows());
    }

    /// The CEL rules of a TrainingRun know the preset's number of grid points.
    #[test]
    fn few_rows_try_no_more_than_the_preset() {
        let tried: usize = candidates_for_few_rows()
            .iter()
            .map(|candidate| super::super::estimators(candidate).len())
            .sum();
        assert!(tried <= Preset::Standard.estimators());
    }
}
