//! A row's label, joined from its fields.

use complaint_contract::{LABEL_SEPARATOR, LEVEL_SEPARATOR};

/// A label of several fields, or of several levels. The fields of one record are pushed in order.
#[derive(Debug)]
pub(super) struct JoinedLabel {
    separator: &'static str,
    has_levels: bool,
    text: String,
    parts: usize,
    has_gap: bool,
}

/// A level's value would look like several levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HoldsSeparator;

impl JoinedLabel {
    pub(super) fn new(has_levels: bool) -> Self {
        Self {
            separator: if has_levels { LEVEL_SEPARATOR } else { LABEL_SEPARATOR },
            has_levels,
            text: String::new(),
            parts: 0,
            has_gap: false,
        }
    }

    /// Begins the next record.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        (self.parts, self.has_gap) = (0, false);
    }

    /// Adds the value of the next field. What is below a level without a value does not count.
    pub(super) fn push(&mut self, value: &str) -> Result<(), HoldsSeparator> {
        let value = value.trim();
        self.has_gap |= value.is_empty();
        if self.has_gap {
            return Ok(());
        }
        if self.has_levels && holds_separator(value) {
            return Err(HoldsSeparator);
        }
        if self.parts > 0 {
            self.text.push_str(self.separator);
        }
        self.text.push_str(value);
        self.parts += 1;
        Ok(())
    }

    /// The label. `None` if a field has no value; of levels, only the first must have one.
    pub(super) fn text(&self) -> Option<&str> {
        let is_there = if self.has_levels { self.parts > 0 } else { !self.has_gap };
        is_there.then_some(self.text.as_str())
    }
}

/// Whether a value contains the separator of levels, or would form one with its neighbours.
fn holds_separator(value: &str) -> bool {
    let inner = LEVEL_SEPARATOR.trim();
    value.contains(LEVEL_SEPARATOR)
        || value == inner
        || value.starts_with(LEVEL_SEPARATOR.trim_start())
        || value.ends_with(LEVEL_SEPARATOR.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(has_levels: bool, values: &[&str]) -> Result<Option<String>, HoldsSeparator> {
        let mut label = JoinedLabel::new(has_levels);
        label.push("left over")?;
        label.clear();
        values.iter().try_for_each(|value| label.push(value))?;
        Ok(label.text().map(str::to_owned))
    }

    #[test]
    fn fields_must_all_have_values_and_levels_end_at_the_first_gap() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(joined(false, &[" Card ", "Late fee"]), some("Card + Late fee"));
        assert_eq!(joined(false, &["Card", " "]), Ok(None));
        assert_eq!(joined(false, &["Card > Fees", "Late"]), some("Card > Fees + Late"));
        assert_eq!(joined(true, &["Card", "Fees", "Late"]), some("Card > Fees > Late"));
        assert_eq!(joined(true, &["Card", "", "Late"]), some("Card"));
        assert_eq!(joined(true, &["", "Fees"]), Ok(None));
    }

    #[test]
    fn no_value_of_a_level_looks_like_several() {
        for value in ["a > b", ">", "> b", "a >"] {
            assert_eq!(joined(true, &["Card", value]), Err(HoldsSeparator), "{value}");
        }
        for value in ["a>b", ">b", "a->b", "a > "] {
            let is_fine = joined(true, &["Card", value]).is_ok();
            assert_eq!(
                is_fine,
                value != "a > ",
                "{value}: trimmed, it ends with half a separator"
            );
        }
    }
}
