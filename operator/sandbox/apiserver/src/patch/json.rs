//! JSON patch (RFC 6902).

use serde_json::Value;

use crate::error::ApiError;

/// Applies the operations in order; on the first that fails nothing is changed.
///
/// # Errors
/// 400 if the patch is not a list of operations, 422 if one cannot be applied.
pub(crate) fn apply_json_patch(object: &Value, patch: &Value) -> Result<Value, ApiError> {
    let Value::Array(operations) = patch else {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ));
    };
    let mut result = object.clone();
    for operation in operations {
        step(&mut result, operation).ok_or_else(ApiError::unprocessable_patch)?;
    }
    Ok(result)
}

fn step(document: &mut Value, operation: &Value) -> Option<()> {
    let path = tokens(operation.get("path")?.as_str()?)?;
    match operation.get("op")?.as_str()? {
        "add" => add(document, &path, operation.get("value")?.clone()),
        "replace" => {
            let slot = find_mut(document, &path)?;
            *slot = operation.get("value")?.clone();
            Some(())
        }
        "remove" => remove(document, &path).map(drop),
        "move" => {
            let from = tokens(operation.get("from")?.as_str()?)?;
            let value = remove(document, &from)?;
            add(document, &path, value)
        }
        "copy" => {
            let from = tokens(operation.get("from")?.as_str()?)?;
            let value = find_mut(document, &from)?.clone();
            add(document, &path, value)
        }
        "test" => {
            let wanted = operation.get("value").unwrap_or(&Value::Null);
            let found = find_mut(document, &path).map_or(Value::Null, |v| v.clone());
            (found == *wanted).then_some(())
        }
        _ => None,
    }
}

fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(
        rest.split('/')
            .map(|t| t.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

fn find_mut<'a>(document: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |value, token| match value {
        Value::Object(map) => map.get_mut(token),
        Value::Array(list) => token.parse::<usize>().ok().and_then(|i| list.get_mut(i)),
        _ => None,
    })
}

fn add(document: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *document = value;
        return Some(());
    };
    match find_mut(document, parents)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        Value::Array(list) => {
            let index = if last == "-" { list.len() } else { last.parse().ok()? };
            if index > list.len() {
                return None;
            }
            list.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    match find_mut(document, parents)? {
        Value::Object(map) => map.remove(last),
        Value::Array(list) => {
            let index: usize = last.parse().ok()?;
            (index < list.len()).then(|| list.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_apply_in_order() {
        let patch = json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "add", "path": "/l/1", "value": "x"},
            {"op": "add", "path": "/l/-", "value": "z"},
            {"op": "move", "from": "/a", "path": "/b~1c"},
            {"op": "copy", "from": "/b~1c", "path": "/d"},
            {"op": "remove", "path": "/l/0"},
        ]);
        let result = apply_json_patch(&json!({"a": 1, "l": ["a", "b"]}), &patch).unwrap();
        assert_eq!(result, json!({"b/c": 1, "d": 1, "l": ["x", "b", "z"]}));
    }

    #[test]
    fn what_cannot_be_applied_is_refused() {
        for patch in [
            json!([{"op": "remove", "path": "/none"}]),
            json!([{"op": "replace", "path": "/none/x", "value": 1}]),
            json!([{"op": "test", "path": "/a", "value": 2}]),
            json!([{"op": "add", "path": "/l/9", "value": 2}]),
            json!([{"op": "what", "path": "/a"}]),
        ] {
            assert_eq!(
                apply_json_patch(&json!({"a": 1, "l": []}), &patch).unwrap_err().code,
                422,
                "{patch}"
            );
        }
        assert_eq!(apply_json_patch(&json!({}), &json!({})).unwrap_err().code, 400);
    }
}
