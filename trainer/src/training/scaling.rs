//! Word vectors in a training: reading them, and choosing on the folds how much they count.

use std::collections::BTreeMap;
use std::sync::Arc;

use complaint_contract::{Metric, TrainingStage, WordVectors as Settings, limits};
use complaint_model::text::TextPipeline;
use complaint_report::ScaleTrial;
use rustc_hash::FxHashSet;

use super::searching::Best;
use super::{Inputs, Prepared, SURFACE_FORM_DOCUMENTS, Words};
use crate::config::{ConfigError, Estimator, RunConfig};
use crate::dataset::{Location, Purpose, Source};
use crate::ensemble::{Selection, SelectionData, Share, average};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::search::{Block, SearchSettings, TrainingPart, mean_and_spread, out_of_fold};
use crate::word_vectors::{CorpusVectors, VectorsError, WordVectors};

/// The average lengths of the block to try, where that of a row's words is 1. Without the block is another choice.
const SCALES: [f32; 6] = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0];
/// A smaller gain is none.
const LEAST_GAIN: f64 = 1e-9;
/// After so many scales in a row that do worse than the best one, larger ones are not tried.
const WORSE_IN_A_ROW: usize = 2;

/// The word vectors of the chosen model, and how they were chosen.
pub(super) struct Scaled {
    pub(super) vectors: CorpusVectors,
    /// 0: the model does without.
    pub(super) scale: f32,
    pub(super) trials: Vec<ScaleTrial>,
}

/// Reads the word vectors, if the configuration has some. Words of the training rows are kept wherever they stand in the file.
pub(super) fn read(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    progress: &Progress,
) -> Result<Option<Arc<WordVectors>>, TrainError> {
    let config = &prepared.decided.config;
    let (Some(settings), Words::Corpus(corpus)) = (&config.word_vectors, &prepared.words) else {
        return Ok(None);
    };
    let place = place_of(settings, inputs.word_vectors)?;
    let location = Location::parse(place);
    progress.tell(
        TrainingStage::Preprocessing,
        0.8,
        &format!("reading the word vectors {}", location.name()),
    );
    let source = Source::open(
        &location,
        settings.sha256,
        Purpose::WordVectors,
        inputs.reach,
        |_, _| (),
    )
    .map_err(VectorsError::from)?;
    let pipeline = TextPipeline::new(&config.preprocessing).map_err(ConfigError::from)?;
    let parts: Vec<&str> = corpus.parts().collect();
    let mut rows_with: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
    for &row in &prepared.split.train {
        for part in corpus.document_parts(row as usize) {
            let (last, rows) = rows_with.entry(part).or_insert((u32::MAX, 0));
            if *last != row {
                (*last, *rows) = (row, *rows + 1);
            }
        }
    }
    // The search may try several floors. A fit leaves out what is under its own.
    let (config, _) = prepared.config();
    let floors = config
        .pipelines()
        .into_iter()
        .map(|pipeline| floor(pipeline.features.min_document_frequency));
    let least = floors.min().unwrap_or(SURFACE_FORM_DOCUMENTS);
    let wanted: FxHashSet<&str> = rows_with
        .into_iter()
        .filter(|(_, (_, rows))| *rows >= least)
        .map(|(part, _)| parts[part as usize])
        .collect();
    let max_words = settings.max_words.unwrap_or(limits::DEFAULT_WORD_VECTOR_WORDS);
    let vectors = WordVectors::read(&source, &pipeline, max_words, &wanted)?;
    Ok(Some(Arc::new(vectors)))
}

/// Fewest training rows that must contain a word before anything of it is stored that was learned from them.
pub(super) fn floor(min_document_frequency: usize) -> usize {
    SURFACE_FORM_DOCUMENTS.min(min_document_frequency)
}

/// The location of the word vectors: the argument, or else the configuration's own source.
fn place_of<'v>(settings: &'v Settings, argument: Option<&'v str>) -> Result<&'v str, ConfigError> {
    argument
        .or(settings.source.as_deref())
        .ok_or_else(|| ConfigError::Invalid {
            field: "features.wordVectors.source".into(),
            problem: "is missing, and --word-vectors names no file either".into(),
            fix: "Name the file or address of the vectors".into(),
        })
}

/// Tries the chosen models with the word vectors at each scale, and changes `best` to the best of them, where it [`helps`].
pub(super) fn choose_scale(
    config: &RunConfig,
    part: TrainingPart<'_>,
    vectors: &Arc<WordVectors>,
    best: &mut Best,
    progress: &Progress,
) -> Result<(), TrainError> {
    let Words::Corpus(corpus) = &best.words else {
        return Ok(());
    };
    let min_rows = floor(best.pipeline.features.min_document_frequency);
    let vectors = CorpusVectors::new(Arc::clone(vectors), Arc::clone(corpus), min_rows);
    let (estimators, shares): (Vec<Estimator>, Vec<Share>) = best.members.iter().copied().unzip();
    let data = SelectionData {
        labels: part.labels,
        folds: part.folds,
        classes: part.classes,
        scoring: config.search.scoring,
    };
    let settings = SearchSettings {
        features: &best.pipeline.features,
        scoring: config.search.scoring,
        seed: config.evaluation.seed,
        keep: config.search.members_to_choose_from(),
    };
    let gain = |score: complaint_contract::CrossValidation| config.search.scoring.as_gain(score.mean);
    let mut trials = vec![ScaleTrial {
        scale: 0.0,
        cross_validation: best.optimal.cross_validation,
    }];
    let (mut leading, mut worse) = (None::<(f32, Selection)>, 0);
    for scale in SCALES {
        if worse == WORSE_IN_A_ROW {
            break;
        }
        progress.tell(TrainingStage::Searching, 1.0, &format!("word vectors at scale {scale}"));
        let block = Some(Block {
            vectors: &vectors,
            scale,
        });
        let part = TrainingPart { block, ..part };
        let Some(scores) = out_of_fold(part, &estimators, settings, &|_, _, _| ())? else {
            continue;
        };
        let members: Vec<(Share, Vec<f32>)> = shares.iter().copied().zip(scores).collect();
        let selection = average(data, &members);
        trials.push(ScaleTrial {
            scale: f64::from(scale),
            cross_validation: selection.cross_validation,
        });
        let highest = leading
            .as_ref()
            .map_or(best.optimal.cross_validation, |(_, leading)| leading.cross_validation);
        worse += 1;
        if gain(selection.cross_validation) > gain(highest) {
            worse = 0;
            leading = Some((scale, selection));
        }
    }
    let without = data.fold_values(&best.scores);
    let leading = leading.filter(|(_, selection)| {
        let with = data.fold_values(&selection.scores);
        helps(config.search.scoring, &without, &with, part.fold_count)
    });
    let scale = leading.as_ref().map_or(0.0, |(scale, _)| *scale);
    if let Some((_, selection)) = leading {
        best.members = estimators.iter().copied().zip(selection.shares).collect();
        best.scores = selection.scores;
        best.optimal.cross_validation = selection.cross_validation;
    }
    best.scaled = Some(Scaled { vectors, scale, trials });
    Ok(())
}

/// Whether the scores of the folds are better by more than the standard error of their mean difference. Folds of further divisions
/// have the same rows, so they make the mean more certain, but count as one division in its error.
fn helps(scoring: Metric, without: &[f64], with: &[f64], folds: usize) -> bool {
    let gains = with.iter().zip(without);
    let gains: Vec<f64> = gains
        .map(|(with, without)| scoring.as_gain(*with) - scoring.as_gain(*without))
        .collect();
    let score = mean_and_spread(&gains);
    let error = score.standard_deviation / (folds.max(2) as f64 - 1.0).sqrt();
    score.mean > error.max(LEAST_GAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_must_be_above_its_error() {
        let without = [0.6, 0.5, 0.7, 0.6];
        let with = |gains: [f64; 4]| -> Vec<f64> { without.iter().zip(gains).map(|(a, b)| a + b).collect() };
        let accuracy = |gains| helps(Metric::Accuracy, &without, &with(gains), 4);
        assert!(accuracy([0.02, 0.03, 0.02, 0.01]));
        assert!(accuracy([0.05, 0.0, 0.02, 0.03]));
        assert!(!accuracy([0.10, -0.05, 0.04, -0.03]), "less than the error");
        assert!(!accuracy([0.0; 4]), "no gain");
        assert!(!accuracy([-0.02, -0.03, -0.02, -0.01]));
        assert!(helps(Metric::LogLoss, &without, &with([-0.02, -0.03, -0.02, -0.01]), 4));
    }
}
