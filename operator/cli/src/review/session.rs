//! Which text is shown, and which decisions are sent.
//!
//! The last decision waits until the next one is made or the review ends, so that it can be undone. One that was sent can be made
//! again: of two corrections of a text, the later counts.

use complaint_contract::captured::{CapturedList, CapturedRow};

use super::action::Action;

/// What is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) category: String,
    pub(super) also: Option<String>,
}

/// A decision to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) choice: Choice,
}

/// A review.
#[derive(Debug)]
pub(super) struct Session {
    list: CapturedList,
    place: usize,
    /// The last decision of each text.
    choices: Vec<Option<Choice>>,
    /// The text whose decision is not sent yet, and what was decided of it before.
    pending: Option<(usize, Option<Choice>)>,
}

impl Session {
    pub(super) fn new(list: CapturedList) -> Self {
        Self {
            choices: vec![None; list.rows.len()],
            list,
            place: 0,
            pending: None,
        }
    }

    /// The text that is shown, its number, and what was decided of it. `None` behind the last one.
    pub(super) fn shown(&self) -> Option<(usize, &CapturedRow, Option<&Choice>)> {
        let row = self.list.rows.get(self.place)?;
        Some((self.place + 1, row, self.choices[self.place].as_ref()))
    }

    pub(super) fn len(&self) -> usize {
        self.list.rows.len()
    }

    /// How many wait, with those that are not in this review.
    pub(super) fn waiting(&self) -> u64 {
        self.list.waiting
    }

    pub(super) fn is_complete(&self) -> bool {
        self.list.complete
    }

    pub(super) fn categories(&self) -> &[String] {
        &self.list.categories
    }

    /// How many texts have no decision.
    pub(super) fn undecided(&self) -> usize {
        self.choices.iter().filter(|choice| choice.is_none()).count()
    }

    /// Whether a decision is not sent yet.
    pub(super) fn pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Does what the person asks for. What it returns is to be sent.
    ///
    /// # Errors
    /// Why it can't be done.
    pub(super) fn apply(&mut self, action: &Action) -> Result<Option<Decided>, String> {
        match action {
            Action::Help => Ok(None),
            Action::Quit => Ok(self.due()),
            Action::Skip => {
                self.place = (self.place + 1).min(self.len());
                Ok(None)
            }
            Action::Back => {
                self.place = self.place.checked_sub(1).ok_or("This is the first text.")?;
                Ok(None)
            }
            Action::Undo => {
                let (place, before) = self
                    .pending
                    .take()
                    .ok_or("Nothing to undo: the decision before was sent. Go back (b) and decide again; the later one counts.")?;
                self.choices[place] = before;
                self.place = place;
                Ok(None)
            }
            decision => {
                let choice = self.choice(decision)?;
                self.check(&choice)?;
                Ok(self.decide(choice))
            }
        }
    }

    /// Refuses what the server would refuse: another model may have answered.
    fn check(&self, choice: &Choice) -> Result<(), String> {
        let unknown = |name: &&String| !self.list.new_categories && !self.list.categories.contains(name);
        let mut names = std::iter::once(&choice.category).chain(&choice.also);
        match names.find(unknown) {
            None => Ok(()),
            Some(name) => Err(format!(
                "The served model has no category {}, and new ones are not taken here (serving.feedback.allowNewCategories): choose another; ? shows them.",
                crate::render::visible(name)
            )),
        }
    }

    fn choice(&self, action: &Action) -> Result<Choice, String> {
        let row = self.list.rows.get(self.place);
        let row = row.ok_or("There is no text left: q sends the last decision and ends, b goes back, u undoes.")?;
        let second = || row.second.clone().ok_or("This answer has no second category.");
        let one = |category: String| Choice { category, also: None };
        Ok(match action {
            Action::Second => one(second()?),
            Action::Both => Choice {
                category: row.category.clone(),
                also: Some(second()?),
            },
            Action::Number(number) => {
                let found = number.checked_sub(1).and_then(|place| self.list.categories.get(place));
                one(found
                    .cloned()
                    .ok_or_else(|| format!("There is no category {number}; ? shows them."))?)
            }
            Action::Name(name) if self.list.new_categories || self.list.categories.contains(name) => one(name.clone()),
            Action::Name(_) => {
                return Err(
                    "There is no such key or category, and new ones are not taken here (serving.feedback.allowNewCategories); ? shows them."
                        .into(),
                );
            }
            _ => one(row.category.clone()),
        })
    }

    /// Takes a decision of the text that is shown, and shows the next one.
    fn decide(&mut self, choice: Choice) -> Option<Decided> {
        let place = self.place;
        let is_again = self.pending.as_ref().is_some_and(|(pending, _)| *pending == place);
        let due = if is_again { None } else { self.due() };
        let before = self.choices[place].replace(choice);
        if !is_again {
            self.pending = Some((place, before));
        }
        self.place += 1;
        due
    }

    /// The decision that was not sent yet.
    fn due(&mut self) -> Option<Decided> {
        let (place, _) = self.pending.take()?;
        let row = &self.list.rows[place];
        Some(Decided {
            id: row.id.clone(),
            text: row.text.clone(),
            choice: self.choices[place].clone()?,
        })
    }
}
