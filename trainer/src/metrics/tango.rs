//! Interval of a difference of paired proportions by the score test.
//!
//! Tango, T. (1998). Equivalence test and confidence interval for the difference in proportions for the paired-sample design.
//! *Statistics in Medicine* 17, 891–908. Its coverage is close to nominal where a Wald or bootstrap interval has width 0,
//! because few or no pairs are discordant: Newcombe, R. G. (1998), *Statistics in Medicine* 17, 2635–2650; Fagerland, M. W.,
//! Lydersen, S. & Laake, P. (2014), *Statistics in Medicine* 33, 2850–2875.

/// The 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Number of bisections of an interval of length 2: more than the digits of the numbers.
const HALVINGS: usize = 60;

/// 95 % interval of `(only_first − only_second) / rows`. `only_first` rows have the property only by the first of two
/// methods, `only_second` rows only by the second.
pub(super) fn interval(only_first: usize, only_second: usize, rows: usize) -> [f64; 2] {
    if rows == 0 {
        return [-1.0, 1.0];
    }
    let (first, second, rows) = (only_first as f64, only_second as f64, rows as f64);
    let observed = (first - second) / rows;
    let score = |difference: f64| score(first, second, rows, difference);
    // Over the possible differences, the score falls from positive to negative values, and is 0 at the observed one.
    let crossing = |mut inside: f64, mut outside: f64| {
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            if score(middle).abs() <= Z {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside
    };
    [crossing(observed, -1.0), crossing(observed, 1.0)]
}

/// The score statistic of the hypothesis that the true difference is `difference`.
fn score(first: f64, second: f64, rows: f64, difference: f64) -> f64 {
    let distance = first - second - rows * difference;
    let variance = rows * (2.0 * nuisance(first, second, rows, difference) + difference * (1.0 - difference));
    if variance > 0.0 {
        distance / variance.sqrt()
    } else if distance == 0.0 {
        0.0
    } else {
        f64::INFINITY.copysign(distance)
    }
}

/// The most likely probability of the second kind of discordant pair under this hypothesis.
fn nuisance(first: f64, second: f64, rows: f64, difference: f64) -> f64 {
    let a = 2.0 * rows;
    let b = -first - second + (2.0 * rows - first + second) * difference;
    let c = -second * difference * (1.0 - difference);
    ((b * b - 4.0 * a * c).max(0.0).sqrt() - b) / (2.0 * a)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likelihood of the counts, maximised over the nuisance parameter by trying many values.
    fn nuisance_by_trial(first: f64, second: f64, rows: f64, difference: f64) -> f64 {
        let low = (-difference).max(0.0);
        let high = (1.0 - difference) / 2.0;
        let likelihood = |p: f64| {
            let term = |count: f64, p: f64| if count > 0.0 { count * p.max(1e-300).ln() } else { 0.0 };
            term(first, p + difference) + term(second, p) + term(rows - first - second, 1.0 - 2.0 * p - difference)
        };
        let steps = 200_000;
        let at = |step: i32| low + (high - low) * f64::from(step) / f64::from(steps);
        let best = (0..=steps).max_by(|&one, &other| likelihood(at(one)).total_cmp(&likelihood(at(other))));
        at(best.unwrap())
    }

    #[test]
    fn both_ends_are_where_the_score_test_begins_to_reject() {
        for (first, second, rows) in [
            (9, 2, 50),
            (0, 0, 800),
            (3, 0, 800),
            (86, 150, 1600),
            (0, 7, 20),
            (20, 0, 20),
        ] {
            let [low, high] = interval(first, second, rows);
            let (first, second, rows) = (first as f64, second as f64, rows as f64);
            let observed = (first - second) / rows;
            assert!(low <= observed && observed <= high && low < high);
            for end in [low, high] {
                if end.abs() > 0.999_999 {
                    continue;
                }
                assert!((score(first, second, rows, end).abs() - Z).abs() < 1e-6, "{end}");
                let tried = nuisance_by_trial(first, second, rows, end);
                assert!((nuisance(first, second, rows, end) - tried).abs() < 1e-4, "{end}");
            }
        }
    }

    #[test]
    fn without_a_discordant_pair_the_width_shrinks_with_the_rows() {
        let [low, high] = interval(0, 0, 800);
        let expected = Z * Z / (800.0 + Z * Z);
        assert!(
            (high - expected).abs() < 1e-9 && (low + expected).abs() < 1e-9,
            "[{low}, {high}]"
        );
        assert_eq!(interval(0, 0, 0), [-1.0, 1.0]);
        // Agrees with McNemar's test without continuity correction: 3 to 0 may be chance, 4 to 0 is not.
        assert!(interval(3, 0, 800)[0] < 0.0 && interval(4, 0, 800)[0] > 0.0);
    }
}
