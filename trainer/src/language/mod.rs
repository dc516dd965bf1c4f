//! The languages of a data set's texts.
//!
//! A sample of the rows is looked at. `whatlang` (character trigrams and alphabets) names a language, and the language's
//! common words confirm it: product codes or a list of nouns resemble some language too, but have none of its common
//! words. What is not confirmed counts as unknown, and an unknown language is treated as English, as everything was before
//! there were others.
//!
//! The server never detects a language: the trainer writes the one that it decided on into the artifact.

mod common_words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use complaint_contract::{DatasetWarning, Language, round4};
use complaint_model::text::is_unspaced;
use complaint_report::LanguageShare;
use rayon::prelude::*;
use whatlang::Lang;

use common_words::hashes;
pub use common_words::{CommonWords, word_hash};

/// Rows that are looked at, evenly spread over all.
const ROWS: usize = 1_000;
/// Characters of a row that are looked at.
const EXCERPT: usize = 500;
/// Rows are joined to this many characters before the main language is detected: a short text alone says little.
const CHUNK: usize = 400;
/// With a larger share of a language's common words, a text is in that language rather than in one without stop words here.
/// Less is chance: `i`, `to` and `do` are Polish too.
const SOME: f64 = 0.15;
/// A second language with this share of the rows is warned of.
const SECOND: f64 = 0.1;
/// A second language with fewer rows is not warned of.
const FEW_ROWS: usize = 10;

/// A language that `whatlang` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// One that the text pipeline supports.
    Supported(Language),
    /// Any other.
    Other(Lang),
}

impl Tongue {
    fn of(lang: Lang) -> Self {
        let language = match lang {
            Lang::Ara => Language::Ar,
            Lang::Dan => Language::Da,
            Lang::Deu => Language::De,
            Lang::Ell => Language::El,
            Lang::Eng => Language::En,
            Lang::Spa => Language::Es,
            Lang::Fin => Language::Fi,
            Lang::Fra => Language::Fr,
            Lang::Hun => Language::Hu,
            Lang::Ita => Language::It,
            Lang::Nob => Language::Nb,
            Lang::Nld => Language::Nl,
            Lang::Por => Language::Pt,
            Lang::Ron => Language::Ro,
            Lang::Rus => Language::Ru,
            Lang::Swe => Language::Sv,
            Lang::Tam => Language::Ta,
            Lang::Tur => Language::Tr,
            other => return Self::Other(other),
        };
        Self::Supported(language)
    }

    /// ISO 639-1 for a supported language, ISO 639-3 for another.
    fn code(self) -> &'static str {
        match self {
            Self::Supported(language) => language.code(),
            Self::Other(lang) => lang.code(),
        }
    }

    /// The name in English.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported(language) => language.name(),
            Self::Other(lang) => lang.eng_name(),
        }
    }

    /// Whether these words could be of the language, judged by its common words.
    fn is_confirmed_by(self, words: &[u64]) -> bool {
        let english = CommonWords::of(Language::En).share(words);
        match self {
            Self::Supported(Language::En) => english > 0.0,
            Self::Supported(language) => {
                let common = CommonWords::of(language);
                let own = common.share(words);
                own >= common.least_share() && own > english
            }
            Self::Other(_) => english < SOME,
        }
    }
}

/// The languages of a sample of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Languages {
    rows: usize,
    /// The language of most of the letters, and its share of them.
    main: Option<(Tongue, f64)>,
    unspaced: bool,
    shares: Vec<LanguageShare>,
}

impl Languages {
    /// Looks at a sample of `count` texts; `text` gives each by its index.
    pub fn of<'t>(count: usize, text: impl Fn(usize) -> &'t str) -> Self {
        let rows = count.min(ROWS);
        let excerpts: Vec<&str> = (0..rows).map(|place| excerpt(text(place * count / rows))).collect();
        let main = main(&excerpts);
        let tongues: Vec<Option<Tongue>> = excerpts
            .par_iter()
            .map(|text| of_row(text, main.map(|(tongue, _)| tongue)))
            .collect();
        Self {
            rows,
            main,
            unspaced: is_mostly_unspaced(&excerpts),
            shares: shares(&tongues),
        }
    }

    /// Number of texts that were looked at.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The language of most of the letters and its share of them, if it is clear.
    pub fn main(&self) -> Option<(Tongue, f64)> {
        self.main
    }

    /// The main language if the text pipeline supports it, or else English.
    pub fn language(&self) -> Language {
        match self.main {
            Some((Tongue::Supported(language), _)) => language,
            _ => Language::En,
        }
    }

    /// Whether most letters are of scripts without spaces between words.
    pub fn is_unspaced(&self) -> bool {
        self.unspaced
    }

    /// The share of each language among the rows, largest first. A row whose language is not clear has the code `und`.
    pub fn shares(&self) -> &[LanguageShare] {
        &self.shares
    }

    /// The warning about a second language with many rows.
    pub fn several(&self) -> Option<DatasetWarning> {
        let (main, _) = self.main?;
        let others = self.shares.iter().filter(|share| share.language != main.code());
        let second = others.into_iter().find(|share| share.language != UNKNOWN.0)?;
        let first = self.shares.iter().find(|share| share.language == main.code())?;
        (second.share >= SECOND && second.rows >= FEW_ROWS).then(|| {
            DatasetWarning::new(
                "SeveralLanguages",
                format!(
                    "{:.0} % of {} rows are in {} and {:.0} % in {}: one model has the stop words and stems of one language. Train \
                     a classifier for each language, or leave the rows together if labels differ little between them",
                    100.0 * first.share,
                    self.rows,
                    first.name,
                    100.0 * second.share,
                    second.name
                ),
            )
        })
    }
}

/// Code and name of a language that is not known.
const UNKNOWN: (&str, &str) = ("und", "not clear");

fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT).map_or(text, |(end, _)| &text[..end])
}

/// Detects the language of most letters.
fn main(excerpts: &[&str]) -> Option<(Tongue, f64)> {
    let mut chunks: Vec<String> = Vec::new();
    let mut chunk = String::new();
    for text in excerpts {
        chunk.push_str(text);
        chunk.push('\n');
        if chunk.len() >= CHUNK {
            chunks.push(std::mem::take(&mut chunk));
        }
    }
    chunks.push(chunk);
    let detected: Vec<(Option<Tongue>, usize, Vec<u64>)> = chunks
        .into_par_iter()
        .map(|chunk| {
            let letters = chunk.chars().filter(|c| c.is_alphabetic()).count();
            let tongue = whatlang::detect_lang(&chunk).map(Tongue::of);
            (tongue, letters, hashes(&chunk))
        })
        .collect();
    // By code, so that the order of equals is fixed.
    let mut letters_of: BTreeMap<&str, (usize, Tongue)> = BTreeMap::new();
    for (tongue, letters, _) in &detected {
        if let Some(tongue) = tongue {
            letters_of.entry(tongue.code()).or_insert((0, *tongue)).0 += letters;
        }
    }
    let all: usize = detected.iter().map(|(_, letters, _)| letters).sum();
    let &(letters, tongue) = letters_of.values().max_by_key(|(letters, _)| *letters)?;
    let words: Vec<u64> = detected
        .into_iter()
        .filter(|(of, ..)| *of == Some(tongue))
        .flat_map(|(.., words)| words)
        .collect();
    (2 * letters > all && tongue.is_confirmed_by(&words)).then(|| (tongue, letters as f64 / all as f64))
}

/// The language of one row. It is the main one unless another is certain.
fn of_row(text: &str, main: Option<Tongue>) -> Option<Tongue> {
    let words = hashes(text);
    match main {
        Some(Tongue::Supported(language)) if is_surely(language, &words) => main,
        _ => detected(text, &words, main),
    }
}

fn detected(text: &str, words: &[u64], main: Option<Tongue>) -> Option<Tongue> {
    if let Some(found) = whatlang::detect(text) {
        let tongue = Tongue::of(found.lang());
        if Some(tongue) == main {
            return main;
        }
        let of_main = match main {
            Some(Tongue::Supported(main)) => CommonWords::of(main).share(words),
            _ => 0.0,
        };
        let is_certain = match tongue {
            Tongue::Supported(other) => CommonWords::of(other).share(words) > of_main,
            Tongue::Other(_) => of_main < SOME,
        };
        if found.is_reliable() && is_certain && tongue.is_confirmed_by(words) {
            return Some(tongue);
        }
    }
    match main {
        Some(Tongue::Supported(language)) if CommonWords::of(language).share(words) > 0.0 => main,
        _ => None,
    }
}

/// Whether the words speak for the main language so clearly that detection could not overrule them. Detection takes nearly all of
/// the time.
fn is_surely(main: Language, words: &[u64]) -> bool {
    let of_main = CommonWords::of(main).share(words);
    let mut others = Language::ALL.iter().filter(|&&other| other != main);
    of_main >= SOME && others.all(|&other| CommonWords::of(other).share(words) <= of_main)
}

fn is_mostly_unspaced(excerpts: &[&str]) -> bool {
    let letters = excerpts
        .iter()
        .flat_map(|text| text.chars())
        .filter(|c| c.is_alphabetic());
    let (all, unspaced) = letters.fold((0_usize, 0_usize), |(all, unspaced), c| {
        (all + 1, unspaced + usize::from(is_unspaced(c)))
    });
    2 * unspaced > all
}

fn shares(tongues: &[Option<Tongue>]) -> Vec<LanguageShare> {
    let mut rows_of: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for tongue in tongues {
        let named = tongue.map_or(UNKNOWN, |tongue| (tongue.code(), tongue.name()));
        *rows_of.entry(named).or_default() += 1;
    }
    let mut shares: Vec<LanguageShare> = rows_of
        .into_iter()
        .map(|((code, name), rows)| LanguageShare {
            language: code.to_owned(),
            name: name.to_owned(),
            rows,
            share: round4(rows as f64 / tongues.len() as f64),
        })
        .collect();
    shares.sort_by_key(|share| Reverse(share.rows));
    shares
}

#[cfg(test)]
mod tests;
