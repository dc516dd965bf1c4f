//! Settings that follow the language of the training rows.
//!
//! They are decided before words are cut, and the artifact has the result: a server never looks for a language.

use complaint_contract::{DatasetWarning, Language, LanguageSetting, Normalizer, Preset, RunFile};
use complaint_report::Choice;
use serde_json::{Map, Value};

use super::choices::Chosen;
use super::validate::invalid;
use super::{ConfigError, EnglishStep, RunConfig};
use crate::language::{Languages, Tongue};

/// Character n-grams for scripts without spaces between words. Single characters are words already.
const UNSPACED_CHARACTERS: [usize; 2] = [2, 4];

/// Takes the language out of the merged section: unlike the other fields it is not a step.
pub(super) fn take(sections: &mut Map<String, Value>) -> Result<LanguageSetting, ConfigError> {
    let section = sections.get_mut("preprocessing").and_then(Value::as_object_mut);
    let Some(value) = section.and_then(|section| section.remove("language")) else {
        return Ok(LanguageSetting::Auto);
    };
    serde_json::from_value(value).map_err(|error| ConfigError::Malformed {
        field: "preprocessing.language".into(),
        problem: error.to_string(),
    })
}

/// The first field of the file that asks for an English step.
pub(super) fn english_step(file: &RunFile) -> Option<EnglishStep> {
    let preprocessing = file.preprocessing.as_ref();
    let grid = file.search.as_ref().and_then(|search| search.pipeline_grid.as_ref());
    let steps = [
        (
            "preprocessing.normalizer",
            "Lemma",
            preprocessing.is_some_and(|steps| steps.normalizer == Some(Normalizer::Lemma)),
        ),
        (
            "preprocessing.expandContractions",
            "true",
            preprocessing.is_some_and(|steps| steps.expand_contractions == Some(true)),
        ),
        (
            "search.pipelineGrid.normalizer",
            "Lemma",
            grid.is_some_and(|grid| grid.normalizer.contains(&Normalizer::Lemma)),
        ),
    ];
    let asked = steps.into_iter().find(|(.., is_asked)| *is_asked);
    asked.map(|(field, value, _)| EnglishStep { field, value })
}

impl RunConfig {
    /// Checks that no English step is asked for in another language.
    pub(super) fn validate_language(&self) -> Result<(), ConfigError> {
        match (self.language, self.written.english_step) {
            (LanguageSetting::Is(language), Some(EnglishStep { field, value })) if !language.is_english() => {
                let other = match value {
                    "Lemma" => "Use Stem or None",
                    _ => "Set it to false, or leave it out",
                };
                Err(invalid(
                    field,
                    format!("is or has {value}, which is for English only, and preprocessing.language is {language}"),
                    other,
                ))
            }
            _ => Ok(()),
        }
    }

    /// The configuration for training rows in these languages, what was chosen, and what a person should look at.
    pub fn for_languages(&self, found: &Languages) -> (Self, Vec<Choice>, Vec<DatasetWarning>) {
        let mut chosen = Chosen::new(self);
        chosen.language(found);
        chosen.characters_of_unspaced(found);
        let language = chosen.config.preprocessing.language;
        let warnings = [found.several(), of_other_language(language, found)];
        let (config, choices) = chosen.finish();
        (config, choices, warnings.into_iter().flatten().collect())
    }
}

impl Chosen {
    fn language(&mut self, found: &Languages) {
        if self.config.language != LanguageSetting::Auto {
            return;
        }
        let rows = found.rows();
        let (language, reason) = match (self.config.written.english_step, found.main()) {
            (Some(EnglishStep { field, value }), _) => {
                (Language::En, format!("{field} is or has {value}, which is English"))
            }
            (None, Some((Tongue::Supported(language), share))) => (
                language,
                format!(
                    "{} has {:.0} % of the letters in {rows} rows",
                    language.name(),
                    100.0 * share
                ),
            ),
            (None, Some((tongue, share))) => (
                Language::En,
                format!(
                    "{} has {:.0} % of the letters in {rows} rows, and no stop words and stems here; words are treated as English",
                    tongue.name(),
                    100.0 * share
                ),
            ),
            (None, None) => (Language::En, format!("no other language is clear in {rows} rows")),
        };
        let before = self.config.preprocessing.clone();
        self.config.preprocessing = before.clone().in_language(language);
        self.say(
            "preprocessing.language",
            language.to_string(),
            format!("Auto: {reason}"),
        );
        if self.config.preprocessing.normalizer != before.normalizer {
            let reason = format!("WordNet has no lemmas for {}", language.name());
            self.say("preprocessing.normalizer", "Stem".into(), reason);
        }
    }

    /// Scripts without spaces between words.
    fn characters_of_unspaced(&mut self, found: &Languages) {
        if !found.is_unspaced() {
            return;
        }
        self.config.preprocessing.character_runs = true;
        // A preset that follows no data keeps its features; `Thorough` has character n-grams anyway.
        if self.config.written.preset == Preset::Standard && !self.config.written.char_ngrams {
            self.config.features.char_ngrams = Some(UNSPACED_CHARACTERS);
            self.say(
                "features.charNgrams",
                format!("{UNSPACED_CHARACTERS:?}"),
                "most letters are of scripts without spaces between words".into(),
            );
        }
    }
}

/// The warning about rows in another language than the one that their words are treated as.
fn of_other_language(language: Language, found: &Languages) -> Option<DatasetWarning> {
    let (tongue, share) = found.main()?;
    let Tongue::Supported(main) = tongue else { return None };
    (main != language).then(|| {
        DatasetWarning::new(
            "OtherLanguage",
            format!(
                "{} has {:.0} % of the letters in {} rows, and words are treated as {}: set preprocessing.language to {main} or \
                 Auto, and leave out normalizer: Lemma and expandContractions: true, which are for English",
                tongue.name(),
                100.0 * share,
                found.rows(),
                language.name(),
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::choices::tests::parsed;
    use super::*;

    const ENGLISH: &str = "They have charged my card twice and I would like to get the money back from the bank";
    const GERMAN: &str = "Die Bank hat meine Karte zweimal belastet und ich möchte das Geld von der Bank zurück haben";
    const POLISH: &str =
        "Bank dwukrotnie obciążył moją kartę i chciałbym jak najszybciej odzyskać swoje pieniądze, proszę";
    const CHINESE: &str = "银行重复扣了我的信用卡费用，我希望尽快把钱退回来，谢谢";

    fn all(text: &'static str) -> Languages {
        Languages::of(40, |_| text)
    }

    fn decided(own: Value, text: &'static str) -> (Language, Vec<String>, Vec<String>) {
        let (config, choices, warnings) = parsed(own).for_languages(&all(text));
        assert_eq!(config.validate().map_err(|error| error.to_string()), Ok(()));
        (
            config.preprocessing.language,
            choices
                .into_iter()
                .map(|choice| format!("{}={}", choice.field, choice.value))
                .collect(),
            warnings.into_iter().map(|warning| warning.reason).collect(),
        )
    }

    #[test]
    fn auto_is_the_language_of_the_rows() {
        let strings = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let (auto, en) = ("preprocessing.language", "preprocessing.language=en");
        assert_eq!(decided(json!({}), ENGLISH), (Language::En, strings(&[en]), vec![]));
        let german = strings(&[&format!("{auto}=de"), "preprocessing.normalizer=Stem"]);
        assert_eq!(decided(json!({}), GERMAN), (Language::De, german, vec![]));
        assert_eq!(decided(json!({}), POLISH), (Language::En, strings(&[en]), vec![]));
        let chinese = strings(&[en, "features.charNgrams=[2, 4]"]);
        assert_eq!(decided(json!({}), CHINESE), (Language::En, chinese, vec![]));
        let own = json!({ "features": { "charNgrams": [1, 3] } });
        assert_eq!(decided(own, CHINESE), (Language::En, strings(&[en]), vec![]));
        let plain = json!({ "preprocessing": { "normalizer": "None" } });
        assert_eq!(
            decided(plain, GERMAN),
            (Language::De, strings(&[&format!("{auto}=de")]), vec![])
        );
    }

    #[test]
    fn what_is_written_stays_and_is_warned_of() {
        let warned = vec!["OtherLanguage".to_owned()];
        let english = json!({ "preprocessing": { "language": "en" } });
        assert_eq!(decided(english, GERMAN), (Language::En, vec![], warned.clone()));
        let german = json!({ "preprocessing": { "language": "de" } });
        assert_eq!(decided(german.clone(), GERMAN), (Language::De, vec![], vec![]));
        assert_eq!(decided(german.clone(), ENGLISH), (Language::De, vec![], warned.clone()));
        let config = parsed(german);
        assert_eq!(config.preprocessing.normalizer, Normalizer::Stem);
        assert!(!config.preprocessing.expand_contractions);
        let step = vec!["preprocessing.language=en".to_owned()];
        for own in [
            json!({ "preprocessing": { "normalizer": "Lemma" } }),
            json!({ "preprocessing": { "expandContractions": true } }),
            json!({ "search": { "pipelineGrid": { "normalizer": ["Stem", "Lemma"] } } }),
        ] {
            assert_eq!(decided(own, GERMAN), (Language::En, step.clone(), warned.clone()));
        }
        let reference = json!({ "preset": "Reference" });
        assert_eq!(decided(reference, GERMAN), (Language::En, vec![], warned));
    }

    #[test]
    fn what_english_rows_get_is_what_everything_got() {
        for preset in Preset::ALL {
            let config = parsed(json!({ "preset": preset }));
            let (decided, ..) = config.for_languages(&all(ENGLISH));
            assert_eq!(decided, config);
        }
    }
}
