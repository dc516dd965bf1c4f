//! JSON patch (RFC 6902).

use json_patch::{Patch, PatchOperation, TestOperation};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;

/// Applies the operations in order. If one fails, nothing changes.
///
/// # Errors
/// 400 if the patch is not a list of operations, 422 if one cannot be applied.
pub(crate) fn apply_json_patch(object: &Value, patch: &Value) -> Result<Value, ApiError> {
    if !patch.is_array() {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ));
    }
    let operations = Patch::deserialize(patch).map_err(|_| ApiError::unprocessable_patch())?;
    let mut result = object.clone();
    for operation in operations.0 {
        if !tests_absence(&result, &operation) {
            json_patch::patch_unsafe(&mut result, &[operation]).map_err(|_| ApiError::unprocessable_patch())?;
        }
    }
    Ok(result)
}

/// Whether the operation tests an absent value for null, which succeeds in Kubernetes, but not in RFC 6902.
fn tests_absence(document: &Value, operation: &PatchOperation) -> bool {
    match operation {
        PatchOperation::Test(TestOperation {
            path,
            value: Value::Null,
        }) => document.pointer(path.as_str()).is_none(),
        _ => false,
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
            {"op": "test", "path": "/d", "value": null},
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
