//! Character n-grams within words.

/// Calls `each` with every n-gram of `part` of the lengths `low..=high`, after padding the part with a space on either
/// side. A part shorter than a length is passed once, whole, and longer lengths are skipped (scikit-learn's `char_wb`). An empty
/// part has none.
pub(crate) fn each_ngram(part: &str, [low, high]: [usize; 2], padded: &mut String, mut each: impl FnMut(&str)) {
    if part.is_empty() {
        return;
    }
    padded.clear();
    padded.push(' ');
    padded.push_str(part);
    padded.push(' ');
    let length = padded.chars().count();
    for n in low..=high {
        if length <= n {
            return each(padded);
        }
        let ends = padded.char_indices().map(|(at, _)| at).skip(n).chain([padded.len()]);
        for ((start, _), end) in padded.char_indices().zip(ends) {
            each(&padded[start..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ngrams(part: &str, range: [usize; 2]) -> Vec<String> {
        let mut all = Vec::new();
        each_ngram(part, range, &mut String::new(), |ngram| all.push(ngram.to_owned()));
        all
    }

    /// The expected lists come from scikit-learn's `CountVectorizer(analyzer="char_wb")`.
    #[test]
    fn as_scikit_learn() {
        assert_eq!(ngrams("abc", [3, 4]), [" ab", "abc", "bc ", " abc", "abc "]);
        assert_eq!(ngrams("a", [3, 5]), [" a "]);
        assert_eq!(ngrams("ab", [3, 5]), [" ab", "ab ", " ab "]);
        assert!(ngrams("", [1, 3]).is_empty());
        assert_eq!(ngrams("\u{e9}t", [2, 2]), [" \u{e9}", "\u{e9}t", "t "]);
    }
}
