//! Audits the labels of the training rows: a section of the report, or a command of its own.

use std::collections::BTreeMap;

use complaint_contract::{TrainingStage, round4};
use complaint_model::{Estimate, Sha256Digest};
use complaint_report::{ClassNoise, ConfusedLabels, LabelAudit, LookAlikes, SuspectedRow};

use super::searching::{Searched, run_search};
use super::{Inputs, Prepared, Rows, open_source, passing, prepare};
use crate::audit::{Audit, audit};
use crate::calibration::{OutOfFold, calibrate};
use crate::dataset::DatasetError;
use crate::error::TrainError;
use crate::progress::Progress;
use crate::split::split_key;
use crate::vector_scaling::vector_scaling;

/// Suspected rows in a report.
pub(super) const MOST_SUSPECTS: usize = 200;
/// Pairs of categories in a report.
const MOST_PAIRS: usize = 20;

/// The audit of a whole data set.
#[derive(Debug)]
pub struct AuditedDataset {
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// The audit, with all suspected rows.
    pub audit: LabelAudit,
}

/// Audits the labels of all rows of the data set, and of the corrections. No row is held out and no model is fitted: every row is judged
/// by the models of the folds that do not hold it. With `inputs.include_texts` each suspected row has its text.
///
/// # Errors
/// [`TrainError`], as a training.
pub fn audit_labels(inputs: &Inputs<'_>, progress: &Progress) -> Result<AuditedDataset, TrainError> {
    let name = inputs.location.name();
    progress.tell(TrainingStage::Loading, 0.0, &format!("opening {name}"));
    let source = open_source(inputs, progress)?;
    let mut prepared = prepare(inputs, source, None, Rows::All, progress)?;
    let (config, _) = &prepared.config();
    let inputs = &Inputs { config, ..*inputs };
    let searched = run_search(inputs, &mut prepared, progress)?;
    let (data, classes) = (out_of_fold(&prepared, &searched), prepared.dataset.labels.len());
    let temperature = calibrate(data).temperature;
    let estimate = vector_scaling(data.scores, data.labels, classes, temperature);
    let audit = label_audit(inputs, &prepared, &searched, &estimate, usize::MAX)?;
    Ok(AuditedDataset {
        sha256: prepared.dataset.sha256,
        audit,
    })
}

fn out_of_fold<'a>(prepared: &'a Prepared, searched: &'a Searched) -> OutOfFold<'a> {
    OutOfFold {
        scores: &searched.best.scores,
        labels: &prepared.train_labels,
        folds: &searched.folds,
        classes: prepared.dataset.labels.len(),
    }
}

/// The report's section, with at most `most` suspected rows. `estimate` is fitted to the scores of the folds.
pub(super) fn label_audit(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    searched: &Searched,
    estimate: &Estimate,
    most: usize,
) -> Result<LabelAudit, DatasetError> {
    let found = audit(out_of_fold(prepared, searched), estimate);
    let texts = match inputs.include_texts {
        true => texts(inputs, prepared, &found, most)?,
        false => BTreeMap::new(),
    };
    Ok(section(prepared, &found, texts, most))
}

/// The texts of the suspected rows, by index in the data set.
fn texts(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    found: &Audit,
    most: usize,
) -> Result<BTreeMap<u32, String>, DatasetError> {
    let (dataset, split) = (&prepared.dataset, &prepared.split);
    let suspects = found.suspects.iter().take(most);
    let mut rows: Vec<u32> = suspects.map(|suspect| split.train[suspect.row as usize]).collect();
    rows.sort_unstable();
    let mut texts = BTreeMap::new();
    if let Some(source) = &prepared.source {
        // Only the texts of corrections were kept. They follow the rows of the source.
        let corrections = rows.partition_point(|&row| (row as usize) < dataset.source_rows().len());
        let config = inputs.config;
        let is_the_same = |row: u32, text: &str| split_key(text, config.evaluation.seed) == split.keys[row as usize];
        let of_source = &rows[..corrections];
        passing::read_again(
            &config.dataset,
            source,
            dataset,
            of_source,
            is_the_same,
            |first, batch| {
                let read = of_source[first..].iter().zip(batch);
                texts.extend(read.map(|(&row, text)| (row, (*text).to_owned())));
            },
        )?;
        rows.drain(..corrections);
    }
    texts.extend(
        rows.into_iter()
            .map(|row| (row, dataset.text(&dataset.rows[row as usize]).to_owned())),
    );
    Ok(texts)
}

fn section(prepared: &Prepared, found: &Audit, mut texts: BTreeMap<u32, String>, most: usize) -> LabelAudit {
    let labels = &prepared.dataset.labels;
    let label = |class: u32| labels[class as usize].clone();
    let classes = labels.iter().zip(&found.classes).map(|(label, class)| ClassNoise {
        label: label.clone(),
        rows: class.rows,
        noise: class.noise,
        suspects: class.suspects,
    });
    let confused = found.confused.iter().take(MOST_PAIRS).map(|pair| ConfusedLabels {
        given: label(pair.given),
        suspected: label(pair.suspected),
        rows: pair.rows,
        share: pair.share,
    });
    let look_alikes = found.look_alikes.iter().take(MOST_PAIRS).map(|pair| LookAlikes {
        labels: pair.classes.map(label),
        shares: pair.shares.map(round4),
        separation: pair.separation,
    });
    let suspected_rows = found.suspects.iter().take(most).map(|suspect| {
        let place = prepared.split.train[suspect.row as usize];
        let row = &prepared.dataset.rows[place as usize];
        SuspectedRow {
            // A correction has no number.
            row: Some(row.number).filter(|number| *number > 0),
            given: label(row.label),
            suspected: label(suspect.suspected),
            confidence: suspect.confidence,
            margin: suspect.margin,
            text: texts.remove(&place),
        }
    });
    LabelAudit {
        rows: prepared.train_labels.len(),
        noise: found.noise,
        standard_error: found.standard_error,
        suspects: found.suspects.len(),
        classes: classes.collect(),
        confused: confused.collect(),
        look_alikes: look_alikes.collect(),
        suspected_rows: suspected_rows.collect(),
    }
}
