//! Many texts, tokenised once.

use rayon::prelude::*;

use crate::intern::{NONE, StringTable};
use crate::text::{TextPipeline, WordCache, word_key};

/// Texts scanned together. The number is fixed, so word numbers don't depend on the number of threads.
const TEXTS_AT_ONCE: usize = 512;
/// Parts of so many texts whose words are numbered anew before further ones are scanned: enough for many threads, and few enough that the
/// words of all texts are not in memory twice.
const PARTS_AT_ONCE: usize = 64;
/// Distinct words normalised together.
const WORDS_AT_ONCE: usize = 2048;

/// Texts after the text pipeline. Every distinct word is stored and normalised once; documents are runs of word
/// numbers.
///
/// The trainer builds it once, and every fold and trial reads from it. Row numbers are the indices of the texts that it
/// was built from.
///
/// ```
/// use complaint_model::Preprocessing;
/// use complaint_model::corpus::TokenizedCorpus;
/// use complaint_model::text::TextPipeline;
///
/// let pipeline = TextPipeline::new(&Preprocessing::default())?;
/// let corpus = TokenizedCorpus::build(&pipeline, &["Two late fees!", "The FEES are late"]);
/// let tokens: Vec<&str> = corpus.tokens(1).map(|id| corpus.token(id)).collect();
/// assert_eq!(tokens, ["fee", "late"]);
/// # Ok::<(), complaint_model::pipeline::InvalidSetting>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TokenizedCorpus {
    words: WordCache,
    /// Word numbers of all documents, concatenated.
    stream: Vec<u32>,
    /// Where each document begins in the stream, and the stream's end.
    offsets: Vec<usize>,
}

/// Some texts with their own word numbers.
#[derive(Default)]
struct Scanned {
    surfaces: StringTable,
    stream: Vec<u32>,
    lengths: Vec<usize>,
}

impl TokenizedCorpus {
    /// Tokenises `texts` on all threads of the current rayon pool. The result does not depend on the number of threads.
    pub fn build<T: AsRef<str> + Sync>(pipeline: &TextPipeline, texts: &[T]) -> Self {
        let (mut stream, mut offsets) = (Vec::new(), vec![0]);
        let mut surfaces = StringTable::default();
        for texts in texts.chunks(TEXTS_AT_ONCE * PARTS_AT_ONCE) {
            let scanned: Vec<Scanned> = texts
                .par_chunks(TEXTS_AT_ONCE)
                .map(|texts| scan(pipeline, texts))
                .collect();
            for part in scanned {
                let renumbered: Vec<u32> = part.surfaces.iter().map(|key| surfaces.intern(key)).collect();
                let mut end = stream.len();
                stream.extend(part.stream.iter().map(|&word| renumbered[word as usize]));
                for length in part.lengths {
                    end += length;
                    offsets.push(end);
                }
            }
        }
        stream.shrink_to_fit();

        let keys: Vec<&str> = surfaces.iter().collect();
        let normalized: Vec<_> = keys
            .par_chunks(WORDS_AT_ONCE)
            .map(|keys| WordCache::normalize(pipeline, keys.iter().copied()))
            .collect();
        let mut words = WordCache::default();
        normalized.iter().for_each(|part| words.extend(part));
        words.sort_tokens();

        Self { words, stream, offsets }
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether the corpus is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token ids of a document, in text order. Ids ascend with the byte order of the tokens.
    ///
    /// # Panics
    /// If `document` is not below [`TokenizedCorpus::len`].
    pub fn tokens(&self, document: usize) -> impl Iterator<Item = u32> + '_ {
        let entries = self
            .document_words(document)
            .iter()
            .flat_map(|&word| self.words.entries(word));
        entries.map(|&(_, token)| token).filter(|&token| token != NONE)
    }

    /// The text of a token id.
    pub fn token(&self, id: u32) -> &str {
        self.words.tokens().get(id)
    }

    /// Number of distinct tokens.
    pub fn distinct_tokens(&self) -> usize {
        self.words.tokens().len()
    }

    /// The distinct parts of words: folded, before stop words are removed and words reduced. Some have no text: the
    /// characters of a run.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.words.parts().iter()
    }

    /// The parts of a document in text order, as indices into [`TokenizedCorpus::parts`].
    ///
    /// # Panics
    /// If `document` is not below [`TokenizedCorpus::len`].
    pub fn document_parts(&self, document: usize) -> impl Iterator<Item = u32> + '_ {
        let words = self.document_words(document).iter();
        words.flat_map(|&word| self.words.entries(word)).map(|&(part, _)| part)
    }

    /// The word numbers of a document.
    pub(crate) fn document_words(&self, document: usize) -> &[u32] {
        &self.stream[self.offsets[document]..self.offsets[document + 1]]
    }

    pub(crate) fn words(&self) -> &WordCache {
        &self.words
    }
}

fn scan<T: AsRef<str>>(pipeline: &TextPipeline, texts: &[T]) -> Scanned {
    let mut scanned = Scanned::default();
    let mut buffer = String::new();
    for text in texts {
        let text = text.as_ref();
        let before = scanned.stream.len();
        pipeline.raw_words(text, |word| {
            scanned
                .stream
                .push(scanned.surfaces.intern(word_key(text, &word, &mut buffer)));
        });
        scanned.lengths.push(scanned.stream.len() - before);
    }
    scanned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Preprocessing;

    #[test]
    fn same_tokens_as_the_pipeline_on_any_number_of_threads() {
        let pipeline = TextPipeline::new(&Preprocessing {
            remove_stop_words: false,
            ..Preprocessing::default()
        })
        .unwrap();
        let texts: Vec<String> = (0..1500)
            .map(|i| {
                format!(
                    "I can\u{2019}t pay FEE{} na\u{ef}ve {}",
                    "e".repeat(i % 7),
                    "bank ".repeat(i % 3)
                )
            })
            .collect();
        let build = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| TokenizedCorpus::build(&pipeline, &texts))
        };
        let corpus = build(1);
        let other = build(4);
        assert_eq!((&corpus.stream, &corpus.offsets), (&other.stream, &other.offsets));
        assert_eq!(corpus.len(), texts.len());
        for (document, text) in texts.iter().enumerate() {
            let tokens: Vec<&str> = corpus.tokens(document).map(|id| corpus.token(id)).collect();
            assert_eq!(tokens, pipeline.tokenize(text));
            let again: Vec<&str> = other.tokens(document).map(|id| other.token(id)).collect();
            assert_eq!(tokens, again);
        }
    }
}
