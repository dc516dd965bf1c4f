//! Finds training rows whose label is probably wrong, from the scores of the folds that did not see them.
//!
//! Two questions are kept apart, because the answers call for different actions:
//!
//! - **Which labels are slips?** A row whose label is a slip is one for which a good model has almost no probability. How many such
//!   rows there are beyond what the model's own doubt explains is estimated (`noise`), and as many rows are suspected: those with the
//!   least probability of the given label. With little evidence of slips nothing is suspected.
//! - **Which categories are confused?** The confident joint of given and true labels (confident learning: Northcutt, Jiang & Chuang
//!   2021) counts rows with one label that are confidently of another category. Categories for which this happens in both
//!   directions, and which the scores hardly separate, are look-alikes.
//!
//! Confident learning alone takes every confident mistake of the model for a wrong label. Where categories overlap it suspects many right
//! ones: it estimates 7 % of the example's labels to be wrong, which were written for their categories (`docs/benchmarks.md`).

mod joint;
mod look_alikes;
mod noise;

use complaint_model::Estimate;

use crate::calibration::OutOfFold;
use joint::{Joint, Opinion, confident_joint};
use look_alikes::look_alikes;
use noise::Noise;

/// How many standard errors above 0 the estimated share of wrong labels must be. Below, no row is suspected.
const STANDARD_ERRORS: f64 = 3.0;
/// Fewest rows of a confused pair: of fewer, the count's standard error is about as large as itself.
const FEWEST_CONFUSED: usize = 4;

/// What the folds say about the labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Estimated share of wrong labels.
    pub noise: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Each class, in order.
    pub classes: Vec<ClassAudit>,
    /// Pairs of classes that are confused, most rows first.
    pub confused: Vec<Confused>,
    /// Pairs of classes that might be one, the least separate first.
    pub look_alikes: Vec<LookAlikes>,
    /// Suspected rows, the least probable label first.
    pub suspects: Vec<Suspect>,
}

/// The labels of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassAudit {
    /// Rows with its label.
    pub rows: usize,
    /// Estimated share of them whose label is wrong.
    pub noise: f64,
    /// Suspected rows among them.
    pub suspects: usize,
}

/// Rows with one label that are confidently of another class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confused {
    /// The class of their label.
    pub given: u32,
    /// The other class.
    pub suspected: u32,
    /// Their estimated number.
    pub rows: usize,
    /// Their share of the label's rows.
    pub share: f64,
}

/// Two classes that might be one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookAlikes {
    /// The classes.
    pub classes: [u32; 2],
    /// The share of each one's rows that are confidently of the other.
    pub shares: [f64; 2],
    /// How often the scores tell a row of the one from a row of the other: 0.5 is chance, 1 is always.
    pub separation: f64,
}

/// A row whose label is suspected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suspect {
    /// The row's index among the training rows.
    pub row: u32,
    /// The class that it probably belongs to.
    pub suspected: u32,
    /// Probability of that class.
    pub confidence: f64,
    /// How much more probable that class is than the given one.
    pub margin: f64,
}

/// Audits the labels of the training rows. `estimate` are calibrated probabilities of the same scores.
pub fn audit(data: OutOfFold<'_>, estimate: &Estimate) -> Audit {
    let noise = Noise::fit(data, estimate);
    let (opinions, joint) = confident_joint(data, &noise.clean);
    let suspects = suspects(&noise, &opinions, data.labels);
    Audit {
        noise: noise.share,
        standard_error: noise.standard_error,
        classes: classes(&noise, &opinions, data.labels, &suspects, &joint),
        confused: confused(&joint),
        look_alikes: look_alikes(data, &joint),
        suspects,
    }
}

/// As many rows as there are wrong labels by the estimate: those whose label is the least probable. This order finds more wrong labels
/// than the one by margin (`docs/benchmarks.md`): how the other classes share the rest says nothing about the label.
fn suspects(noise: &Noise, opinions: &[Opinion], labels: &[u32]) -> Vec<Suspect> {
    if noise.share <= STANDARD_ERRORS * noise.standard_error {
        return Vec::new();
    }
    debug_assert_eq!(opinions.len(), labels.len());
    let mut rows: Vec<u32> = (0..opinions.len() as u32).collect();
    let own = |row: u32| opinions[row as usize].own;
    rows.sort_by(|&a, &b| own(a).total_cmp(&own(b)).then(a.cmp(&b)));
    rows.truncate((noise.share * opinions.len() as f64).round() as usize);
    let suspect = |row: u32| {
        let Opinion { own, other, .. } = opinions[row as usize];
        let (own, confidence) = (f64::from(own), f64::from(other.1));
        (confidence > own).then_some(Suspect {
            row,
            suspected: other.0,
            confidence,
            margin: confidence - own,
        })
    };
    rows.into_iter().filter_map(suspect).collect()
}

fn classes(
    noise: &Noise,
    opinions: &[Opinion],
    labels: &[u32],
    suspects: &[Suspect],
    joint: &Joint,
) -> Vec<ClassAudit> {
    let mut wrong = vec![0.0; joint.classes];
    for (opinion, &label) in opinions.iter().zip(labels) {
        wrong[label as usize] += noise.is_wrong(f64::from(opinion.own), joint.classes);
    }
    let mut found = vec![0; joint.classes];
    for suspect in suspects {
        found[labels[suspect.row as usize] as usize] += 1;
    }
    let class = |class: usize| ClassAudit {
        rows: joint.rows[class],
        noise: wrong[class] / joint.rows[class].max(1) as f64,
        suspects: found[class],
    };
    (0..joint.classes).map(class).collect()
}

/// The off-diagonal of the joint, calibrated to the rows of each label.
fn confused(joint: &Joint) -> Vec<Confused> {
    let mut pairs = Vec::new();
    for given in 0..joint.classes {
        for suspected in 0..joint.classes {
            if given == suspected || joint.count(given, suspected) < FEWEST_CONFUSED {
                continue;
            }
            let share = joint.share(given, suspected);
            pairs.push(Confused {
                given: given as u32,
                suspected: suspected as u32,
                rows: (share * joint.rows[given] as f64).round() as usize,
                share,
            });
        }
    }
    pairs.sort_by(|a, b| b.rows.cmp(&a.rows).then(b.share.total_cmp(&a.share)));
    pairs
}

#[cfg(test)]
mod tests;
