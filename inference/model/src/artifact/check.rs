//! Whether the parts of a model fit together, for models that are built and for files that are read.

use std::collections::HashSet;

use complaint_contract::{Parameters, limits};

use super::Artifact;
use super::surfaces::SurfaceForms;
use crate::level_models::LevelModels;
use crate::levels::Levels;
use crate::model::LinearModel;
use crate::pipeline::Features;
use crate::vectorize::{NgramLookup, TermLookup, Vocabulary, first_other_than_bucket};

const MAX_LABELS: usize = 10_000;

/// Largest weight, bias and idf, so that no score overflows. Trained values are far smaller.
pub(super) const MAX_NUMBER: f32 = 1e9;

/// What is known of a model's terms and surface forms. A look-up over all terms takes a hundredth of a small training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    /// Nothing.
    New,
    /// The terms have so many different tokens.
    Counted(usize),
    /// They are those of a model that was checked.
    Checked,
}

/// Checks all parts.
///
/// # Errors
/// The first problem.
pub(super) fn check(artifact: &Artifact, terms: Terms) -> Result<(), String> {
    artifact.preprocessing.validate().map_err(|error| error.to_string())?;
    artifact.features.validate().map_err(|error| error.to_string())?;
    artifact.calibration.validate().map_err(|error| error.to_string())?;
    check_model(&artifact.model, &artifact.idf, artifact.vocabulary.len())?;
    check_reference(artifact)?;
    check_word_scores(artifact)?;
    let labels = &artifact.model.labels;
    let mut categories = labels.len();
    if let Some(models) = &artifact.levels {
        check_levels(artifact, models)?;
        categories += models.levels().coarser_categories();
    }
    let points = artifact.thresholds.as_ref();
    points.map_or(Ok(()), |points| points.check(categories))?;
    let Parameters { c, alpha, .. } = artifact.parameters;
    if [c, alpha].into_iter().flatten().any(|parameter| !parameter.is_finite()) {
        return Err("a parameter is not a finite number".to_owned());
    }
    if let Some(bits) = artifact.features.hashing_bits {
        return check_buckets(artifact, bits);
    }
    let tokens = match terms {
        Terms::Checked => return Ok(()),
        Terms::Counted(tokens) => {
            check_terms(&artifact.vocabulary, &artifact.features)?;
            tokens
        }
        Terms::New => {
            check_terms(&artifact.vocabulary, &artifact.features)?;
            let lookup = TermLookup::new(&artifact.vocabulary, &artifact.features);
            lookup.ngrams().map_or(0, NgramLookup::distinct_tokens)
        }
    };
    artifact.surfaces.check(tokens).map_err(str::to_owned)
}

fn check_model(model: &LinearModel, idf: &[f32], terms: usize) -> Result<(), String> {
    let classes = model.labels.len();
    if !(2..=MAX_LABELS).contains(&classes) {
        return Err(format!("it has {classes} classes; 2 to {MAX_LABELS} are possible"));
    }
    if model
        .labels
        .iter()
        .any(|label| label.is_empty() || label.len() > limits::LABEL_BYTES)
    {
        return Err(format!(
            "a class name is empty or has more than {} bytes",
            limits::LABEL_BYTES
        ));
    }
    if model.labels.iter().collect::<HashSet<_>>().len() != classes {
        return Err("two classes have the same name".to_owned());
    }
    if terms == 0 {
        return Err("it has no terms: no word occurs in enough texts (features.minDocumentFrequency)".to_owned());
    }
    if model.bias.len() != classes || idf.len() != terms || terms.checked_mul(classes) != Some(model.weights.len()) {
        return Err(format!(
            "{terms} terms and {classes} classes don't fit {} weights, {} biases and {} idf values",
            model.weights.len(),
            model.bias.len(),
            idf.len()
        ));
    }
    // NaN is in no range.
    if !model
        .weights
        .iter()
        .chain(&model.bias)
        .chain(idf)
        .all(|number| number.abs() <= MAX_NUMBER)
    {
        return Err(format!(
            "a weight, bias or idf value is not a number within -{MAX_NUMBER:e} to {MAX_NUMBER:e}"
        ));
    }
    Ok(())
}

/// Checks the models of the coarser levels.
fn check_levels(artifact: &Artifact, models: &LevelModels) -> Result<(), String> {
    let (levels, model) = (models.levels(), models.model());
    if Levels::new(levels.names(), &artifact.model.labels)? != *levels {
        return Err("its levels are not those of its labels".to_owned());
    }
    if artifact.word_scores.is_some() {
        return Err("it has words with scores, which have none for its levels".to_owned());
    }
    if models.calibrations().len() != levels.coarser().len() {
        return Err("it does not have one calibration a coarser level".to_owned());
    }
    for calibration in models.calibrations() {
        calibration.validate().map_err(|error| error.to_string())?;
    }
    let categories = levels.coarser_categories();
    if model.bias.len() != categories
        || artifact.vocabulary.len().checked_mul(categories) != Some(model.weights.len())
        || !model
            .weights
            .iter()
            .chain(&model.bias)
            .all(|number| number.abs() <= MAX_NUMBER)
    {
        return Err(format!(
            "the weights of its levels are not numbers within -{MAX_NUMBER:e} to {MAX_NUMBER:e} for {categories} categories"
        ));
    }
    Ok(())
}

/// Checks what estimates and adaptations need, as far as it is there.
fn check_reference(artifact: &Artifact) -> Result<(), String> {
    let classes = artifact.model.labels.len();
    let Some(estimate) = &artifact.estimate else {
        let parts = [
            ("reference figures", artifact.reference.is_some()),
            ("held-out rows", artifact.held_out.is_some()),
            ("moved intercepts", artifact.trained_bias.is_some()),
        ];
        return match parts.into_iter().find(|(_, is_there)| *is_there) {
            Some((what, _)) => Err(format!(
                "it has {what}, but no estimate, without which they mean nothing"
            )),
            None => Ok(()),
        };
    };
    estimate.check(classes)?;
    if artifact
        .reference
        .as_ref()
        .is_some_and(|figures| !figures.is_consistent(classes))
    {
        return Err("its reference figures don't fit the classes, or are no shares".to_owned());
    }
    if let Some(rows) = &artifact.held_out {
        rows.check(classes)?;
    }
    let trained = artifact.trained_bias();
    if trained.len() != classes || !trained.iter().all(|bias| bias.abs() <= MAX_NUMBER) {
        return Err(format!(
            "its trained intercepts are not {classes} numbers within -{MAX_NUMBER:e} to {MAX_NUMBER:e}"
        ));
    }
    Ok(())
}

/// Checks the table of word scores, if there is one.
fn check_word_scores(artifact: &Artifact) -> Result<(), String> {
    let Some(table) = &artifact.word_scores else {
        return Ok(());
    };
    if artifact.features.hashing_bits.is_some() {
        return Err("it has words with scores although its terms are buckets".to_owned());
    }
    table.check(artifact.model.labels.len())
}

/// Checks the terms and surface forms of a model with [`Features::hashing_bits`].
fn check_buckets(artifact: &Artifact, bits: u8) -> Result<(), String> {
    let vocabulary = &artifact.vocabulary;
    if let Some(term) = first_other_than_bucket(vocabulary, bits) {
        return Err(format!("term {term} is not a bucket of {bits} bits, such as #00002a"));
    }
    if vocabulary.word_terms() < vocabulary.len() && artifact.features.char_ngrams.is_none() {
        return Err(NO_CHARACTERS.to_owned());
    }
    if artifact.surfaces != SurfaceForms::default() {
        return Err("it has surface forms although its terms are buckets".to_owned());
    }
    Ok(())
}

const NO_CHARACTERS: &str = "it has character n-grams although features.charNgrams is absent";

fn check_terms(vocabulary: &Vocabulary, features: &Features) -> Result<(), String> {
    let [low, high] = features.word_ngrams;
    for term in 0..vocabulary.word_terms() as u32 {
        let text = vocabulary.term(term);
        let tokens = text.split(' ').count();
        if !(low..=high).contains(&tokens) || text.split(' ').any(str::is_empty) {
            return Err(format!("term {term} is not an n-gram of {low} to {high} words"));
        }
    }
    if vocabulary.word_terms() < vocabulary.len() {
        let Some([_, high]) = features.char_ngrams else {
            return Err(NO_CHARACTERS.to_owned());
        };
        let longest = |term: u32| vocabulary.term(term).chars().count();
        if (vocabulary.word_terms() as u32..vocabulary.len() as u32).any(|term| !(1..=high).contains(&longest(term))) {
            return Err(format!("a character n-gram is empty or longer than {high}"));
        }
    }
    Ok(())
}
