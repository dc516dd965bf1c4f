//! The patch formats: RFC 6902, RFC 7396 and Kubernetes' strategic merge.

mod json;
mod strategic;

pub(crate) use json::apply_json_patch;
pub(crate) use json_patch::merge as apply_merge_patch;
pub(crate) use strategic::apply_strategic_patch;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_of_the_specification() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": [1]}), json!({"a": [2, 3]}), json!({"a": [2, 3]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut target = target;
            apply_merge_patch(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
