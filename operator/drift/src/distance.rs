//! Distances between distributions, and how large they get by chance.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Draws of the bootstrap.
const DRAWS: usize = 400;
/// The share of draws that stay below the chance level.
const LEVEL: f64 = 0.99;
/// Largest number of rows that a draw has. Chance only falls with more, and is far below every threshold there.
const MOST_ROWS: u64 = 20_000;
/// Shares below this count as it, so that an empty bin does not make a distance infinite.
const LEAST_SHARE: f64 = 1e-4;

/// The kinds of distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// The squared Jensen–Shannon distance in bits (Lin 1991): 0 for equal distributions, 1 for disjoint ones.
    SquaredJensenShannon,
    /// The population stability index: the sum of (p − q)·ln(p/q).
    StabilityIndex,
}

impl Distance {
    /// The distance of two distributions over the same bins. The shares of each sum to 1.
    pub fn between(self, p: &[f64], q: &[f64]) -> f64 {
        let pairs = p.iter().zip(q);
        match self {
            Self::SquaredJensenShannon => {
                let part = |p: f64, q: f64| if p > 0.0 { p * (2.0 * p / (p + q)).log2() } else { 0.0 };
                let sum: f64 = pairs.map(|(p, q)| part(*p, *q) + part(*q, *p)).sum();
                (sum / 2.0).clamp(0.0, 1.0)
            }
            Self::StabilityIndex => pairs
                .map(|(p, q)| (p.max(LEAST_SHARE), q.max(LEAST_SHARE)))
                .map(|(p, q)| (p - q) * (p / q).ln())
                .sum(),
        }
    }
}

/// A distance of a window from the reference, and what chance alone gives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    /// The distance.
    pub value: f64,
    /// 99 of 100 windows without any change have less.
    pub chance: f64,
}

impl Measured {
    /// The distance of `counts` from the `reference` shares.
    pub(crate) fn new(distance: Distance, reference: &[f64], counts: &[u64], chance: f64) -> Self {
        let rows: u64 = counts.iter().sum();
        let shares: Vec<f64> = counts.iter().map(|count| *count as f64 / rows.max(1) as f64).collect();
        Self {
            value: if rows == 0 {
                0.0
            } else {
                distance.between(reference, &shares)
            },
            chance,
        }
    }

    /// The distance beyond chance, at least 0.
    pub fn beyond_chance(self) -> f64 {
        (self.value - self.chance).max(0.0)
    }
}

/// The distance that 99 of 100 windows of `rows` rows stay below, where nothing has changed: both the reference, which comes from
/// `reference_rows` rows, and the window are resampled (bootstrap; Efron 1979).
pub fn chance(distance: Distance, reference: &[f64], reference_rows: f64, rows: u64) -> f64 {
    let mut borders = Vec::with_capacity(reference.len());
    let mut sum = 0.0;
    for share in reference {
        sum += share;
        borders.push(sum);
    }
    let reference_rows = (reference_rows as u64).clamp(1, MOST_ROWS);
    let rows = rows.clamp(1, MOST_ROWS);
    let mut rng = SmallRng::seed_from_u64(reference_rows ^ rows.rotate_left(32));
    let mut draw = |rows: u64| {
        let mut shares = vec![0.0; reference.len()];
        for _ in 0..rows {
            let at = rng.random::<f64>() * sum;
            let bin = borders.partition_point(|border| *border <= at).min(reference.len() - 1);
            shares[bin] += 1.0 / rows as f64;
        }
        shares
    };
    let mut distances: Vec<f64> = (0..DRAWS)
        .map(|_| distance.between(&draw(reference_rows), &draw(rows)))
        .collect();
    distances.sort_by(f64::total_cmp);
    distances[(DRAWS as f64 * LEVEL) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        let (p, q) = ([0.5, 0.5, 0.0], [0.0, 0.5, 0.5]);
        assert_eq!(Distance::SquaredJensenShannon.between(&p, &p), 0.0);
        assert!((Distance::SquaredJensenShannon.between(&[1.0, 0.0], &[0.0, 1.0]) - 1.0).abs() < 1e-12);
        assert!((Distance::SquaredJensenShannon.between(&p, &q) - 0.5).abs() < 1e-12);
        let index = Distance::StabilityIndex.between(&[0.5, 0.5], &[0.4, 0.6]);
        assert!((index - (0.1 * (0.5_f64 / 0.4).ln() - 0.1 * (0.5_f64 / 0.6).ln())).abs() < 1e-12);
        assert!(Distance::StabilityIndex.between(&p, &q).is_finite());
    }

    #[test]
    fn chance_falls_with_the_number_of_rows() {
        let reference = vec![0.1; 10];
        let at = |rows: u64| chance(Distance::SquaredJensenShannon, &reference, 2_000.0, rows);
        let [few, many] = [at(500), at(20_000)];
        assert!(few > 2.0 * many && many > 0.0, "{few} {many}");
        // The expectation of a squared distance of two samples is about (bins − 1)/(8 ln 2)·(1/n + 1/m).
        let expected = 9.0 / (8.0 * std::f64::consts::LN_2) * (1.0 / 500.0 + 1.0 / 2_000.0);
        assert!((1.2..4.0).contains(&(few / expected)), "{few} {expected}");
        let nothing = Measured::new(Distance::SquaredJensenShannon, &reference, &[0; 10], few);
        assert_eq!((nothing.value, nothing.beyond_chance()), (0.0, 0.0));
    }
}
