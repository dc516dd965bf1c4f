//! Compares the newcomer with the champion on the same held-out rows.

use complaint_contract::{ChampionSettings, Comparison, Metric, Reach, VersionRef};
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, ArtifactError, Predictor, Sha256Digest};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::metrics::{Scored, paired_difference, row_log_loss};
use crate::store::{self, StoreError};

/// Why the champion can't be used for a comparison.
#[derive(Debug, thiserror::Error)]
pub enum ChampionError {
    /// The configuration names a champion, but no file was given.
    #[error("the configuration names the champion {0}, but no artifact was given with --champion")]
    Missing(String),
    /// It can't be read.
    #[error("the champion's artifact can't be read: {0}")]
    Unreadable(#[from] StoreError),
    /// The file is another model.
    #[error("the champion's artifact {place} has the SHA-256 {actual}, not {expected}. Restore the file in the store")]
    Digest {
        /// The file.
        place: String,
        /// Digest of its bytes.
        actual: Sha256Digest,
        /// Digest in the configuration.
        expected: Sha256Digest,
    },
    /// This trainer can't read the file as a model.
    #[error("the champion's artifact {place} can't be used: {source}")]
    Unusable {
        /// The file.
        place: String,
        /// What is wrong with it.
        source: ArtifactError,
    },
}

/// The champion, ready to predict.
#[derive(Debug)]
pub struct Champion {
    name: String,
    sha256: Sha256Digest,
    predictor: Predictor,
}

impl Champion {
    /// Reads the artifact and checks its digest.
    ///
    /// # Errors
    /// [`ChampionError`].
    pub fn open(config: &ChampionSettings, place: &str, reach: Reach) -> Result<Self, ChampionError> {
        let predictor = open_artifact(place, config.sha256, reach).map_err(|fault| match fault {
            ArtifactFault::Unreadable(error) => ChampionError::Unreadable(error),
            ArtifactFault::Digest(actual) => ChampionError::Digest {
                place: place.to_owned(),
                actual,
                expected: config.sha256,
            },
            ArtifactFault::Unusable(source) => ChampionError::Unusable {
                place: place.to_owned(),
                source,
            },
        })?;
        Ok(Self {
            name: config.name.clone(),
            sha256: config.sha256,
            predictor,
        })
    }
}

/// Why an artifact can't be used.
pub(crate) enum ArtifactFault {
    /// It can't be read.
    Unreadable(StoreError),
    /// It is another model, with this digest.
    Digest(Sha256Digest),
    /// This trainer can't read it as a model.
    Unusable(ArtifactError),
}

/// Opens an artifact with this digest: a file or an `s3://` object.
pub(crate) fn open_artifact(place: &str, sha256: Sha256Digest, reach: Reach) -> Result<Predictor, ArtifactFault> {
    let bytes = store::read(place, reach).map_err(ArtifactFault::Unreadable)?;
    let actual = Sha256Digest::of_bytes(&bytes);
    if actual != sha256 {
        return Err(ArtifactFault::Digest(actual));
    }
    let artifact = Artifact::from_bytes(&bytes).map_err(ArtifactFault::Unusable)?;
    Ok(Predictor::new(artifact))
}

/// The champion's answers to the held-out rows, mapped to the classes of newcomer and rows. A class that only the
/// champion knows gets an extra index, and predicting it is always wrong. A class that the champion does not know has
/// probability 0.
#[derive(Debug)]
pub struct ChampionAnswers<'c> {
    champion: &'c Champion,
    /// The newcomer's index of each of the champion's classes.
    ours: Vec<u32>,
    classes: usize,
    predicted: Vec<u32>,
    log_loss: Vec<f64>,
}

impl<'c> ChampionAnswers<'c> {
    /// No answers yet. `labels` are the newcomer's classes, followed by those that only the rows have.
    pub fn new(champion: &'c Champion, labels: &[String]) -> Self {
        let index: FxHashMap<&str, u32> = labels
            .iter()
            .enumerate()
            .map(|(class, label)| (label.as_str(), class as u32))
            .collect();
        let mut classes = labels.len();
        let ours = champion.predictor.labels().iter().map(|label| {
            index.get(label.as_str()).copied().unwrap_or_else(|| {
                classes += 1;
                classes as u32 - 1
            })
        });
        Self {
            ours: ours.collect(),
            champion,
            classes,
            predicted: Vec::new(),
            log_loss: Vec::new(),
        }
    }

    /// Answers the next rows. `actual` holds their true classes.
    pub fn answer(&mut self, texts: &[&str], actual: &[u32]) {
        let predictor = &self.champion.predictor;
        let answers: Vec<(u32, f64)> = texts
            .par_iter()
            .zip(actual)
            .map_init(Scratch::default, |scratch, (text, &actual)| {
                let answer = predictor.predict(text, scratch);
                let right = self
                    .ours
                    .iter()
                    .position(|&class| class == actual)
                    .map_or(0.0, |class| f64::from(answer.probabilities[class]));
                (self.ours[answer.class], row_log_loss(right))
            })
            .collect();
        self.predicted.extend(answers.iter().map(|(class, _)| *class));
        self.log_loss.extend(answers.iter().map(|(_, loss)| *loss));
    }

    /// Compares the champion with the newcomer, whose classes are `labels` and whose predictions on the same rows are
    /// `newcomer`.
    pub fn compare(self, newcomer: &Scored, labels: &[String], split: &str, metric: Metric, seed: u64) -> Comparison {
        let scored = Scored {
            classes: self.classes,
            actual: newcomer.actual.clone(),
            predicted: self.predicted,
            log_loss: self.log_loss,
        };
        let (difference, confidence_interval) = paired_difference(newcomer, &scored, metric, seed);
        let artifact = self.champion.predictor.artifact();
        let mut champion_labels = artifact.labels().to_vec();
        champion_labels.sort();
        let mut sorted = labels.to_vec();
        sorted.sort();
        Comparison {
            champion_ref: VersionRef {
                name: self.champion.name.clone(),
            },
            champion_sha256: self.champion.sha256,
            metric,
            value: newcomer.value(metric),
            champion_value: scored.value(metric),
            difference,
            confidence_interval,
            rows: scored.actual.len(),
            same_labels: champion_labels == sorted,
            same_split: artifact.provenance().split == split,
        }
    }
}
