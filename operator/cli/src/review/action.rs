//! What a line or a key means.

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The answer is right.
    Answer,
    /// The second category is right.
    Second,
    /// Both are.
    Both,
    /// The category with this number is right; numbers begin at 1.
    Number(usize),
    /// The category with this name is.
    Name(String),
    /// The next text, without a decision.
    Skip,
    /// The text before.
    Back,
    /// Take the last decision back, which is not sent yet.
    Undo,
    /// Show the categories and keys.
    Help,
    /// Send the last decision, and end.
    Quit,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Action(Action),
    /// End at once: the last decision is not sent.
    Abandon,
    /// Why it means nothing.
    Unknown(&'static str),
}

/// The keys, and what they do.
pub(super) const KEYS: [(&str, &str); 9] = [
    ("y", "the answer is right"),
    ("o", "the other one is right, the second category"),
    ("t", "two are true: both are right"),
    ("NUMBER", "this category is right"),
    ("s", "skip"),
    ("b", "back to the text before"),
    ("u", "undo the last decision, which is sent only with the next one"),
    ("?", "show categories and keys"),
    ("q", "send the last decision, and end"),
];

/// What a key means, if it is one.
pub(super) fn of_key(key: char) -> Option<Action> {
    Some(match key.to_ascii_lowercase() {
        'y' => Action::Answer,
        'o' => Action::Second,
        't' => Action::Both,
        's' => Action::Skip,
        'b' => Action::Back,
        'u' => Action::Undo,
        'q' => Action::Quit,
        '?' | 'h' => Action::Help,
        _ => return None,
    })
}

/// What a line means: a key, a number, or the whole name of a category.
pub(super) fn of_line(line: &str) -> Typed {
    let line = line.trim();
    let mut characters = line.chars();
    let (first, is_key) = (characters.next(), characters.next().is_none());
    let Some(first) = first else {
        return Typed::Unknown("Type a key and Enter; ? shows them.");
    };
    if let Some(action) = of_key(first).filter(|_| is_key) {
        return Typed::Action(action);
    }
    Typed::Action(match line.parse() {
        Ok(number) => Action::Number(number),
        Err(_) => Action::Name(line.to_owned()),
    })
}
