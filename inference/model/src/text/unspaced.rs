//! Scripts that put no spaces between words.
//!
//! UAX #29 finds no words in them: each character (with its marks) is a word of its own, apart from Katakana. Where a data
//! set is written in such a script, [`Preprocessing::character_runs`](crate::pipeline::Preprocessing::character_runs)
//! makes a run of these characters one part, so that character n-grams, which take the place of words, go across it.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Whether the character belongs to a script without spaces between words: Han, Hiragana, Katakana, Thai, Lao, Myanmar or
/// Khmer. Marks of these scripts and Kana's length mark count too.
pub fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{0e00}'..='\u{0eff}' // Thai, Lao
            | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // Myanmar
            | '\u{1780}'..='\u{17ff}' | '\u{19e0}'..='\u{19ff}' // Khmer
            | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}' // Han
            | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' // Kana
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
            | '\u{ff66}'..='\u{ff9f}' // Kana of half width
            | '\u{1b000}'..='\u{1b16f}' // Kana
            | '\u{20000}'..='\u{3ffff}' // Han
    )
}

/// A piece of a folded word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'w> {
    /// A run of characters of unspaced scripts.
    Run(&'w str),
    /// A character of the run before, with its marks.
    Character(&'w str),
    /// Anything else.
    Word(&'w str),
}

/// Calls `each` with the pieces of a folded word: words with spaces around them, runs of characters of unspaced scripts, and
/// after each run its characters. (Katakana is one character in this sense: UAX #29 keeps it together.)
pub(super) fn each_piece<'w>(folded: &'w str, mut each: impl FnMut(Piece<'w>)) {
    let mut run: Range<usize> = 0..0;
    for (start, word) in folded.unicode_word_indices() {
        if !word.starts_with(|c: char| is_unspaced(c) && c.is_alphabetic()) {
            finish(folded, std::mem::replace(&mut run, 0..0), &mut each);
            each(Piece::Word(word));
            continue;
        }
        if start != run.end {
            finish(folded, run, &mut each);
            run = start..start;
        }
        run.end = start + word.len();
    }
    finish(folded, run, &mut each);
}

fn finish<'w>(folded: &'w str, run: Range<usize>, each: &mut impl FnMut(Piece<'w>)) {
    let run = &folded[run];
    if run.is_empty() {
        return;
    }
    each(Piece::Run(run));
    run.unicode_words()
        .for_each(|character| each(Piece::Character(character)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(folded: &str) -> String {
        let mut all = Vec::new();
        each_piece(folded, |piece| {
            all.push(match piece {
                Piece::Run(run) => format!("[{run}]"),
                Piece::Character(character) => character.to_owned(),
                Piece::Word(word) => format!("<{word}>"),
            });
        });
        all.join(" ")
    }

    #[test]
    fn runs_end_at_punctuation_and_at_other_scripts() {
        let cases = [
            ("卡被扣款", "[卡被扣款] 卡 被 扣 款"),
            ("卡。退款", "[卡] 卡 [退款] 退 款"),
            ("atm退款app", "<atm> [退款] 退 款 <app>"),
            ("カードを", "[カードを] カード を"),
            ("บัตร", "[บัตร] บั ต ร"),
            ("카드 결제", "<카드> <결제>"),
            ("late fee", "<late> <fee>"),
            ("๑๒บั", "<๑๒> [บั] บั"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn scripts() {
        for c in ['卡', 'か', 'カ', 'ー', 'ก', 'ກ', 'က', 'ក', '々'] {
            assert!(is_unspaced(c), "{c}");
        }
        for c in ['a', 'é', '카', 'я', 'ع', 'த', '1', '。', '、'] {
            assert!(!is_unspaced(c), "{c}");
        }
    }
}
