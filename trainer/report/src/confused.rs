//! The classes that are confused with each other.

use crate::quality::ConfusionMatrix;

/// Rows of one class that were predicted as another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfusedPair<'m> {
    /// Their actual class.
    pub actual: &'m str,
    /// Their predicted class.
    pub predicted: &'m str,
    /// Number of rows.
    pub rows: usize,
    /// Their share of the actual class.
    pub share: f64,
}

impl ConfusionMatrix {
    /// The pairs with the most rows, at most `limit`. Among equal pairs, those with the larger share of their class
    /// come first.
    pub fn most_confused(&self, limit: usize) -> Vec<ConfusedPair<'_>> {
        let mut pairs: Vec<ConfusedPair<'_>> = Vec::new();
        for (actual, row) in self.rows.iter().enumerate() {
            let support = row.iter().sum::<usize>().max(1) as f64;
            for (predicted, &rows) in row.iter().enumerate() {
                if rows > 0 && predicted != actual {
                    pairs.push(ConfusedPair {
                        actual: &self.labels[actual],
                        predicted: &self.labels[predicted],
                        rows,
                        share: rows as f64 / support,
                    });
                }
            }
        }
        pairs.sort_by(|a, b| b.rows.cmp(&a.rows).then(b.share.total_cmp(&a.share)));
        pairs.truncate(limit);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_rows_first_and_the_diagonal_never() {
        let matrix = ConfusionMatrix {
            labels: ["a", "b", "c"].map(str::to_owned).to_vec(),
            rows: vec![vec![90, 2, 0], vec![2, 1, 1], vec![0, 0, 5]],
        };
        let pairs: Vec<(&str, &str, usize)> = matrix
            .most_confused(2)
            .iter()
            .map(|pair| (pair.actual, pair.predicted, pair.rows))
            .collect();
        assert_eq!(pairs, [("b", "a", 2), ("a", "b", 2)]);
        assert_eq!(matrix.most_confused(10).len(), 3);
    }
}
