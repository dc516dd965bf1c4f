//! Word vectors that a user brings.
//!
//! A file gives each of many words a vector, learned from far more text than a training has ([`WordVectors`]). The mean vector
//! of a text's words stands beside its terms as a dense block, so a model learns from a word that few rows have, or none, by
//! the words that are used like it. The mean is weighted by a/(a + p), p being the word's share of all words, so that frequent
//! words don't drown the others (Arora, Liang & Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings"). The
//! share comes from the word's place in the file, where frequent words come first: by Zipf's law it is about 0.1/place. The
//! training rows would tell it worse: in them the words that a subject has in common are frequent, and they carry meaning.
//! Unlike there, the mean is divided by the sum of the weights, not by the number of words, and no row gets a length of its own:
//! the scores of a text stay a weighted mean over its words, and the model needs no vectors ([`complaint_model::word_scores`]).
//!
//! The block is centred and has an average length of 1 on the training rows, times a scale that the folds choose.

mod block;
mod error;
mod read;

pub use block::{CorpusVectors, FittedVectors};
pub use error::VectorsError;

use complaint_model::Sha256Digest;

/// The vectors of the words that a training can use.
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    /// Digest of the file.
    pub sha256: Sha256Digest,
    /// Number of words in the file.
    pub file_words: u64,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// The words that were kept, in the order of the file: parts of [`complaint_model::text`].
    words: Vec<String>,
    /// How many of them are known even if no training row has them. They come first.
    frequent: usize,
    /// The weight of each.
    weights: Vec<f32>,
    /// `words × dimensions`.
    values: Vec<f32>,
}

impl WordVectors {
    /// The vector of a word.
    fn vector(&self, word: usize) -> &[f32] {
        &self.values[word * self.dimensions..][..self.dimensions]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use complaint_contract::Reach;
    use complaint_model::Preprocessing;
    use complaint_model::text::TextPipeline;

    use super::*;
    use crate::dataset::{Location, Purpose, Source};

    /// Reads a file with this content.
    pub(super) fn vectors(content: &str, max_words: usize, wanted: &[&str]) -> Result<WordVectors, VectorsError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let location = Location::File(file.path().into());
        let source = Source::open(&location, None, Purpose::WordVectors, Reach::Anywhere, |_, _| ())?;
        let pipeline = TextPipeline::new(&Preprocessing::default()).unwrap();
        WordVectors::read(&source, &pipeline, max_words, &wanted.iter().copied().collect())
    }

    fn words(content: &str, max_words: usize, wanted: &[&str]) -> Vec<String> {
        vectors(content, max_words, wanted).unwrap().words
    }

    #[test]
    fn files_of_all_three_kinds() {
        let glove = "the 0.1 -0.2\n, 1 1\ncard 1e-2 3\n";
        let fasttext = "3 2\nthe 0.1 -0.2 \n, 1 1 \ncard 1e-2 3 \n";
        let word2vec = "3 2\r\nthe\t0.1\t-0.2\r\n</s> 1 1\r\ncard 1e-2 3";
        for content in [glove, fasttext, word2vec] {
            let read = vectors(content, 10, &[]).unwrap();
            assert_eq!(
                (read.dimensions, read.file_words, read.frequent),
                (2, 3, 2),
                "{content}"
            );
            assert_eq!(read.words, ["the", "card"]);
            assert_eq!(read.values, [0.1, -0.2, 0.01, 3.0]);
            // By their places in the file, 1 and 3.
            assert!((read.weights[0] - 1.0 / 101.0).abs() < 1e-6 && (read.weights[1] - 3.0 / 103.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_frequent_words_and_those_that_are_wanted() {
        let content = "The 1 1\nthe 2 2\ncan't 1 1\n2020 1 1\nxxxx 1 1\nnew-york 1 1\n. . . 1 1\nfee 3 3\nna\u{ef}ve 4 4\nloan 5 5\nrare 6 6\nloan 7 7\n";
        let read = vectors(content, 2, &["loan", "na\u{ef}ve"]).unwrap();
        assert_eq!(read.words, ["the", "fee", "na\u{ef}ve", "loan"]);
        assert_eq!(read.frequent, 2);
        assert_eq!(
            read.values,
            [1.0, 1.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0],
            "the first of the same counts"
        );
        assert_eq!(read.file_words, 12);
        assert_eq!(words(content, 0, &["fee"]), ["fee"]);
        assert_eq!(words(content, 100, &[]).len(), 5);
    }

    #[test]
    fn lines_that_are_no_vectors() {
        let many = format!("word{}", " 1".repeat(1025));
        let long = format!("word{}", " 0.125".repeat(20_000));
        for (content, line, part) in [
            (
                "the 1 1\nfee 1\n",
                2,
                "has 1 numbers after its word, and the first line has 2",
            ),
            ("the 1 1\nfee 1 NaN\n", 2, "no number"),
            ("the 1 1\nfee inf 1\n", 2, "no number"),
            ("the 1 1\nfee 1 one\n", 2, "no number"),
            ("the 1\n", 1, "has 1 numbers"),
            ("the\n", 1, "has 0 numbers"),
            ("2 3\n\nthe 1\n", 3, "has 1 numbers"),
            (many.as_str(), 1, "has 1025 numbers"),
            (long.as_str(), 1, "has more than 64 KiB"),
        ] {
            let told = vectors(content, 10, &[]).unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("line {line} of ")) && told.contains(part),
                "{told}"
            );
        }
        for empty in ["", "10 2\n", ", 1 1\n. 2 2\n"] {
            let told = vectors(empty, 10, &[]).unwrap_err().to_string();
            assert!(told.contains("no word that a text could have"), "{told}");
        }
        let words = vectors("the 1 1\nfee 1 x\n", 1, &[]).unwrap().words;
        assert_eq!(words, ["the"], "numbers that are not needed are not read");
    }
}
