//! The mix of categories, estimated from answers without labels.

use crate::Rows;

/// Most steps of the estimation.
const STEPS: usize = 500;
/// The estimate stands when no share changes by more.
const SETTLED: f64 = 1e-6;
/// The estimate leans towards the trained mix as if so many further answers had it: without them, the shares of categories that
/// few answers speak for fall to zero (maximum likelihood likes corners).
const PRIOR_ANSWERS: f64 = 10.0;

/// The shares of the categories among the complaints that were answered: expectation maximisation from the trained mix (Saerens,
/// Latinne & Decaestecker 2002). `trained` holds the shares that the rows' probabilities assume, each above 0. Without rows it is
/// the trained mix.
pub fn estimate(trained: &[f64], rows: &Rows) -> Vec<f64> {
    let weights: Vec<f64> = rows.rows().iter().map(|row| row.weight).collect();
    from(trained, trained.to_vec(), rows, &weights, STEPS)
}

/// As [`estimate`], from `mix` on, with other weights of the rows, in at most so many steps.
pub(crate) fn from(trained: &[f64], mut mix: Vec<f64>, rows: &Rows, weights: &[f64], steps: usize) -> Vec<f64> {
    let classes = trained.len();
    let mut sums = vec![0.0; classes];
    for _ in 0..steps {
        let factors = ratios(trained, &mix);
        sums.iter_mut()
            .zip(trained)
            .for_each(|(sum, share)| *sum = PRIOR_ANSWERS * share);
        let mut total = PRIOR_ANSWERS;
        for (row, weight) in rows.rows().iter().zip(weights) {
            let norm: f64 = row
                .probabilities
                .iter()
                .zip(&factors)
                .map(|(p, factor)| p * factor)
                .sum();
            if norm > 0.0 && *weight > 0.0 {
                let scale = weight / norm;
                for ((sum, p), factor) in sums.iter_mut().zip(&row.probabilities).zip(&factors) {
                    *sum += p * factor * scale;
                }
                total += weight;
            }
        }
        let mut change: f64 = 0.0;
        for (share, sum) in mix.iter_mut().zip(&sums) {
            let next = sum / total;
            change = change.max((next - *share).abs());
            *share = next;
        }
        if change < SETTLED {
            break;
        }
    }
    mix
}

/// How much more frequent each category is in `mix` than in the mix `trained`; 0 for one that `trained` does not have.
pub fn ratios(trained: &[f64], mix: &[f64]) -> Vec<f64> {
    let ratio = |(trained, share): (&f64, &f64)| if *trained > 0.0 { share / trained } else { 0.0 };
    trained.iter().zip(mix).map(ratio).collect()
}

/// What a row's probabilities become, in `out`, where each category is so many times more frequent: [`ratios`].
pub(crate) fn reweight(probabilities: &[f64], ratios: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.extend(probabilities.iter().zip(ratios).map(|(p, ratio)| p * ratio));
    let norm: f64 = out.iter().sum();
    if norm > 0.0 {
        out.iter_mut().for_each(|p| *p /= norm);
    } else {
        out.clear();
        out.extend_from_slice(probabilities);
    }
}
