//! Reads a file of word vectors: `word v1 … vn` on each line, as GloVe, fastText (`.vec`) and word2vec write them as text.
//!
//! Such files list their words by frequency, the most frequent first, and may have a first line with the number of words and
//! the length of a vector. Only words are kept that a text could have: those that the text pipeline leaves as one part. Of
//! several words with the same part, such as `Card` and `card`, the first counts.

use std::io::{BufRead, BufReader, Read};

use complaint_model::text::{Scratch, TextPipeline};
use rustc_hash::FxHashSet;

use super::{VectorsError, WordVectors};
use crate::dataset::{DatasetError, Source};

/// The numbers of a vector.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 2..=1024;
/// The longest line, in bytes: 1,024 numbers take less than a third of it.
const LONGEST_LINE: u64 = 64 << 10;
/// The most lines: several times as many as the largest published files have.
const MOST_LINES: u64 = 20_000_000;
/// A word at this place of the file weighs half as much as the rarest: Zipf's 0.1 over the usual constant a of 0.001.
const HALF_WEIGHT: f64 = 100.0;
/// The largest number in a vector.
const LARGEST: f32 = 1e6;

impl WordVectors {
    /// Reads the first `max_words` words that a text could have, and of the others those in `wanted`. Words and `wanted` are parts
    /// of `pipeline`.
    ///
    /// # Errors
    /// [`VectorsError`].
    pub fn read(
        source: &Source,
        pipeline: &TextPipeline,
        max_words: usize,
        wanted: &FxHashSet<&str>,
    ) -> Result<Self, VectorsError> {
        let mut reading = Reading {
            name: source.name(),
            pipeline,
            max_words,
            wanted,
            scratch: Scratch::default(),
            kept: FxHashSet::default(),
            found: Self {
                sha256: source.sha256(),
                file_words: 0,
                dimensions: 0,
                words: Vec::new(),
                frequent: 0,
                weights: Vec::new(),
                values: Vec::new(),
            },
        };
        // The reader passes only errors of the file itself; those of a line are its value.
        let ended = source.read(|unpacked| Ok(reading.lines(BufReader::with_capacity(1 << 16, unpacked.reader))))?;
        ended?;
        match reading.found.words.is_empty() {
            true => Err(VectorsError::NoWords {
                name: source.name().to_owned(),
            }),
            false => Ok(reading.found),
        }
    }
}

/// A file while it is read.
struct Reading<'r> {
    name: &'r str,
    pipeline: &'r TextPipeline,
    max_words: usize,
    wanted: &'r FxHashSet<&'r str>,
    scratch: Scratch,
    /// The words that were kept.
    kept: FxHashSet<String>,
    found: WordVectors,
}

impl Reading<'_> {
    fn lines(&mut self, mut reader: impl BufRead) -> Result<(), VectorsError> {
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            number += 1;
            let mut bounded = (&mut reader).take(LONGEST_LINE);
            let read = bounded
                .read_until(b'\n', &mut line)
                .map_err(|error| DatasetError::of_line(self.name, number, &error))?;
            if read == 0 {
                return Ok(());
            }
            if read as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
                return Err(self.malformed(number, format!("has more than {} KiB", LONGEST_LINE >> 10)));
            }
            if number > MOST_LINES {
                return Err(self.malformed(number, format!("is one of more than {MOST_LINES}")));
            }
            let text = std::str::from_utf8(&line).map_err(|_| self.malformed(number, "is not UTF-8".into()))?;
            self.line(number, text.trim_end_matches(is_space))?;
        }
    }

    fn line(&mut self, number: u64, line: &str) -> Result<(), VectorsError> {
        if line.is_empty() {
            return Ok(());
        }
        let fields = line.split(is_space).filter(|field| !field.is_empty()).count();
        if number == 1 && fields == 2 && is_header(line) {
            return Ok(());
        }
        if self.found.dimensions == 0 {
            self.found.dimensions = fields - 1;
            if !DIMENSIONS.contains(&self.found.dimensions) {
                let (least, most) = (DIMENSIONS.start(), DIMENSIONS.end());
                let problem = format!(
                    "has {} numbers after its word; {least} to {most} are possible",
                    fields - 1
                );
                return Err(self.malformed(number, problem));
            }
        }
        let dimensions = self.found.dimensions;
        let (word, numbers) = line.split_once(is_space).unwrap_or((line, ""));
        self.found.file_words += 1;
        // A file may have a word of spaces, which is no word of a text; its line has all numbers or more.
        if fields > dimensions + 1 || (fields == dimensions && word.is_empty()) {
            return Ok(());
        }
        if fields < dimensions + 1 {
            let problem = format!(
                "has {} numbers after its word, and the first line has {dimensions}",
                fields - 1
            );
            return Err(self.malformed(number, problem));
        }
        let Some(part) = self.pipeline.only_part(word, &mut self.scratch) else {
            return Ok(());
        };
        let is_frequent = self.found.frequent < self.max_words;
        if !(is_frequent || self.wanted.contains(part)) || self.kept.contains(part) {
            return Ok(());
        }
        let part = part.to_owned();
        for field in numbers.split(is_space).filter(|field| !field.is_empty()) {
            let value = field.parse::<f32>().ok().filter(|value| value.abs() <= LARGEST);
            let value = value.ok_or_else(|| {
                self.malformed(
                    number,
                    format!("has a field after its word that is no number from -{LARGEST:e} to {LARGEST:e}"),
                )
            })?;
            self.found.values.push(value);
        }
        self.found.frequent += usize::from(is_frequent);
        let place = self.found.file_words as f64;
        self.found.weights.push((place / (place + HALF_WEIGHT)) as f32);
        self.found.words.push(part.clone());
        self.kept.insert(part);
        Ok(())
    }

    fn malformed(&self, line: u64, problem: String) -> VectorsError {
        VectorsError::Malformed {
            name: self.name.to_owned(),
            line,
            problem,
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Whether a line of two fields says how many words and numbers follow.
fn is_header(line: &str) -> bool {
    let mut fields = line.split(is_space).filter(|field| !field.is_empty());
    fields.all(|field| field.parse::<u64>().is_ok())
}
