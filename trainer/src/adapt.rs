//! Adapts a model to another mix of categories, without its data set.
//!
//! Where only the mix of categories changes, the best answer changes by the logarithm of the new to the trained share of each class
//! (Saerens, Latinne & Decaestecker 2002). Scores have another scale, that of the temperature of vector scaling; and a mix is only
//! estimated, so three quarters of the way are taken. Weights, calibration and estimating probabilities stay, and an adapted model is
//! always adapted from its trained intercepts.

use complaint_contract::statistics::ReferenceProfile;
use complaint_contract::{
    AdaptResult, Adaptation, AdaptedAccuracy, AdaptedShare, StoredArtifact, TrainerReason, VersionEvaluation,
};
use complaint_drift::{Row, Rows};
use complaint_model::artifact::{FORMAT, HeldOutRows, Provenance};
use complaint_model::{Artifact, ArtifactBuilder, Estimate, LevelModels, Sha256Digest};

use crate::error::TrainError;
use crate::evaluate::version_evaluation;
use crate::level_answers::LevelAnswers;
use crate::metrics::{Scored, row_log_loss};
use crate::reference::{ReferenceRows, mix as mix_of, reference_profile};

/// How much of the way intercepts move.
const SHARE_OF_THE_WAY: f64 = 0.75;
/// A class counts as at most so many times more or less frequent than in the training.
const LARGEST_RATIO: f64 = 100.0;
/// The correction of an estimated mix leans towards none as if so many held-out rows of each class spoke for that. Of 1, 2, 5 and 10,
/// with the gains that the test of adaptation prints, 5 was the best by a little.
const UNBIASED_ROWS: f64 = 5.0;
/// A class without a share counts as if it had this one.
const LEAST_SHARE: f64 = 1e-6;

/// How far the shares of a mix may be from 1 together.
const SHARES_OFF: f64 = 0.01;

/// The shares of a mix, made to sum to 1.
///
/// # Errors
/// The sum of shares that are no mix.
pub fn shares(mix: &[f64]) -> Result<Vec<f64>, f64> {
    let sum: f64 = mix.iter().sum();
    if (sum - 1.0).abs() > SHARES_OFF {
        return Err(sum);
    }
    Ok(mix.iter().map(|share| share / sum).collect())
}

/// Why a model is not adapted.
#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    /// The model lacks what an adaptation needs.
    #[error("the model has no {0}, so it can't be adapted: another program or an older trainer made it. Train again")]
    NotAdaptable(&'static str),
    /// The adapted model gives fewer right answers.
    #[error(
        "the adapted model has an accuracy of {adapted:.4} on the {rows} held-out rows as they are, and the trained one {trained:.4}; \
         at most {most_lost} may be lost. The mix is too far from that of the training: train again with rows of today, or allow more \
         with --max-loss (maxLoss)"
    )]
    Worse {
        /// Number of rows.
        rows: usize,
        /// Accuracy of the trained model.
        trained: f64,
        /// Accuracy of the adapted one.
        adapted: f64,
        /// How much it may be lower.
        most_lost: f64,
    },
}

impl AdaptError {
    /// The reason in messages.
    pub fn reason(&self) -> TrainerReason {
        match self {
            Self::NotAdaptable(_) => TrainerReason::NotAdaptable,
            Self::Worse { .. } => TrainerReason::AdaptationWorse,
        }
    }
}

/// A model that was adapted.
#[derive(Debug)]
pub struct Adapted {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What changed. The path of the artifact is empty.
    pub result: AdaptResult,
}

/// What an adaptation needs of a model.
struct Adaptable<'a> {
    artifact: &'a Artifact,
    estimate: &'a Estimate,
    profile: &'a ReferenceProfile,
    held_out: &'a HeldOutRows,
    /// Scores of the held-out rows with the trained intercepts.
    scores: Vec<f32>,
}

/// The figures of a model that can be adapted.
///
/// # Errors
/// [`AdaptError::NotAdaptable`].
pub fn adaptable(artifact: &Artifact) -> Result<&ReferenceProfile, AdaptError> {
    parts(artifact).map(|(_, _, profile)| profile)
}

type Parts<'a> = (&'a Estimate, &'a HeldOutRows, &'a ReferenceProfile);

fn parts(artifact: &Artifact) -> Result<Parts<'_>, AdaptError> {
    Ok((
        artifact.estimate().ok_or(AdaptError::NotAdaptable("estimate"))?,
        artifact.held_out().ok_or(AdaptError::NotAdaptable("held-out rows"))?,
        artifact
            .reference()
            .ok_or(AdaptError::NotAdaptable("reference figures"))?,
    ))
}

/// A mix that was estimated from unlabelled answers, without the bias of the estimate: each class's share is multiplied by its share of
/// the held-out rows, over the share that the same estimate gives it there. Probabilities that are a little wrong for a rare class
/// make the estimate of its share wrong by a factor, in traffic as on held-out rows.
///
/// # Errors
/// [`AdaptError::NotAdaptable`].
///
/// # Panics
/// If `mix` does not have one share a class.
pub fn without_bias(artifact: &Artifact, mix: &[f64]) -> Result<Vec<f64>, AdaptError> {
    let classes = artifact.labels().len();
    assert_eq!(mix.len(), classes);
    let (estimate, held_out, profile) = parts(artifact)?;
    let trained = artifact.trained_bias();
    let estimator = estimate.estimator(trained, trained);
    let mut probabilities = vec![0.0; classes];
    let rows = held_out.scores();
    let rows = rows.chunks_exact(classes).map(|scores| {
        let answer = artifact.answer(scores, &mut probabilities);
        estimator.probabilities(scores, &mut probabilities);
        Row {
            answer,
            probabilities: probabilities.iter().map(|share| f64::from(*share)).collect(),
            weight: 1.0,
        }
    });
    let found = complaint_drift::mix::estimate(&profile.trained_mix, &Rows::new(rows, classes));
    let count = held_out.labels().len() as f64;
    let actual = mix_of(held_out.labels(), classes);
    let factors = actual
        .iter()
        .zip(&found)
        .map(|(actual, found)| (actual * count + UNBIASED_ROWS) / (found * count + UNBIASED_ROWS));
    let corrected: Vec<f64> = mix.iter().zip(factors).map(|(share, factor)| share * factor).collect();
    let sum: f64 = corrected.iter().sum();
    Ok(corrected.into_iter().map(|share| share / sum).collect())
}

/// Adapts `artifact`, whose bytes have the digest `sha256`, to the shares `mix` of its classes. Equal inputs give equal bytes, and a
/// model that was adapted before gives those that its trained model gives.
///
/// # Errors
/// [`AdaptError`], also if more than `most_lost` of the accuracy on held-out rows is lost.
///
/// # Panics
/// If `mix` does not have one share a class.
pub fn adapt(artifact: &Artifact, sha256: Sha256Digest, mix: &[f64], most_lost: f64) -> Result<Adapted, TrainError> {
    assert_eq!(mix.len(), artifact.labels().len());
    let (estimate, held_out, profile) = parts(artifact)?;
    let model = Adaptable {
        scores: held_out.scores(),
        artifact,
        estimate,
        profile,
        held_out,
    };
    let bias = model.moved(mix);
    let scores = [artifact.trained_bias(), &artifact.model().bias, bias.as_slice()].map(|bias| model.scores_with(bias));
    let weights = model.weights(mix);
    let held_out = model.accuracy(&scores, &vec![1.0; weights.len()]);
    if held_out.adapted < held_out.trained - most_lost {
        return Err(AdaptError::Worse {
            rows: weights.len(),
            trained: held_out.trained,
            adapted: held_out.adapted,
            most_lost,
        }
        .into());
    }
    let reweighted = model.accuracy(&scores, &weights);
    let [.., adapted] = &scores;
    let evaluation = model.evaluation(adapted);
    let parent = artifact.provenance().parent.unwrap_or(sha256);
    let bytes = model.build(bias, adapted, &weights, parent)?.to_bytes();
    let share = |((label, trained), adapted): ((&String, &f64), &f64)| AdaptedShare {
        label: label.clone(),
        trained: *trained,
        adapted: *adapted,
    };
    let result = AdaptResult {
        adaptation: Adaptation {
            parent_sha256: parent,
            given_sha256: sha256,
            held_out,
            reweighted,
        },
        evaluation,
        artifact: StoredArtifact {
            path: String::new(),
            sha256: Sha256Digest::of_bytes(&bytes),
            size_bytes: bytes.len() as u64,
            format: FORMAT.to_owned(),
        },
        mix: artifact
            .labels()
            .iter()
            .zip(&profile.trained_mix)
            .zip(mix)
            .map(share)
            .collect(),
    };
    Ok(Adapted { bytes, result })
}

impl Adaptable<'_> {
    fn classes(&self) -> usize {
        self.artifact.labels().len()
    }

    /// The trained intercepts, moved towards `mix`.
    fn moved(&self, mix: &[f64]) -> Vec<f32> {
        let ratios = mix.iter().zip(&self.profile.trained_mix).map(|(new, trained)| {
            if *trained > 0.0 {
                (new / trained).clamp(1.0 / LARGEST_RATIO, LARGEST_RATIO)
            } else {
                1.0
            }
        });
        let moves = ratios.map(|ratio| SHARE_OF_THE_WAY * ratio.ln() * self.estimate.temperature);
        let trained = self.artifact.trained_bias().iter();
        trained
            .zip(moves)
            .map(|(bias, moved)| (f64::from(*bias) + moved) as f32)
            .collect()
    }

    /// Scores of the held-out rows with other intercepts.
    fn scores_with(&self, bias: &[f32]) -> Vec<f32> {
        let moves: Vec<f32> = bias
            .iter()
            .zip(self.artifact.trained_bias())
            .map(|(now, then)| now - then)
            .collect();
        let scores = self.scores.iter().zip(moves.iter().cycle());
        scores.map(|(score, moved)| score + moved).collect()
    }

    /// How much each held-out row counts under `mix`: the new share of its class relative to that among the rows. None counts
    /// nothing.
    fn weights(&self, mix: &[f64]) -> Vec<f64> {
        let labels = self.held_out.labels();
        let shares = mix_of(labels, self.classes());
        labels
            .iter()
            .map(|&label| mix[label as usize].max(LEAST_SHARE) / shares[label as usize])
            .collect()
    }

    /// Shares of right answers by the scores of the trained, the given and the adapted model.
    fn accuracy(&self, scores: &[Vec<f32>; 3], weights: &[f64]) -> AdaptedAccuracy {
        let labels = self.held_out.labels();
        let (mut sum, mut squares) = (0.0, 0.0);
        weights.iter().for_each(|weight| {
            sum += weight;
            squares += weight * weight;
        });
        let right = |scores: &[f32]| {
            let mut probabilities = vec![0.0; self.classes()];
            let answers = scores
                .chunks_exact(self.classes())
                .map(|scores| self.artifact.answer(scores, &mut probabilities));
            let right = answers
                .zip(labels)
                .zip(weights)
                .filter(|((answer, label), _)| *answer == **label as usize);
            right.map(|(_, weight)| weight).sum::<f64>() / f64::max(sum, f64::MIN_POSITIVE)
        };
        let [trained, given, adapted] = scores.each_ref().map(|scores| right(scores));
        AdaptedAccuracy {
            rows: sum * sum / f64::max(squares, f64::MIN_POSITIVE),
            trained,
            given,
            adapted,
        }
    }

    /// The figures of a model with these scores of the held-out rows.
    fn evaluation(&self, scores: &[f32]) -> VersionEvaluation {
        let mut probabilities = vec![0.0; self.classes()];
        let mut scored = Scored {
            classes: self.classes(),
            actual: self.held_out.labels().to_vec(),
            predicted: Vec::new(),
            log_loss: Vec::new(),
        };
        let mut confidence = Vec::new();
        let labels = self.artifact.labels();
        let levels = self.artifact.levels().map(LevelModels::levels);
        let mut at_levels = levels.map(|levels| LevelAnswers::new(levels, labels));
        for (scores, &label) in scores.chunks_exact(self.classes()).zip(self.held_out.labels()) {
            let winner = self.artifact.answer(scores, &mut probabilities);
            scored.predicted.push(winner as u32);
            scored
                .log_loss
                .push(row_log_loss(f64::from(probabilities[label as usize])));
            confidence.push((f64::from(probabilities[winner]), winner == label as usize));
            if let Some(levels) = &mut at_levels {
                levels.take(&labels[label as usize], winner, &probabilities);
            }
        }
        let split = self.artifact.provenance().split.clone();
        VersionEvaluation {
            levels: at_levels.map_or_else(Vec::new, |levels| levels.evaluations(&scored, &confidence)),
            ..version_evaluation(&scored, &confidence, labels, labels.len(), split)
        }
    }

    /// The model with other intercepts, and its figures on the weighed rows.
    fn build(
        &self,
        bias: Vec<f32>,
        scores: &[f32],
        weights: &[f64],
        parent: Sha256Digest,
    ) -> Result<Artifact, TrainError> {
        let built = |builder: ArtifactBuilder| builder.build().map_err(|error| TrainError::Internal(error.to_string()));
        let adapted = built(
            ArtifactBuilder::from(self.artifact.clone())
                .adapted(bias)
                .provenance(Provenance {
                    parent: Some(parent),
                    ..self.artifact.provenance().clone()
                }),
        )?;
        let rows = ReferenceRows {
            scores,
            labels: self.held_out.labels(),
            unknown_words: self.held_out.unknown_words(),
            weights: Some(weights),
        };
        match reference_profile(&adapted, rows, &self.profile.trained_mix) {
            Some(profile) => built(ArtifactBuilder::from(adapted).reference(profile)),
            None => Ok(adapted),
        }
    }
}
