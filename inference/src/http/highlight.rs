//! Marks the words that contributed to the prediction in the text.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::escape::escape;
use crate::core::engine::TermPart;

/// Words with a smaller share of the largest contribution than this are not marked.
const FAINTEST: f32 = 0.05;

/// Renders the text as HTML with a `mark` around each word that contributed: class `for` or `against`, and `s1` to `s3`
/// by strength. A term with several words or positions splits its contribution evenly among them.
pub(super) fn highlight(text: &str, terms: &[TermPart]) -> String {
    let mut words: BTreeMap<[usize; 2], f32> = BTreeMap::new();
    for term in terms {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a term stands in a text fewer than 2^24 times"
        )]
        let share = term.contribution / term.ranges.len().max(1) as f32;
        for &range in &term.ranges {
            *words.entry(range).or_default() += share;
        }
    }
    let largest = words
        .values()
        .fold(0.0_f32, |largest, weight| largest.max(weight.abs()));

    let mut html = String::with_capacity(text.len() * 2);
    let mut rest = text.chars();
    let mut at = 0;
    let length = text.chars().count();
    for ([from, to], weight) in words {
        let strength = weight.abs() / largest;
        if from < at || to <= from || to > length || strength.is_nan() || strength < FAINTEST {
            continue;
        }
        let before: String = rest.by_ref().take(from - at).collect();
        let word: String = rest.by_ref().take(to - from).collect();
        at = to;
        let side = if weight > 0.0 { "for" } else { "against" };
        let step = if strength > 0.66 {
            3
        } else if strength > 0.33 {
            2
        } else {
            1
        };
        let _ = write!(
            html,
            "{}<mark class=\"{side} s{step}\">{}</mark>",
            escape(&before),
            escape(&word)
        );
    }
    html.push_str(&escape(rest.as_str()));
    html
}

#[cfg(test)]
mod tests {
    use complaint_model::vectorize::TermKind;

    use super::*;

    fn part(contribution: f32, ranges: &[[usize; 2]]) -> TermPart {
        TermPart {
            term: String::new(),
            kind: TermKind::Words,
            contribution,
            ranges: ranges.to_vec(),
        }
    }

    #[test]
    fn words_are_marked_by_side_and_strength() {
        let parts = [part(2.0, &[[0, 4]]), part(-0.5, &[[7, 11]]), part(0.01, &[[5, 6]])];
        let html = highlight("card & loan < €", &parts);
        assert_eq!(
            html,
            "<mark class=\"for s3\">card</mark> &amp; <mark class=\"against s1\">loan</mark> &lt; €"
        );
    }

    #[test]
    fn overlapping_terms_add_up_on_each_word() {
        let parts = [part(1.0, &[[0, 4]]), part(1.0, &[[0, 4], [5, 8]])];
        let html = highlight("card fee", &parts);
        assert_eq!(
            html,
            "<mark class=\"for s3\">card</mark> <mark class=\"for s2\">fee</mark>"
        );
    }

    #[test]
    fn ranges_that_overlap_or_lie_outside_do_no_harm() {
        let parts = [part(1.0, &[[0, 6], [3, 8], [50, 60], [2, 2]])];
        assert_eq!(highlight("abcdefgh", &parts), "<mark class=\"for s3\">abcdef</mark>gh");
        assert_eq!(highlight("<b>", &[]), "&lt;b&gt;");
        assert_eq!(highlight("a", &[part(0.0, &[[0, 1]])]), "a");
    }
}
