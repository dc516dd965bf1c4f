//! Finds the word n-grams of a corpus that occur in enough documents.

use rayon::prelude::*;

use super::pairs::{PairTable, pair};
use crate::corpus::TokenizedCorpus;
use crate::intern::NONE;

/// Longest word n-gram that [`crate::pipeline::Features::validate`] allows.
pub(super) const LONGEST: usize = 5;

/// Words of documents, and so keys at most, whose keys are in memory at the same time, twice.
const KEYS_AT_ONCE: usize = 30_000_000;

/// A run of tokens, each plus one, padded with zeros. Runs compare in the same order as their joined texts, because no
/// token has a byte below the space that joins them.
type Run = [u32; LONGEST];

/// The n-grams of some lengths, numbered in ascending byte order of their texts.
pub(super) struct WordNgrams {
    pub(super) runs: Vec<Run>,
    frequent: Vec<bool>,
    nodes: PairTable,
    /// The term of each token, then of each longer n-gram. `NONE` for a length that was not requested.
    terms: Vec<u32>,
    longest: usize,
}

impl WordNgrams {
    /// Finds n-grams of `low..=high` tokens that occur in at least `minimum` of the documents `rows`.
    ///
    /// An n-gram can't occur in more documents than the n-gram without its last token. So the search goes length by
    /// length, and only frequent n-grams are extended.
    pub(super) fn find(corpus: &TokenizedCorpus, rows: &[u32], [low, high]: [usize; 2], minimum: usize) -> Self {
        let mut found = Self {
            runs: Vec::new(),
            frequent: Vec::new(),
            nodes: PairTable::default(),
            terms: Vec::new(),
            longest: 1,
        };
        let singles = frequent(corpus, rows, minimum, |tokens, keys| {
            keys.extend(tokens.iter().map(|&t| u64::from(t)))
        });
        found.frequent = vec![false; corpus.distinct_tokens()];
        singles.iter().for_each(|&token| found.frequent[token as usize] = true);

        // The run of every node; tokens are the first nodes.
        let mut runs: Vec<Run> = (0..corpus.distinct_tokens() as u32)
            .map(|token| [token + 1, 0, 0, 0, 0])
            .collect();
        let mut lengths_start = vec![0, runs.len()];
        for length in 2..=high {
            let keys = frequent(corpus, rows, minimum, |tokens, keys| {
                found.each_node_of_length(tokens, length - 1, |node, next| keys.push(pair(node, next)));
            });
            let nodes = std::mem::take(&mut found.nodes);
            found.nodes = keys.iter().fold(nodes, |mut nodes, &key| {
                let node = nodes.get_or_insert(key, runs.len() as u32);
                let mut run = runs[(key >> 32) as usize];
                run[length - 1] = key as u32 + 1;
                debug_assert_eq!(node as usize, runs.len());
                runs.push(run);
                nodes
            });
            lengths_start.push(runs.len());
            found.longest = length;
        }
        found.number(&runs, lengths_start[low - 1]);
        found
    }

    /// Numbers the nodes from `first` on.
    fn number(&mut self, runs: &[Run], first: usize) {
        let requested = |&node: &u32| node as usize >= self.frequent.len() || self.frequent[node as usize];
        let mut order: Vec<u32> = (first as u32..runs.len() as u32).filter(requested).collect();
        order.par_sort_unstable_by_key(|&node| runs[node as usize]);
        self.terms = vec![NONE; runs.len()];
        for (term, &node) in order.iter().enumerate() {
            self.terms[node as usize] = term as u32;
        }
        self.runs = order.iter().map(|&node| runs[node as usize]).collect();
    }

    /// Calls `each` with every frequent n-gram of `length` tokens that is followed by another frequent token.
    fn each_node_of_length(&self, tokens: &[u32], length: usize, mut each: impl FnMut(u32, u32)) {
        'starts: for run in tokens.windows(length + 1) {
            if !self.frequent[run[0] as usize] || !self.frequent[run[length] as usize] {
                continue;
            }
            let mut node = run[0];
            for &token in &run[1..length] {
                match self.nodes.get(pair(node, token)) {
                    Some(next) => node = next,
                    None => continue 'starts,
                }
            }
            each(node, run[length]);
        }
    }

    /// Appends the term of every n-gram of a document, in no particular order.
    pub(super) fn terms_of(&self, tokens: &[u32], terms: &mut Vec<u32>) {
        for (start, &token) in tokens.iter().enumerate() {
            if !self.frequent[token as usize] {
                continue;
            }
            let mut node = token;
            push_known(terms, self.terms[node as usize]);
            for &next in tokens[start + 1..].iter().take(self.longest - 1) {
                let Some(found) = self.nodes.get(pair(node, next)) else {
                    break;
                };
                node = found;
                push_known(terms, self.terms[node as usize]);
            }
        }
    }
}

fn push_known(terms: &mut Vec<u32>, term: u32) {
    if term != NONE {
        terms.push(term);
    }
}

/// The keys that occur in at least `minimum` documents, ascending. `keys_of` gives the keys of a document, with
/// repeats.
fn frequent(
    corpus: &TokenizedCorpus,
    rows: &[u32],
    minimum: usize,
    keys_of: impl Fn(&[u32], &mut Vec<u64>) + Sync,
) -> Vec<u64> {
    let words: usize = rows.iter().map(|&row| corpus.document_words(row as usize).len()).sum();
    frequent_in_parts(corpus, rows, minimum, keys_of, words.div_ceil(KEYS_AT_ONCE).max(1))
}

/// [`frequent`], by so many passes over the documents, each of which holds its part of the keys.
fn frequent_in_parts(
    corpus: &TokenizedCorpus,
    rows: &[u32],
    minimum: usize,
    keys_of: impl Fn(&[u32], &mut Vec<u64>) + Sync,
    parts: usize,
) -> Vec<u64> {
    let parts = parts as u64;
    let mut found: Vec<u64> = (0..parts)
        .flat_map(|part| frequent_of_part(corpus, rows, minimum, &keys_of, [part, parts]))
        .collect();
    found.sort_unstable();
    found
}

/// The frequent keys with this remainder by `parts`.
fn frequent_of_part(
    corpus: &TokenizedCorpus,
    rows: &[u32],
    minimum: usize,
    keys_of: impl Fn(&[u32], &mut Vec<u64>) + Sync,
    [part, parts]: [u64; 2],
) -> Vec<u64> {
    let chunks: Vec<Vec<u64>> = rows
        .par_chunks(512)
        .map(|rows| {
            let (mut tokens, mut keys, mut all) = (Vec::new(), Vec::new(), Vec::new());
            for &row in rows {
                tokens.clear();
                tokens.extend(corpus.tokens(row as usize));
                keys.clear();
                keys_of(&tokens, &mut keys);
                if parts > 1 {
                    keys.retain(|key| key % parts == part);
                }
                keys.sort_unstable();
                keys.dedup();
                all.extend_from_slice(&keys);
            }
            all
        })
        .collect();
    let mut all = chunks.concat();
    drop(chunks);
    all.par_sort_unstable();
    all.chunk_by(|a, b| a == b)
        .filter(|same| same.len() >= minimum)
        .map(|same| same[0])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preprocessing;
    use crate::text::TextPipeline;

    #[test]
    fn the_number_of_passes_changes_nothing() {
        let pipeline = TextPipeline::new(&Preprocessing::default()).unwrap();
        let words = ["fee", "card", "loan", "bank", "branch", "letter", "teller"];
        let texts: Vec<String> = (0..200_usize)
            .map(|row| {
                let text = (0..9).map(|word| words[(row * row + word * (row % 5 + 1)) % words.len()]);
                text.collect::<Vec<_>>().join(" ")
            })
            .collect();
        let corpus = TokenizedCorpus::build(&pipeline, &texts);
        let rows: Vec<u32> = (0..200).filter(|row| row % 3 > 0).collect();
        let pairs =
            |tokens: &[u32], keys: &mut Vec<u64>| keys.extend(tokens.windows(2).map(|two| pair(two[0], two[1])));
        let found = |parts| frequent_in_parts(&corpus, &rows, 20, pairs, parts);
        let once = found(1);
        assert!(once.len() > 10 && once.len() < 49 && once.is_sorted(), "{once:?}");
        for parts in [2, 3, 100] {
            assert_eq!(found(parts), once, "{parts} passes");
        }
    }
}
