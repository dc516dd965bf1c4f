//! Tasks and annotations of Label Studio, in its JSON format (<https://labelstud.io/guide/task_format>).
//!
//! A captured answer becomes a task with the text as `data.text` and the answer as a prediction: `model_version` is the model's
//! digest, `score` the probability. What comes back are annotations with `choices`. Of one annotator the latest annotation counts;
//! of several annotators most decide, and where as many say one thing as another, nothing is decided.

use std::collections::HashMap;

use complaint_contract::captured::{CapturedList, CapturedRow};
use complaint_contract::segments::NAME_BYTES;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{desk::Row, session::Choice};

/// The name of `<Choices>` in the labelling configuration.
pub(super) const FROM_NAME: &str = "category";
/// The name of `<Text>`.
const TO_NAME: &str = "text";
/// The longest text that a server takes.
const TEXT_BYTES: usize = 64 << 10;

/// The list as tasks to import into a project.
pub(super) fn tasks(list: &CapturedList) -> Value {
    list.rows.iter().map(task).collect()
}

fn task(row: &CapturedRow) -> Value {
    json!({
        "data": {
            "text": row.text,
            "id": row.id,
            "time": row.time,
            "answer": row.category,
            "second": row.second,
            "margin": row.margin,
        },
        "predictions": [{
            "model_version": row.digest.prefixed(),
            "score": row.probability,
            "result": [{
                "id": "answer",
                "from_name": FROM_NAME,
                "to_name": TO_NAME,
                "type": "choices",
                "value": { "choices": [row.category] },
            }],
        }],
    })
}

/// A task of an export; what else it has is not read.
#[derive(Deserialize)]
struct Task {
    data: Data,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    result: Vec<Part>,
    #[serde(default)]
    was_cancelled: Option<bool>,
    #[serde(default)]
    updated_at: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    completed_by: Value,
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    from_name: String,
    #[serde(default)]
    value: Value,
}

/// What an export says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Corrections.
    pub(super) rows: Vec<Row>,
    /// Tasks that decide nothing, by reason.
    pub(super) left: Left,
}

/// Numbers of tasks that decide nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Nobody has annotated them, or all annotations were skipped.
    pub(super) open: usize,
    /// As many annotators say one thing as another.
    pub(super) disagreed: usize,
    /// Annotations have no choice, or more than two.
    pub(super) unclear: usize,
    /// The category is none that corrections may name.
    pub(super) unknown: usize,
    /// The text is missing, blank or too long.
    pub(super) unusable: usize,
}

impl Left {
    /// Each reason with its number.
    pub(super) fn reasons(self) -> [(usize, &'static str); 5] {
        [
            (self.open, "without an annotation, or skipped"),
            (self.disagreed, "on which annotators disagree"),
            (self.unclear, "with no choice, or more than two"),
            (self.unknown, "with a category that the model does not have"),
            (
                self.unusable,
                "without a text in data.text, or with one of more than 64 KiB",
            ),
        ]
    }
}

/// Reads an export. `known` says whether a correction may name a category, `by` is whoever imports.
///
/// # Errors
/// What is wrong with the file; nothing of its content is repeated.
pub(super) fn read(json: &[u8], known: impl Fn(&str) -> bool, by: &str) -> Result<Read, String> {
    let tasks: Vec<Task> = serde_json::from_slice(json).map_err(|error| {
        // The parser's own words may quote a value.
        format!(
            "it is no list of tasks (line {}, column {}): export the project as JSON, not as JSON-MIN or CSV",
            error.line(),
            error.column()
        )
    })?;
    let mut read = Read::default();
    for task in &tasks {
        let left = &mut read.left;
        let text = task.data.text.as_deref().filter(|text| !text.trim().is_empty());
        let Some(text) = text.filter(|text| text.len() <= TEXT_BYTES) else {
            left.unusable += 1;
            continue;
        };
        match verdict(&task.annotations) {
            Err(Undecided::Open) => left.open += 1,
            Err(Undecided::Unclear) => left.unclear += 1,
            Err(Undecided::Disagreed) => left.disagreed += 1,
            Ok((choice, _)) if !names(&choice).all(&known) => left.unknown += 1,
            Ok((choice, annotators)) => read.rows.push(Row {
                id: None,
                text: text.to_owned(),
                category: choice.category,
                also: choice.also,
                by: decided_by(&annotators, by),
            }),
        }
    }
    Ok(read)
}

fn names(choice: &Choice) -> impl Iterator<Item = &str> {
    std::iter::once(choice.category.as_str()).chain(choice.also.as_deref())
}

/// Why a task decides nothing.
enum Undecided {
    Open,
    Unclear,
    Disagreed,
}

/// What most annotators say, and who they are.
fn verdict(annotations: &[Annotation]) -> Result<(Choice, Vec<String>), Undecided> {
    // Of one annotator, the latest annotation. Nobody knows of two without a name whether they are one person's.
    let mut latest: HashMap<String, (Timestamp, &Annotation)> = HashMap::new();
    for (number, annotation) in annotations.iter().enumerate() {
        let who = annotator(&annotation.completed_by).unwrap_or_else(|| format!("annotation {}", number + 1));
        let time = annotation.time();
        if latest.get(&who).is_none_or(|(known, _)| *known <= time) {
            latest.insert(who, (time, annotation));
        }
    }
    let mut votes: Vec<(Choice, Vec<String>)> = Vec::new();
    let mut unclear = false;
    let mut annotators: Vec<_> = latest.into_iter().collect();
    annotators.sort_by(|a, b| (a.1.0, &a.0).cmp(&(b.1.0, &b.0)));
    for (who, (_, annotation)) in annotators {
        if annotation.was_cancelled == Some(true) {
            continue;
        }
        let Some(choice) = annotation.choice() else {
            unclear = true;
            continue;
        };
        // Two categories are the same in any order.
        match votes.iter_mut().find(|(other, _)| same(other, &choice)) {
            Some((_, voters)) => voters.push(who),
            None => votes.push((choice, vec![who])),
        }
    }
    votes.sort_by_key(|(_, voters)| std::cmp::Reverse(voters.len()));
    let tie = matches!(votes.as_slice(), [(_, first), (_, second), ..] if first.len() == second.len());
    match votes.into_iter().next() {
        Some(_) if tie => Err(Undecided::Disagreed),
        Some(most) => Ok(most),
        None if unclear => Err(Undecided::Unclear),
        None => Err(Undecided::Open),
    }
}

fn same(one: &Choice, other: &Choice) -> bool {
    let sorted = |choice: &Choice| {
        let mut all: Vec<String> = names(choice).map(str::to_owned).collect();
        all.sort_unstable();
        all
    };
    sorted(one) == sorted(other)
}

impl Annotation {
    fn time(&self) -> Timestamp {
        let time = self.updated_at.as_ref().or(self.created_at.as_ref());
        time.and_then(|time| time.parse().ok()).unwrap_or(Timestamp::MIN)
    }

    /// One category, or two.
    fn choice(&self) -> Option<Choice> {
        let choices = |named: bool| {
            let parts = self.result.iter().filter(move |part| part.kind == "choices");
            parts.filter(move |part| !named || part.from_name == FROM_NAME)
        };
        // A project may ask other questions, too; a single one may have another name.
        let named = choices(true).next().is_some();
        let mut parts = choices(named);
        let (part, None) = (parts.next()?, parts.next()) else {
            return None;
        };
        let chosen = part.value["choices"].as_array()?;
        let mut chosen = chosen
            .iter()
            .map(|choice| choice.as_str().map(|name| name.trim().to_owned()));
        let (category, also, None) = (chosen.next()??, chosen.next(), chosen.next()) else {
            return None;
        };
        let also = match also {
            None => None,
            Some(also) => Some(also.filter(|also| *also != category)?),
        };
        (!category.is_empty()).then_some(Choice { category, also })
    }
}

/// Who made an annotation: exports have a user's number, or an object with the e-mail address.
fn annotator(completed_by: &Value) -> Option<String> {
    match completed_by {
        Value::Number(number) => Some(format!("Label Studio user {number}")),
        Value::String(name) if !name.trim().is_empty() => Some(name.trim().to_owned()),
        Value::Object(user) => match user.get("email").and_then(Value::as_str) {
            Some(email) if !email.trim().is_empty() => Some(email.trim().to_owned()),
            _ => annotator(user.get("id").filter(|id| id.is_number())?),
        },
        _ => None,
    }
}

/// The annotators and whoever imports; as many as fit.
fn decided_by(annotators: &[String], by: &str) -> String {
    let whole = format!("{}, imported by {by}", annotators.join(", "));
    if whole.len() <= NAME_BYTES {
        return whole;
    }
    let counted = format!("{} annotators, imported by {by}", annotators.len());
    match counted.len() <= NAME_BYTES {
        true => counted,
        false => by.to_owned(),
    }
}
