use super::*;

fn words(text: &str, numbers: bool) -> Vec<&str> {
    Words::new(text, numbers).map(|word| &text[word.range]).collect()
}

#[test]
fn numbers_are_words_of_their_own_where_they_are_kept() {
    let cases: [(&str, &[&str]); 8] = [
        (
            "order 1099 12345 a4111111111111111b 0005",
            &["order", "1099", "a", "b", "0005"],
        ),
        ("$3,000.50 on 12/31", &["3", "000", "50", "on", "12", "31"]),
        ("covid19x 401k", &["covid", "19", "x", "401", "k"]),
        ("caf\u{e9}24 1\u{301}", &["caf\u{e9}", "24", "1", "\u{301}"]),
        ("24's don't4", &["24", "s", "don't", "4"]),
        ("a&#39;7 &#167; &frac12;", &["a", "7"]),
        ("mail me2@bank4.example, see https://bank.example/7", &["mail", "see"]),
        ("<h1>7</h1>", &["7"]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(text, true), expected, "{text}");
    }
}

#[test]
fn words_of_plain_text() {
    let cases: [(&str, &[&str]); 23] = [
        ("", &[]),
        ("I can't pay $3,000.50!", &["I", "can't", "pay"]),
        ("'quoted' and dogs' tails", &["quoted", "and", "dogs", "tails"]),
        ("end.Next covid19x", &["end", "Next", "covid", "x"]),
        (
            "don\u{2019}t caf\u{e9} \u{201c}fine\u{201d}",
            &["don\u{2019}t", "caf\u{e9}", "fine"],
        ),
        ("a<br/>b <p class=\"x\">c</p> 3 < 4", &["a", "b", "c"]),
        ("<\u{c0} >b <a\u{e9}>", &["\u{c0}", "b", "a\u{e9}"]),
        ("x <script with no end", &["x", "script", "with", "no", "end"]),
        ("AT&amp;T a&nbsp;b R&D", &["AT", "T", "a", "b", "R", "D"]),
        ("don&#39;t didn&rsquo;t", &["don&#39;t", "didn&rsquo;t"]),
        ("see https://x.org/a?b=c now", &["see", "now"]),
        ("see www.bank.com, now", &["see", "now"]),
        ("at HTTP://A.B<br>then", &["at", "then"]),
        ("write john.doe-2@mail.example.com today", &["write", "today"]),
        ("meet me @ noon @home", &["meet", "me", "noon", "home"]),
        ("a@b c@d.e f", &["f"]),
        ("rock''n''roll", &["rock", "n", "roll"]),
        ("snake_case kebab-case", &["snake", "case", "kebab", "case"]),
        ("&#39;", &[]),
        ("&", &[]),
        ("<", &[]),
        ("a&b;c", &["a", "c"]),
        ("\u{201c}\u{2026}", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(text, false), expected, "{text}");
    }
}

#[test]
fn no_word_is_longer_than_the_longest() {
    for text in [
        "a".repeat(100_000),
        "a'd".repeat(50_000),
        "don&#39;t".repeat(20_000),
        "\u{fdfa}".repeat(50_000),
        "e\u{301}".repeat(50_000),
        "x".repeat(1_500) + &"\u{e9}".repeat(50_000),
    ] {
        let words = words(&text, false);
        assert!(words.iter().all(|word| word.len() <= MAX_WORD));
        let kept: usize = words.iter().map(|word| word.len()).sum();
        assert!(
            kept > text.len() - text.len() / 100,
            "next to nothing is lost: {kept} of {}",
            text.len()
        );
        for word in Words::new(&text, false) {
            assert_eq!(word.ascii, is_ascii_word(&text[word.range]));
        }
    }
    let longest = "a".repeat(MAX_WORD);
    assert_eq!(words(&longest, false), [longest.as_str()]);
}

#[test]
fn a_text_without_spaces_is_cut_at_punctuation() {
    let sentence = "\u{6211}\u{7684}\u{5361}\u{88ab}\u{6263}\u{4e86}\u{4e24}\u{6b21}\u{3002}";
    let text = sentence.repeat(1_000);
    let words = words(&text, false);
    assert!(words.len() > 10);
    assert!(
        words
            .iter()
            .all(|word| *word == "\u{6211}\u{7684}\u{5361}\u{88ab}\u{6263}\u{4e86}\u{4e24}\u{6b21}")
    );
    assert_eq!(words.len(), 1_000);
}

#[test]
fn ascii_flag() {
    let flags: Vec<bool> = Words::new("won't won\u{2019}t na\u{ef}ve won&#39;t", false)
        .map(|w| w.ascii)
        .collect();
    assert_eq!(flags, [true, false, false, false]);
}
