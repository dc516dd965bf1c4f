//! How a text is shown. Every text of others reaches the terminal as [`Words`].

use complaint_contract::captured::{CapturedRow, DecidingWord};

use super::{
    action::KEYS,
    session::{Choice, Session},
};
use crate::render::{Column, Page, Table, Tone, Words};

/// Categories that are shown with each text; of more, `?` shows all.
const SHOWN: usize = 12;

/// The beginning of a review.
pub(super) fn head(session: &Session, by: &str, by_keys: bool) -> Page {
    let mut page = Page::default();
    page.line(format!(
        "{} of {} captured answers that wait for a person. Decisions are sent as {by}.",
        session.len(),
        session.waiting()
    ));
    if !session.is_complete() {
        page.line("The store has more than a server reads at once: older ones may be missing.");
    }
    keys(&mut page, by_keys);
    page.line(
        Words::from("Words that decided: ")
            .and(Words::toned(Tone::Good, "»for the answer«"))
            .and(", ")
            .and(Words::toned(Tone::Notice, "›for the second category‹"))
            .and("."),
    );
    page
}

fn keys(page: &mut Page, by_keys: bool) {
    let mut table = Table::new(vec![Column::Whole("KEY"), Column::Whole("")]);
    for (key, does) in KEYS {
        table.add(vec![Words::toned(Tone::Strong, key), Words::from(does)]);
    }
    if !by_keys {
        table.add(vec![
            Words::toned(Tone::Strong, "NAME"),
            Words::from("this category is right"),
        ]);
    }
    page.table(table);
}

/// All categories and keys.
pub(super) fn help(session: &Session, by_keys: bool) -> Page {
    let mut page = Page::default();
    categories(&mut page, session, None);
    keys(&mut page, by_keys);
    page
}

/// The text that is shown, or that there is none left.
pub(super) fn text(session: &Session) -> Page {
    let mut page = Page::default();
    let Some((number, row, decided)) = session.shown() else {
        page.line("");
        page.line("No text is left: q sends the last decision and ends, u undoes it, b goes back");
        return page;
    };
    page.line("");
    page.line(Words::toned(Tone::Strong, format!("{number} of {}", session.len())));
    for line in marked(row.text.trim_end(), &row.served.words) {
        page.line(line);
    }
    page.line("");
    let second = row.second.as_deref();
    page.field(
        "Answer",
        Words::toned(Tone::Good, &row.category).and(format!("  {:.4}{}", row.probability, needs(row))),
    );
    page.field(
        "Second",
        match second {
            Some(second) => {
                Words::toned(Tone::Notice, second).and(format!("  {:.4}", (row.probability - row.margin).max(0.0)))
            }
            None => Words::none(),
        },
    );
    page.field("Answered", Words::from(&row.time));
    if row.served.category != row.category || Some(row.served.second.as_str()) != second {
        let served = &row.served;
        page.field(
            "Now",
            Words::from(format!(
                "the served model answers {} ({:.4}), then {}; the marks are about these two",
                served.category, served.probability, served.second
            )),
        );
    }
    if let Some(decided) = decided {
        page.field("Decided", Words::toned(Tone::Strong, said(decided)));
    }
    if session.categories().len() <= SHOWN {
        page.line("");
        categories(&mut page, session, Some(row));
    }
    page
}

fn needs(row: &CapturedRow) -> &'static str {
    match (row.needs_review, row.drawn) {
        (true, true) => ", needs review, drawn",
        (true, false) => ", needs review",
        (false, true) => ", drawn",
        (false, false) => "",
    }
}

/// A decision in words.
pub(super) fn said(choice: &Choice) -> String {
    match &choice.also {
        Some(also) => format!("{} and {also}", choice.category),
        None => choice.category.clone(),
    }
}

fn categories(page: &mut Page, session: &Session, row: Option<&CapturedRow>) {
    let mut table = Table::new(vec![Column::Number(""), Column::Whole("CATEGORY")]);
    for (place, category) in session.categories().iter().enumerate() {
        let tone = match row {
            Some(row) if row.category == *category => Some(Tone::Good),
            Some(row) if row.second.as_ref() == Some(category) => Some(Tone::Notice),
            _ => None,
        };
        let name = tone.map_or_else(|| Words::from(category), |tone| Words::toned(tone, category));
        table.add(vec![Words::from((place + 1).to_string()), name]);
    }
    page.table(table);
}

/// The text in pieces: whether each is a word that decided, and for the answer.
pub(crate) fn pieces(text: &str, words: &[DecidingWord]) -> Vec<(String, Option<bool>)> {
    let mut marks: Vec<(usize, usize, bool)> = words
        .iter()
        .flat_map(|word| {
            word.ranges
                .iter()
                .map(|[from, to]| (*from, *to, word.contribution > 0.0))
        })
        .collect();
    marks.sort_unstable();
    let characters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut add = |part: &[char], mark: Option<bool>| {
        if !part.is_empty() {
            pieces.push((part.iter().collect(), mark));
        }
    };
    let mut done = 0;
    for (from, to, speaks) in marks {
        // Terms of several words overlap: what is marked already stays.
        let (from, to) = (from.max(done), to.min(characters.len()));
        if from >= to {
            continue;
        }
        add(&characters[done..from], None);
        add(&characters[from..to], Some(speaks));
        done = to;
    }
    add(&characters[done..], None);
    pieces
}

/// The text by lines, with marks around the words that decided.
pub(super) fn marked(text: &str, words: &[DecidingWord]) -> Vec<Words> {
    let mut lines = vec![Words::default()];
    for (piece, mark) in pieces(text, words) {
        for (number, part) in piece.split('\n').enumerate() {
            if number > 0 {
                lines.push(Words::default());
            }
            let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) else {
                continue;
            };
            let part = match mark {
                None => Words::from(part),
                Some(true) => Words::toned(Tone::Good, format!("»{part}«")),
                Some(false) => Words::toned(Tone::Notice, format!("›{part}‹")),
            };
            *line = std::mem::take(line).and(part);
        }
    }
    lines
}

/// What became of the decisions.
pub(super) fn end(session: &Session, sent: usize, unsent: usize, abandoned: bool, by: &str) -> String {
    let mut said = match sent {
        0 => "No decision was sent.".to_owned(),
        1 => format!("1 decision was sent as {by}."),
        sent => format!("{sent} decisions were sent as {by}."),
    };
    if unsent > 0 {
        said.push_str(&format!(" {unsent} could not be sent, and are lost."));
    }
    if abandoned {
        said.push_str(" The last one was not sent.");
    }
    match session.undecided() {
        0 => {}
        1 => said.push_str(" 1 text of this review has no decision."),
        left => said.push_str(&format!(" {left} texts of this review have no decision.")),
    }
    format!("{}\n", crate::render::visible(&said))
}
