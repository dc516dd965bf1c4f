//! The terms of a model, by column.

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TermKind {
    /// A run of tokens, joined with single spaces.
    Words,
    /// A run of characters within a word, after padding the word with one space on either side.
    Characters,
}

/// The terms of a model in column order: word n-grams first, then character n-grams, each in ascending byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    bytes: String,
    /// Where each term begins, and the end of the last.
    offsets: Vec<u32>,
    word_terms: usize,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            offsets: vec![0],
            word_terms: 0,
        }
    }
}

impl Vocabulary {
    /// Number of terms.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether the vocabulary is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of word n-grams; the columns from here on are character n-grams.
    pub fn word_terms(&self) -> usize {
        self.word_terms
    }

    /// The text of a term.
    ///
    /// # Panics
    /// If `term` is not below [`Vocabulary::len`].
    pub fn term(&self, term: u32) -> &str {
        let term = term as usize;
        &self.bytes[self.offsets[term] as usize..self.offsets[term + 1] as usize]
    }

    /// What the column counts.
    pub fn kind(&self, term: u32) -> TermKind {
        if (term as usize) < self.word_terms {
            TermKind::Words
        } else {
            TermKind::Characters
        }
    }

    /// All terms, in column order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|term| self.term(term))
    }

    /// Adds a term. Word n-grams come before character n-grams, each kind in ascending order.
    ///
    /// # Panics
    /// If all terms together take more than 4 GiB.
    pub(crate) fn push<'p>(&mut self, kind: TermKind, pieces: impl IntoIterator<Item = &'p str>) {
        for (i, piece) in pieces.into_iter().enumerate() {
            if i > 0 {
                self.bytes.push(' ');
            }
            self.bytes.push_str(piece);
        }
        let end = u32::try_from(self.bytes.len()).expect("a vocabulary of more than 4 GiB does not fit in 32 bits");
        self.offsets.push(end);
        if kind == TermKind::Words {
            self.word_terms = self.len();
        }
    }

    /// Makes a vocabulary from stored parts. Returns `None` if they are invalid: offsets that don't ascend from 0 to
    /// the end, offsets within a character, or terms out of order.
    pub(crate) fn from_parts(bytes: String, offsets: Vec<u32>, word_terms: usize) -> Option<Self> {
        let spans = offsets.first() == Some(&0)
            && offsets.last().is_some_and(|&end| end as usize == bytes.len())
            && offsets.is_sorted()
            && offsets.iter().all(|&offset| bytes.is_char_boundary(offset as usize));
        if !spans || word_terms >= offsets.len() {
            return None;
        }
        let vocabulary = Self {
            bytes,
            offsets,
            word_terms,
        };
        let ascending = |range: std::ops::Range<usize>| {
            range
                .clone()
                .zip(range.skip(1))
                .all(|(a, b)| vocabulary.term(a as u32) < vocabulary.term(b as u32))
        };
        let sorted = ascending(0..word_terms) && ascending(word_terms..vocabulary.len());
        sorted.then_some(vocabulary)
    }

    /// All terms' bytes, and the offsets where they begin, with the end of the last.
    pub(crate) fn parts(&self) -> (&str, &[u32]) {
        (&self.bytes, &self.offsets)
    }
}
