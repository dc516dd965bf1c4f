//! Label selectors in text form (`a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1,m<2`) and structured form.

use serde_json::Value;

use crate::error::ApiError;
use crate::names;

/// A conjunction of label requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Parses the text form.
    ///
    /// # Errors
    /// 400 if the text is not a selector.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut lexer = Lexer { rest: text.trim() };
        let mut requirements = Vec::new();
        while !lexer.rest.is_empty() {
            requirements.push(lexer.requirement().map_err(ApiError::bad_request)?);
            lexer.skip();
            if lexer.rest.is_empty() {
                break;
            }
            if !lexer.take(",") {
                return Err(ApiError::bad_request(format!(
                    "found '{}', expected: ',' or 'end of string'",
                    lexer.word()
                )));
            }
            lexer.skip();
            if lexer.rest.is_empty() {
                return Err(ApiError::bad_request("found '', expected: identifier after ','"));
            }
        }
        Ok(Self(requirements))
    }

    /// Reads the structured form (`matchLabels`, `matchExpressions`). An absent selector selects nothing.
    pub fn from_object(selector: &Value) -> Option<Self> {
        let mut requirements = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                let value = value.as_str().unwrap_or_default().to_owned();
                requirements.push(Requirement {
                    key: key.clone(),
                    operator: Operator::In(vec![value]),
                });
            }
        }
        for expression in selector
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let key = expression.get("key")?.as_str()?.to_owned();
            let values = || -> Vec<String> {
                expression
                    .get("values")
                    .and_then(Value::as_array)
                    .map(|l| l.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
                    .unwrap_or_default()
            };
            let operator = match expression.get("operator")?.as_str()? {
                "In" => Operator::In(values()),
                "NotIn" => Operator::NotIn(values()),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            requirements.push(Requirement { key, operator });
        }
        Some(Self(requirements))
    }

    /// Whether the selector matches every object.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the labels (an object of strings, or null) match.
    pub fn matches(&self, labels: Option<&Value>) -> bool {
        self.0.iter().all(|r| {
            let value = labels.and_then(|l| l.get(&r.key)).and_then(Value::as_str);
            match &r.operator {
                Operator::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
                Operator::NotIn(values) => value.is_none_or(|v| !values.iter().any(|w| w == v)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
                Operator::Greater(bound) => value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v > *bound),
                Operator::Less(bound) => value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v < *bound),
            }
        })
    }

    /// The text form, for the status of a scale subresource.
    pub fn text(&self) -> String {
        let mut parts: Vec<String> = self
            .0
            .iter()
            .map(|r| match &r.operator {
                Operator::In(values) if values.len() == 1 => format!("{}={}", r.key, values[0]),
                Operator::In(values) => format!("{} in ({})", r.key, values.join(",")),
                Operator::NotIn(values) => format!("{} notin ({})", r.key, values.join(",")),
                Operator::Exists => r.key.clone(),
                Operator::DoesNotExist => format!("!{}", r.key),
                Operator::Greater(n) => format!("{}>{n}", r.key),
                Operator::Less(n) => format!("{}<{n}", r.key),
            })
            .collect();
        parts.sort();
        parts.join(",")
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        self.skip();
        let end = self
            .rest
            .find(|c: char| "=!<>,() ".contains(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.take("!");
        let key = self.word();
        if key.is_empty() {
            return Err(format!(
                "unable to parse requirement: found '{}', expected: identifier",
                self.rest
            ));
        }
        if let Some(problem) = names::qualified_name(&key).into_iter().next() {
            return Err(format!(
                "unable to parse requirement: <nil>: Invalid value: \"{key}\": {problem}"
            ));
        }
        if negated {
            return Ok(Requirement {
                key,
                operator: Operator::DoesNotExist,
            });
        }
        let operator = self
            .operator()
            .map_err(|e| format!("unable to parse requirement: {e}"))?;
        Ok(Requirement { key, operator })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        self.skip();
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Operator::Exists);
        }
        if self.take("!=") {
            return Ok(Operator::NotIn(vec![self.value()?]));
        }
        if self.take("==") || self.take("=") {
            return Ok(Operator::In(vec![self.value()?]));
        }
        if self.take(">") {
            return self.number().map(Operator::Greater);
        }
        if self.take("<") {
            return self.number().map(Operator::Less);
        }
        match self.word().as_str() {
            "in" => self.values().map(Operator::In),
            "notin" => self.values().map(Operator::NotIn),
            other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        self.skip();
        if self.rest.starts_with('(') {
            return Err("found '(', expected: identifier".to_owned());
        }
        let value = self.word();
        check_value(value)
    }

    fn number(&mut self) -> Result<i64, String> {
        let word = self.word();
        word.parse().map_err(|_| {
            format!("values[0]: Invalid value: \"{word}\": for 'Gt', 'Lt' operators, the value must be an integer")
        })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.take("(") {
            let found = self.word();
            return Err(format!("found '{found}' expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            values.push(check_value(self.word())?);
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(format!("found '{}', expected: ',' or ')'", self.word()));
            }
        }
    }
}

fn check_value(value: String) -> Result<String, String> {
    match names::label_value(&value).into_iter().next() {
        Some(problem) => Err(format!("values[0]: Invalid value: \"{value}\": {problem}")),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_pick_labels() {
        let labels = json!({"app": "x", "v": "5"});
        for (text, picked) in [
            ("", true),
            ("app=x", true),
            ("app==x,v", true),
            ("app!=x", false),
            ("other!=x", true),
            ("app in (x, y)", true),
            ("app notin (x,y)", false),
            ("!other", true),
            ("!app", false),
            ("v>3", true),
            ("v<5", false),
        ] {
            assert_eq!(
                LabelSelector::parse(text).unwrap().matches(Some(&labels)),
                picked,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["app in x", "a=(b", "a b", ",", "a,,b", "=x"] {
            assert_eq!(LabelSelector::parse(text).unwrap_err().code, 400, "{text}");
        }
        let message = LabelSelector::parse("app in x").unwrap_err().message;
        assert_eq!(message, "unable to parse requirement: found 'x' expected: '('");
    }

    #[test]
    fn the_structured_form_reads_alike() {
        let selector = LabelSelector::from_object(&json!({
            "matchLabels": {"app": "x"},
            "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}],
        }))
        .unwrap();
        assert!(selector.matches(Some(&json!({"app": "x"}))));
        assert!(!selector.matches(Some(&json!({"app": "x", "tier": "t"}))));
        assert_eq!(selector.text(), "!tier,app=x");
    }
}
