//! Field errors and field paths.

use std::fmt;

use serde_json::{Value, json};

/// A path such as `spec.containers[0].name`; the root is the empty path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The field `name` below this.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() {
            Self(name.to_owned())
        } else {
            Self(format!("{}.{name}", self.0))
        }
    }

    /// The list entry `index` below this.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The map entry `key` below this.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }

    /// The text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The problem of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// A value is missing; with a detail, or empty.
    Required(String),
    /// The value, as text, and what it should be.
    Invalid(String, String),
    /// A value of another type, as text, and the type it should have.
    TypeInvalid(String, String),
    /// The value, as text, and those that are supported.
    NotSupported(String, Vec<String>),
    /// The value may not be set (or changed) at all.
    Forbidden(String),
    /// A string longer than this many bytes.
    TooLong(usize),
    /// How many entries there are and how many there may be.
    TooMany(usize, usize),
    /// The value, as text, occurs twice.
    Duplicate(String),
    /// The value, as text, refers to something that does not exist.
    NotFound(String),
}

/// A field error, one cause of an `Invalid` Status.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// The field's path, or `<nil>` for the whole object.
    pub field: String,
    /// The problem.
    pub problem: Problem,
}

/// A value as upstream prints it inside a message.
pub fn shown(value: &Value) -> String {
    value.to_string()
}

/// A string as upstream prints it inside a message.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl FieldError {
    /// An error of any kind.
    pub fn new(path: &Path, problem: Problem) -> Self {
        let field = if path.as_str().is_empty() {
            "<nil>".to_owned()
        } else {
            path.to_string()
        };
        Self { field, problem }
    }

    /// `Required value`.
    pub fn required(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(path, Problem::Required(detail.into()))
    }

    /// `Invalid value: "text": detail`.
    pub fn invalid(path: &Path, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(path, Problem::Invalid(shown(value), detail.into()))
    }

    /// `Unsupported value`.
    pub fn unsupported(path: &Path, value: &Value, supported: &[&str]) -> Self {
        Self::new(
            path,
            Problem::NotSupported(shown(value), supported.iter().map(|s| quoted(s)).collect()),
        )
    }

    /// `Forbidden: detail`.
    pub fn forbidden(path: &Path, detail: impl Into<String>) -> Self {
        Self::new(path, Problem::Forbidden(detail.into()))
    }

    /// `Duplicate value: …`.
    pub fn duplicate(path: &Path, value: &Value) -> Self {
        Self::new(path, Problem::Duplicate(shown(value)))
    }

    /// `field is immutable`, with the new value.
    pub fn immutable(path: &Path, value: &Value) -> Self {
        Self::invalid(path, value, "field is immutable")
    }

    /// The reason of the Status cause.
    pub fn reason(&self) -> &'static str {
        match self.problem {
            Problem::Required(_) => "FieldValueRequired",
            Problem::Invalid(..) => "FieldValueInvalid",
            Problem::TypeInvalid(..) => "FieldValueTypeInvalid",
            Problem::NotSupported(..) => "FieldValueNotSupported",
            Problem::Forbidden(_) => "FieldValueForbidden",
            Problem::TooLong(_) => "FieldValueTooLong",
            Problem::TooMany(..) => "FieldValueTooMany",
            Problem::Duplicate(_) => "FieldValueDuplicate",
            Problem::NotFound(_) => "FieldValueNotFound",
        }
    }

    /// Whether CEL rules can't be evaluated: a value is missing, of another type, or too large.
    pub fn blocks_rules(&self) -> bool {
        matches!(
            self.problem,
            Problem::Required(_)
                | Problem::TypeInvalid(..)
                | Problem::NotSupported(..)
                | Problem::TooLong(_)
                | Problem::TooMany(..)
        )
    }

    /// The message without the field.
    pub fn message(&self) -> String {
        match &self.problem {
            Problem::Required(detail) if detail.is_empty() => "Required value".to_owned(),
            Problem::Required(detail) => format!("Required value: {detail}"),
            Problem::Invalid(value, detail) | Problem::TypeInvalid(value, detail) if value.is_empty() => {
                format!("Invalid value: {detail}")
            }
            Problem::Invalid(value, detail) | Problem::TypeInvalid(value, detail) => {
                format!("Invalid value: {value}: {detail}")
            }
            Problem::NotSupported(value, supported) => {
                format!("Unsupported value: {value}: supported values: {}", supported.join(", "))
            }
            Problem::Forbidden(detail) => format!("Forbidden: {detail}"),
            Problem::TooLong(limit) => format!("Too long: may not be more than {limit} bytes"),
            Problem::TooMany(have, limit) => {
                format!(
                    "Too many: {have}: must have at most {limit} {}",
                    if *limit == 1 { "item" } else { "items" }
                )
            }
            Problem::Duplicate(value) => format!("Duplicate value: {value}"),
            Problem::NotFound(value) => format!("Not found: {value}"),
        }
    }

    /// The cause in a Status.
    pub fn cause(&self) -> Value {
        json!({ "reason": self.reason(), "message": self.message(), "field": self.field })
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}
