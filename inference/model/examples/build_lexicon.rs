//! Makes `data/wordnet-3.0-nouns.txt.deflate` from WordNet's files `index.noun` and `noun.exc`:
//!
//! ```text
//! cargo run -p complaint-model --example build_lexicon -- /usr/share/wordnet inference/model/data
//! ```
//!
//! (Debian: packages `wordnet-base` and `wordnet-sense-index`.) Only lemmas of ASCII letters are kept, because the text
//! pipeline produces no other tokens that WordNet knows. Irregular forms are written with the lemma that NLTK's
//! `WordNetLemmatizer` takes: the shortest noun among the form itself and its exceptions, or the form.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, write::DeflateEncoder};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(dict), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: build_lexicon WORDNET-DIRECTORY OUTPUT-DIRECTORY".into());
    };
    let index = std::fs::read_to_string(dict.join("index.noun"))?;
    // Lines of the licence begin with spaces.
    let lemmas: BTreeSet<&str> = index
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next())
        .collect();
    let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase());

    let mut text = String::new();
    for lemma in lemmas.iter().filter(|lemma| is_word(lemma)) {
        text.push_str(lemma);
        text.push('\n');
    }
    text.push('\n');
    // The file can list a form twice; NLTK takes the last entry.
    let mut irregular = BTreeMap::new();
    for line in std::fs::read_to_string(dict.join("noun.exc"))?.lines() {
        let mut words = line.split_whitespace();
        let Some(form) = words.next().filter(|form| is_word(form)) else {
            continue;
        };
        let candidates = std::iter::once(form).chain(words).filter(|word| lemmas.contains(word));
        let lemma = candidates.min_by_key(|word| word.len()).unwrap_or(form);
        irregular.insert(form.to_owned(), lemma.to_owned());
    }
    for (form, lemma) in &irregular {
        text.push_str(&format!("{form} {lemma}\n"));
    }

    let path = out.join("wordnet-3.0-nouns.txt.deflate");
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    let compressed = encoder.finish()?;
    std::fs::write(&path, &compressed)?;
    println!(
        "{}: {} lemmas, {} bytes from {}",
        path.display(),
        lemmas.len(),
        compressed.len(),
        text.len()
    );
    Ok(())
}
