//! Words that are too common in English to tell classes apart.

use std::sync::OnceLock;

/// scikit-learn's `ENGLISH_STOP_WORDS` (a list of the Glasgow Information Retrieval Group), one word per line, sorted.
const LIST: &str = include_str!("../../data/stop_words.txt");

/// The stop words in ascending order. It is scikit-learn's English list, so that results can be compared.
pub fn stop_words() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| LIST.lines().collect())
}

pub(super) fn is_stop_word(word: &str) -> bool {
    stop_words().binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_whole() {
        assert_eq!(stop_words().len(), 318);
        assert!(stop_words().is_sorted());
        assert!(is_stop_word("the") && is_stop_word("yourselves") && !is_stop_word("account"));
    }
}
