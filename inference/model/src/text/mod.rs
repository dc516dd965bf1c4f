//! Raw text → words → normalised tokens.
//!
//! ```
//! use complaint_model::Preprocessing;
//! use complaint_model::text::TextPipeline;
//!
//! let pipeline = TextPipeline::new(&Preprocessing::default())?;
//! let text = "I won't pay XXXX's late fees of $35.00!<br>See https://bank.example/terms";
//! assert_eq!(pipeline.tokenize(text), ["pay", "late", "fee"]);
//! # Ok::<(), complaint_model::pipeline::InvalidSetting>(())
//! ```
//!
//! The steps, in order; training and serving run this same code:
//!
//! 1. **Raw words** are found in the text. Tags, character references, URLs, e-mail addresses and digits separate
//!    words. With [`Preprocessing::keep_numbers`], a run of up to four ASCII digits is a word. A word of more than 1024
//!    bytes is cut.
//! 2. **Folding**: NFKC, case folding, and one character for all apostrophes. Then UAX #29 words, also cut at full
//!    stops, colons and underscores (`end.Next` is two words). The folded form has at most 64 bytes more than twice the
//!    word's bytes.
//! 3. **Contractions** are expanded (`won't` → `will not`) and possessive endings dropped. Without
//!    [`Preprocessing::expand_contractions`], words are cut at apostrophes instead.
//! 4. **Redactions** ([`Preprocessing::redaction_pattern`]) are removed. The rest is a *part*, the unit from which
//!    character n-grams are made.
//! 5. **Stop words** ([`stop_words()`] of [`Preprocessing::language`]) are removed.
//! 6. **Reduction** to the WordNet noun lemma (English) or the Snowball stem ([`Normalizer`]).
//! 7. **Length**: tokens shorter than [`Preprocessing::min_token_length`] characters are removed.
//!
//! In scripts without spaces UAX #29 finds single characters. With [`Preprocessing::character_runs`] a run of them is one
//! part, and each is a token of any length.
//!
//! Steps 2 to 7 depend only on the word, so their result can be stored with the word. [`WordCache`] does this for
//! training, and the artifact contains the same table for serving.
//!
//! [`Normalizer`]: complaint_contract::Normalizer

mod cache;
mod contractions;
mod fold;
mod lemma;
mod redaction;
mod scan;
mod stop_words;
mod unspaced;

use std::borrow::Cow;
use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

pub use cache::WordCache;
pub(crate) use cache::key as word_key;
pub(crate) use scan::RawWord;
pub use stop_words::stop_words;
pub use unspaced::is_unspaced;

use complaint_contract::{Language, Normalizer};

use crate::pipeline::{InvalidSetting, Preprocessing};
use cache::is_ascii_word;
use fold::Tailoring;
use redaction::Redaction;
use unspaced::{Piece, each_piece};

/// Version of the steps in this module. It changes whenever the same text could give other tokens than before. An
/// artifact with a version that this build does not know is rejected.
pub const PIPELINE_VERSION: u32 = 1;

/// Checks a [`Preprocessing::redaction_pattern`].
///
/// # Errors
/// The reason as text.
pub(crate) fn check_redaction_pattern(pattern: &str) -> Result<(), String> {
    Redaction::compile(pattern).map(|_| ())
}

/// Buffers reused from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    folded: String,
    reduced: String,
    only: String,
}

/// One part of a word after step 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// The folded letters. Empty for a character of a run, whose letters are a part of their own.
    pub(crate) text: &'a str,
    /// The token after the last step, if one is left.
    pub(crate) token: Option<&'a str>,
}

/// The steps from text to tokens, ready to run. Threads can share it.
pub struct TextPipeline {
    preprocessing: Preprocessing,
    redaction: Redaction,
    stemmer: Stemmer,
    tailoring: Tailoring,
    stop_words: &'static [Cow<'static, str>],
}

impl std::fmt::Debug for TextPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextPipeline")
            .field("preprocessing", &self.preprocessing)
            .finish_non_exhaustive()
    }
}

impl TextPipeline {
    /// Makes a pipeline with these settings.
    ///
    /// # Errors
    /// A setting outside its range ([`Preprocessing::validate`]).
    pub fn new(preprocessing: &Preprocessing) -> Result<Self, InvalidSetting> {
        preprocessing.validate()?;
        let redaction = Redaction::compile(&preprocessing.redaction_pattern).unwrap_or(Redaction::Nothing);
        Ok(Self {
            preprocessing: preprocessing.clone(),
            redaction,
            stemmer: Stemmer::create(algorithm(preprocessing.language)),
            tailoring: Tailoring::of(preprocessing.language),
            stop_words: stop_words(preprocessing.language),
        })
    }

    /// The settings.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Calls `each` with every token of `text` in order, and the byte range of its word in `text`. A word can give
    /// several tokens (`won't` → `will`, `not`, if stop words are kept) or none (a stop word).
    pub fn tokens(&self, text: &str, scratch: &mut Scratch, mut each: impl FnMut(&str, Range<usize>)) {
        self.raw_words(text, |word| {
            self.parts(&text[word.range.clone()], word.ascii, scratch, |part| {
                if let Some(token) = part.token {
                    each(token, word.range.clone());
                }
            });
        });
    }

    /// All tokens of `text`.
    pub fn tokenize(&self, text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        self.tokens(text, &mut Scratch::default(), |token, _| tokens.push(token.to_owned()));
        tokens
    }

    /// The one part that `word` gives, or `None` if it is no word of a text, or several, or gives no part or several. A text with
    /// this word alone has the part that is returned.
    pub fn only_part<'s>(&self, word: &str, scratch: &'s mut Scratch) -> Option<&'s str> {
        let mut raw = None;
        let mut words = 0;
        self.raw_words(word, |found| {
            words += 1;
            raw = Some(found);
        });
        let raw = raw.filter(|raw| words == 1 && raw.range == (0..word.len()))?;
        let mut parts = 0;
        let mut only = std::mem::take(&mut scratch.only);
        only.clear();
        self.parts(word, raw.ascii, scratch, |part| {
            parts += 1;
            only.push_str(part.text);
        });
        scratch.only = only;
        (parts == 1 && !scratch.only.is_empty()).then_some(scratch.only.as_str())
    }

    /// Step 1: calls `each` with every raw word of `text`, in order.
    #[inline]
    pub(crate) fn raw_words(&self, text: &str, mut each: impl FnMut(RawWord)) {
        let numbers = self.preprocessing.keep_numbers;
        let mut each = |word: RawWord| {
            each(RawWord {
                ascii: word.ascii && !self.tailoring.concerns_ascii(&text[word.range.clone()]),
                ..word
            });
        };
        if !self.redaction.is_in_text() {
            return scan::Words::new(text, numbers).for_each(each);
        }
        self.redaction.each_gap(text, |gap| {
            for word in scan::Words::new(&text[gap.clone()], numbers) {
                each(RawWord {
                    range: word.range.start + gap.start..word.range.end + gap.start,
                    ..word
                });
            }
        });
    }

    /// Whether a raw word folds by `byte | 0x20`, as [`RawWord::ascii`] says.
    pub(crate) fn folds_as_ascii(&self, word: &str) -> bool {
        is_ascii_word(word) && !self.tailoring.concerns_ascii(word)
    }

    /// Steps 2 to 7: calls `each` with every part of the raw word `word`.
    pub(crate) fn parts(&self, word: &str, ascii: bool, scratch: &mut Scratch, mut each: impl FnMut(Part<'_>)) {
        let Scratch { folded, reduced, .. } = scratch;
        if ascii {
            fold::fold_ascii(word, folded);
            self.expand(folded, reduced, &mut each);
            return;
        }
        fold::fold_unicode(word, self.tailoring, folded);
        if !self.preprocessing.character_runs {
            return fold::each_word(folded, |word| self.expand(word, reduced, &mut each));
        }
        each_piece(folded, |piece| match piece {
            Piece::Word(word) => fold::each_letter_run(word, |word| self.expand(word, reduced, &mut each)),
            Piece::Run(run) => {
                if let Some(text) = fold::without_stray_marks(run) {
                    each(Part { text, token: None });
                }
            }
            Piece::Character(word) => fold::each_letter_run(word, |word| {
                if let Some(token) = fold::without_stray_marks(word) {
                    let (text, token) = ("", Some(token));
                    each(Part { text, token });
                }
            }),
        });
    }

    fn expand(&self, word: &str, reduced: &mut String, each: &mut impl FnMut(Part<'_>)) {
        let mut pieces = |word: &str| {
            for piece in word.split('\'').filter(|piece| !piece.is_empty()) {
                self.redaction.each_rest(piece, |rest| {
                    if let Some(text) = fold::without_stray_marks(rest) {
                        let token = self.reduce(text, reduced).then_some(reduced.as_str());
                        each(Part { text, token });
                    }
                });
            }
        };
        if self.preprocessing.expand_contractions {
            contractions::expand(word, &mut pieces);
        } else {
            pieces(word);
        }
    }

    /// Steps 5 to 7: writes the token of `part` to `reduced`. Returns whether there is one.
    fn reduce(&self, part: &str, reduced: &mut String) -> bool {
        if self.preprocessing.remove_stop_words && stop_words::is_among(self.stop_words, part) {
            return false;
        }
        match self.preprocessing.normalizer {
            Normalizer::Lemma => lemma::lexicon().lemmatize(part, reduced),
            Normalizer::Stem => {
                reduced.clear();
                reduced.push_str(&self.stemmer.stem(part));
                if self.tailoring == Tailoring::Turkish && reduced.contains('ı') {
                    // `IBAN` is `ıban` by the rule, and `iban` to those who write it.
                    *reduced = reduced.replace('ı', "i");
                }
            }
            Normalizer::None => {
                reduced.clear();
                reduced.push_str(part);
            }
        }
        reduced.chars().take(self.preprocessing.min_token_length).count() >= self.preprocessing.min_token_length
            && !reduced.is_empty()
    }
}

fn algorithm(language: Language) -> Algorithm {
    match language {
        Language::Ar => Algorithm::Arabic,
        Language::Da => Algorithm::Danish,
        Language::De => Algorithm::German,
        Language::El => Algorithm::Greek,
        Language::En => Algorithm::English,
        Language::Es => Algorithm::Spanish,
        Language::Fi => Algorithm::Finnish,
        Language::Fr => Algorithm::French,
        Language::Hu => Algorithm::Hungarian,
        Language::It => Algorithm::Italian,
        Language::Nb => Algorithm::Norwegian,
        Language::Nl => Algorithm::Dutch,
        Language::Pt => Algorithm::Portuguese,
        Language::Ro => Algorithm::Romanian,
        Language::Ru => Algorithm::Russian,
        Language::Sv => Algorithm::Swedish,
        Language::Ta => Algorithm::Tamil,
        Language::Tr => Algorithm::Turkish,
    }
}

#[cfg(test)]
mod tests;
