//! The block of a corpus's mean vectors, and what becomes of it in a model.

use std::sync::Arc;

use complaint_model::sparse::CsrMatrix;
use complaint_model::vectorize::TokenizedCorpus;
use complaint_model::word_scores::WordScores;
use rayon::prelude::*;

use super::WordVectors;

/// A part of the corpus without a vector.
const NONE: u32 = u32::MAX;

/// Word vectors, looked up for all words of a corpus.
#[derive(Debug, Clone)]
pub struct CorpusVectors {
    vectors: Arc<WordVectors>,
    corpus: Arc<TokenizedCorpus>,
    /// The word of each of the corpus's parts, or [`NONE`].
    words: Vec<u32>,
    /// Fewest rows with a word that others than the frequent ones of the file must have.
    min_rows: u32,
}

/// What some rows teach about words: which are used, and the centre and length of the block.
#[derive(Debug, Clone)]
pub struct FittedVectors<'c> {
    of: &'c CorpusVectors,
    /// Whether each word is used.
    used: Vec<bool>,
    centre: Vec<f32>,
    /// One over the average length.
    unit: f32,
}

impl CorpusVectors {
    /// Looks up the words of `corpus`. Words that are not among the frequent ones of the file are used if they stand in `min_rows`
    /// of the rows that [`CorpusVectors::fit`] gets, and the number of other words has no influence.
    pub fn new(vectors: Arc<WordVectors>, corpus: Arc<TokenizedCorpus>, min_rows: usize) -> Self {
        let places: rustc_hash::FxHashMap<&str, u32> = vectors.words.iter().map(String::as_str).zip(0..).collect();
        let words = corpus.parts().map(|part| places.get(part).copied().unwrap_or(NONE));
        Self {
            words: words.collect(),
            min_rows: min_rows as u32,
            corpus,
            vectors,
        }
    }

    /// The vectors.
    pub fn vectors(&self) -> &WordVectors {
        &self.vectors
    }

    /// Learns which words are used, centre and length from the documents `rows` only.
    pub fn fit(&self, rows: &[u32]) -> FittedVectors<'_> {
        let dimensions = self.vectors.dimensions;
        let mut fitted = FittedVectors {
            of: self,
            used: self.used(rows),
            centre: vec![0.0; dimensions],
            unit: 1.0,
        };
        let means = fitted.block(rows);
        let mut sums = vec![0.0_f64; dimensions];
        let with_words = means
            .chunks_exact(dimensions)
            .filter(|mean| mean.iter().any(|value| *value != 0.0));
        let mut count = 0_usize;
        for mean in with_words.clone() {
            count += 1;
            sums.iter_mut()
                .zip(mean)
                .for_each(|(sum, &value)| *sum += f64::from(value));
        }
        if count == 0 {
            return fitted;
        }
        fitted.centre = sums.iter().map(|sum| (sum / count as f64) as f32).collect();
        let squares: f64 = with_words
            .flat_map(|mean| mean.iter().zip(&fitted.centre))
            .map(|(&value, &centre)| f64::from(value - centre).powi(2))
            .sum();
        let length = (squares / count as f64).sqrt();
        if length > 1e-6 {
            fitted.unit = (1.0 / length) as f32;
        }
        fitted
    }

    /// Whether each word is used: the frequent ones, and those in enough of these rows.
    fn used(&self, rows: &[u32]) -> Vec<bool> {
        let words = self.vectors.words.len();
        let (mut in_rows, mut last) = (vec![0_u32; words], vec![NONE; words]);
        for &row in rows {
            for part in self.corpus.document_parts(row as usize) {
                let word = self.words[part as usize];
                if word != NONE && last[word as usize] != row {
                    last[word as usize] = row;
                    in_rows[word as usize] += 1;
                }
            }
        }
        let frequent = self.vectors.frequent;
        (0..words)
            .map(|word| word < frequent || in_rows[word] >= self.min_rows)
            .collect()
    }
}

impl FittedVectors<'_> {
    /// The block's numbers for the documents `rows`, `rows × dimensions`. A document without words that have vectors has zeros.
    pub fn block(&self, rows: &[u32]) -> Vec<f32> {
        let dimensions = self.of.vectors.dimensions;
        let mut block = vec![0.0; rows.len() * dimensions];
        block.par_chunks_mut(dimensions).zip(rows).for_each(|(mean, &row)| {
            let mut sum = 0.0;
            for part in self.of.corpus.document_parts(row as usize) {
                let word = self.of.words[part as usize];
                if word == NONE || !self.used[word as usize] {
                    continue;
                }
                let weight = self.of.vectors.weights[word as usize];
                sum += weight;
                let vector = self.of.vectors.vector(word as usize);
                mean.iter_mut()
                    .zip(vector)
                    .for_each(|(mean, value)| *mean += weight * value);
            }
            if sum > 0.0 {
                for (mean, centre) in mean.iter_mut().zip(&self.centre) {
                    *mean = (*mean / sum - centre) * self.unit;
                }
            }
        });
        block
    }

    /// Adds the block of the documents `documents`, times `scale`, to their rows as further columns.
    ///
    /// # Panics
    /// If there is not one row a document.
    pub fn append_to(&self, rows: &mut CsrMatrix, documents: &[u32], scale: f32) {
        assert_eq!(rows.rows, documents.len());
        let (block, dimensions) = (self.block(documents), self.of.vectors.dimensions);
        let mut joined = CsrMatrix::with_cols(rows.cols + dimensions);
        joined.indices.reserve_exact(rows.entries() + block.len());
        joined.values.reserve_exact(rows.entries() + block.len());
        for (row, mean) in block.chunks_exact(dimensions).enumerate() {
            let (indices, values) = rows.row(row);
            joined.indices.extend_from_slice(indices);
            joined.values.extend_from_slice(values);
            if mean.iter().any(|value| *value != 0.0) {
                joined.indices.extend((rows.cols as u32..).take(dimensions));
                joined.values.extend(mean.iter().map(|value| value * scale));
            }
            joined.finish_row();
        }
        *rows = joined;
    }

    /// The scores of all words that are used, from the weights of the block's columns: `dimensions × classes`, learned with
    /// `scale`.
    ///
    /// # Errors
    /// A defect, as text: scores that are not finite.
    pub fn word_scores(&self, weights: &[f32], classes: usize, scale: f32) -> Result<WordScores, String> {
        let vectors = &self.of.vectors;
        let mut used: Vec<usize> = (0..vectors.words.len()).filter(|&word| self.used[word]).collect();
        used.sort_unstable_by_key(|&word| vectors.words[word].as_str());
        let factor = f64::from(scale) * f64::from(self.unit);
        let scores: Vec<f32> = used
            .par_iter()
            .flat_map_iter(|&word| {
                let mut sums = vec![0.0_f64; classes];
                let centred = vectors.vector(word).iter().zip(&self.centre);
                for ((&value, &centre), weights) in centred.zip(weights.chunks_exact(classes)) {
                    let value = f64::from(value) - f64::from(centre);
                    sums.iter_mut()
                        .zip(weights)
                        .for_each(|(sum, &weight)| *sum += value * f64::from(weight));
                }
                let factor = factor * f64::from(vectors.weights[word]);
                sums.into_iter().map(move |sum| (sum * factor) as f32)
            })
            .collect();
        let own: Vec<f32> = used.iter().map(|&word| vectors.weights[word]).collect();
        WordScores::new(used.iter().map(|&word| vectors.words[word].as_str()), &own, &scores)
    }

    /// The share of the words of the documents `rows` that have vectors which are used; 0 without words.
    pub fn share_known(&self, rows: &[u32]) -> f64 {
        let (mut known, mut all) = (0_u64, 0_u64);
        for part in rows.iter().flat_map(|&row| self.of.corpus.document_parts(row as usize)) {
            let word = self.of.words[part as usize];
            all += 1;
            known += u64::from(word != NONE && self.used[word as usize]);
        }
        known as f64 / all.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use complaint_model::Preprocessing;
    use complaint_model::text::TextPipeline;

    use super::*;
    use crate::rng::Rng;
    use crate::word_vectors::tests::vectors;

    const TEXTS: [&str; 5] = [
        "My card was stolen, and the card is gone",
        "They won't refund the fee",
        "A loan. A LOAN!",
        "zzz qqq",
        "Refund my loan fee, please",
    ];

    fn corpus() -> Arc<TokenizedCorpus> {
        let pipeline = TextPipeline::new(&Preprocessing::default()).unwrap();
        Arc::new(TokenizedCorpus::build(&pipeline, &TEXTS))
    }

    /// `the`, `card`, `fee`, `not` and `theft` are frequent, `loan`, `refund` and `gone` are further down.
    fn corpus_vectors(min_rows: usize) -> CorpusVectors {
        let mut rng = Rng::new(1, 1);
        let mut number = || rng.below(2_001) as f32 / 1_000.0 - 1.0;
        let words = ["the", "card", "fee", "not", "theft", "loan", "refund", "gone"];
        let lines: Vec<String> = words
            .iter()
            .map(|word| format!("{word} {} {} {}", number(), number(), number()))
            .collect();
        let vectors = vectors(&lines.join("\n"), 5, &["loan", "refund", "gone"]).unwrap();
        CorpusVectors::new(Arc::new(vectors), corpus(), min_rows)
    }

    /// The scores of the folded table are those of the block's columns, but for the 16 bits.
    #[test]
    fn a_table_of_words_scores_as_the_block_does() {
        let (vectors, rows) = (corpus_vectors(1), [0, 1, 2, 3, 4]);
        let fitted = vectors.fit(&rows);
        let (classes, scale) = (3, 1.5);
        let mut rng = Rng::new(2, 2);
        let weights: Vec<f32> = (0..3 * classes)
            .map(|_| rng.below(4_001) as f32 / 1_000.0 - 2.0)
            .collect();
        let table = fitted.word_scores(&weights, classes, scale).unwrap();
        assert_eq!(table.len(), 8);
        let found = table.words_of(&corpus(), &rows);
        let block = fitted.block(&rows);
        for row in 0..rows.len() {
            let mut folded = vec![0.0; classes];
            table.add(found.of(row), &mut folded);
            for (class, folded) in folded.into_iter().enumerate() {
                let columns = block[row * 3..][..3].iter().enumerate();
                let dense: f32 = columns
                    .map(|(column, value)| scale * value * weights[column * classes + class])
                    .sum();
                assert!(
                    (dense - folded).abs() < 1e-3,
                    "row {row} class {class}: {dense} {folded}"
                );
            }
        }
        assert!(
            found.of(3).is_empty() && block[9..12] == [0.0; 3],
            "no word of this row has a vector"
        );
        assert_eq!(
            found.of(0).iter().filter(|&&word| table.word(word) == "card").count(),
            2
        );
        assert!(table.find("theft").is_some(), "a frequent word that no row has");
    }

    #[test]
    fn the_block_is_centred_and_has_length_one() {
        let fitted = corpus_vectors(1);
        let fitted = fitted.fit(&[0, 1, 2, 4]);
        let block = fitted.block(&[0, 1, 2, 4]);
        for column in 0..3 {
            let sum: f32 = block.iter().skip(column).step_by(3).sum();
            assert!(sum.abs() < 1e-5, "{sum}");
        }
        let squares: f32 = block.iter().map(|value| value * value).sum();
        assert!((squares / 4.0 - 1.0).abs() < 1e-5, "{squares}");
    }

    /// Of words that are not frequent in the file, those are used that enough of the rows to learn from have.
    #[test]
    fn words_of_few_rows_are_left_out() {
        let vectors = corpus_vectors(2);
        let words = |rows: &[u32]| -> Vec<bool> {
            let table = vectors.fit(rows).word_scores(&[0.0; 6], 2, 1.0).unwrap();
            ["loan", "refund", "gone", "theft"]
                .map(|word| table.find(word).is_some())
                .into()
        };
        assert_eq!(words(&[0, 1, 2, 3, 4]), [true, true, false, true]);
        assert_eq!(words(&[0, 1, 2, 3]), [false, false, false, true]);
    }

    #[test]
    fn columns_come_after_the_terms() {
        let vectors = corpus_vectors(1);
        let fitted = vectors.fit(&[0, 1]);
        let mut rows = CsrMatrix::from_rows(4, [vec![(1, 2.0)], vec![], vec![(3, 1.0)]]);
        fitted.append_to(&mut rows, &[0, 3, 1], 2.0);
        assert_eq!((rows.rows, rows.cols), (3, 7));
        assert_eq!(rows.row(0).0, [1, 4, 5, 6]);
        assert_eq!(rows.row(1).0, [0; 0]);
        let block = fitted.block(&[1]);
        let expected: Vec<f32> = [1.0].into_iter().chain(block.iter().map(|value| value * 2.0)).collect();
        assert_eq!(rows.row(2), (&[3, 4, 5, 6][..], &expected[..]));
    }
}
