//! The JSONPath of printer columns: fields, indices, wildcards and filters such as `[?(@.type=="Ready")]`.

use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    Filter(Vec<String>, String),
}

impl JsonPath {
    /// Parses a path; an invalid path matches nothing.
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = text
            .trim()
            .trim_start_matches('{')
            .trim_end_matches('}')
            .trim_start_matches('$');
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let Some(end) = closing(inner) else {
                    return Self::default();
                };
                match bracket(&inner[..end]) {
                    Some(step) => steps.push(step),
                    None => return Self::default(),
                }
                rest = &inner[end + 1..];
            } else {
                rest = rest.trim_start_matches('.');
                let end = field_end(rest);
                if end > 0 {
                    let name = rest[..end].replace("\\.", ".");
                    steps.push(if name == "*" { Step::All } else { Step::Field(name) });
                }
                rest = &rest[end..];
            }
        }
        Self(steps)
    }

    /// All values at the path.
    pub(crate) fn find<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![object];
        for step in &self.0 {
            found = found.into_iter().flat_map(|v| follow(v, step)).collect();
        }
        found
    }
}

fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (None, ']') => return Some(i),
            _ => {}
        }
    }
    None
}

fn field_end(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '.' || c == '[' {
            return i;
        }
    }
    text.len()
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(|c| c == '"' || c == '\'')
}

fn bracket(text: &str) -> Option<Step> {
    let text = text.trim();
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(filter) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        let (left, right) = filter.split_once("==")?;
        let path = left.trim().strip_prefix('@')?;
        let path = path.split('.').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        return Some(Step::Filter(path, unquoted(right).to_owned()));
    }
    if text.starts_with(['"', '\'']) {
        return Some(Step::Field(unquoted(text).to_owned()));
    }
    text.parse().ok().map(Step::Index)
}

fn follow<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
        (Step::Index(i), Value::Array(list)) => {
            let index = if *i < 0 {
                list.len().checked_sub(i.unsigned_abs() as usize)
            } else {
                usize::try_from(*i).ok()
            };
            index.and_then(|i| list.get(i)).into_iter().collect()
        }
        (Step::All, Value::Array(list)) => list.iter().collect(),
        (Step::All, Value::Object(map)) => map.values().collect(),
        (Step::Filter(path, wanted), Value::Array(list)) => list
            .iter()
            .filter(|entry| {
                let found = path.iter().try_fold(*entry, |v, key| v.get(key));
                match found {
                    Some(Value::String(text)) => text == wanted,
                    Some(other) => serde_json::from_str::<Value>(wanted).is_ok_and(|w| w == *other),
                    None => false,
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let object = json!({
            "spec": {"n": 1, "l": [{"x": "a"}, {"x": "b"}], "a.b/c": 2},
            "status": {"conditions": [{"type": "X", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        for (path, found) in [
            (".spec.n", vec![json!(1)]),
            (".spec.l[1].x", vec![json!("b")]),
            (".spec.l[-1].x", vec![json!("b")]),
            (".spec.l[*].x", vec![json!("a"), json!("b")]),
            (".spec['a.b/c']", vec![json!(2)]),
            (".spec.a\\.b/c", vec![json!(2)]),
            (".status.conditions[?(@.type==\"Ready\")].status", vec![json!("True")]),
            (".none.at.all", vec![]),
        ] {
            let values: Vec<Value> = JsonPath::parse(path).find(&object).into_iter().cloned().collect();
            assert_eq!(values, found, "{path}");
        }
    }
}
