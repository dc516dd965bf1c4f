//! Raw text → words → normalised tokens.

use std::ops::Range;

use crate::pipeline::{InvalidSetting, Preprocessing};

/// Version of the steps in this module. It changes whenever the same text could give other tokens than before; an
/// artifact made with a version that this build does not know is refused.

pub const PIPELINE_VERSION: u32 = 1;

/// Compiles a [`Preprocessing::redaction_pattern`].
///
/// # Errors
/// The reason as text.
pub(crate) fn check_redaction_pattern(pattern: &str) -> Result<(), String> {
    redaction(pattern).map(|_| ())
}

fn redaction(pattern: &str) -> Result<Option<regex::Regex>, String> {
    if pattern.is_empty() {
        return Ok(None);
    }
    regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map(Some)
        .map_err(|e| e.to_string())
}

/// Buffers reused from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    folded: String,
}

/// The steps from text to tokens, ready to run. Cheap to share between threads.
#[derive(Debug, Clone)]
pub struct TextPipeline {
    preprocessing: Preprocessing,
}

impl TextPipeline {
    /// A pipeline with these settings.
    ///
    /// # Errors
    /// A setting outside its range ([`Preprocessing::validate`]).
    pub fn new(preprocessing: &Preprocessing) -> Result<Self, InvalidSetting> {
        preprocessing.validate()?;
        Ok(Self {
            preprocessing: preprocessing.clone(),
        })
    }

    /// The settings.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Calls `each` with every token of `text` in order, and the byte range of the word in `text` that it stands for. A
    /// word can give several tokens (`won't` → `will`, `not`) or none (a stop word).
    pub fn tokens(&self, text: &str, scratch: &mut Scratch, mut each: impl FnMut(&str, Range<usize>)) {
        let mut at = 0;
        for word in text.split_inclusive(|c: char| !c.is_ascii_alphabetic()) {
            let letters = word.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
            if letters.len() >= self.preprocessing.min_token_length {
                scratch.folded.clear();
                scratch.folded.extend(letters.chars().map(|c| c.to_ascii_lowercase()));
                each(&scratch.folded, at..at + letters.len());
            }
            at += word.len();
        }
    }

    /// All tokens of `text`.
    pub fn tokenize(&self, text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        self.tokens(text, &mut Scratch::default(), |token, _| tokens.push(token.to_owned()));
        tokens
    }
}
