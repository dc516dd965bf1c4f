//! Presets set the fields that a configuration leaves out.
//!
//! A preset is a part of a configuration with the sections `preprocessing`, `features` and `search`. The fields of a
//! run override it.

use complaint_contract::Preset;
use serde_json::{Map, Value};

/// The sections of a preset.
const SECTIONS: [&str; 3] = ["preprocessing", "features", "search"];

/// The preset's file in `trainer/presets/`.
fn fragment(preset: Preset) -> &'static str {
    match preset {
        Preset::Reference => include_str!("../../presets/reference.json"),
        Preset::Standard => include_str!("../../presets/standard.json"),
        Preset::Thorough => include_str!("../../presets/thorough.json"),
    }
}

/// Merges a configuration with its preset.
///
/// Objects are merged field by field; the configuration replaces all other values. The preset's search does not vary a
/// step of the text pipeline that the configuration sets. With hashing it varies only `sublinearTf`.
pub(super) fn lay_under(preset: Preset, configuration: &mut Map<String, Value>) {
    let Ok(Value::Object(mut preset)) = serde_json::from_str(fragment(preset)) else {
        unreachable!("a test reads every preset");
    };
    let fixed = ["preprocessing", "features"]
        .into_iter()
        .filter_map(|section| configuration.get(section)?.as_object());
    let grid = preset
        .get_mut("search")
        .and_then(|search| search.get_mut("pipelineGrid"))
        .and_then(Value::as_object_mut);
    if let Some(grid) = grid {
        fixed.flat_map(Map::keys).for_each(|step| {
            grid.remove(step);
        });
        let hashing = configuration
            .get("features")
            .and_then(|features| features.get("hashingBits"));
        if hashing.is_some_and(|bits| !bits.is_null()) {
            grid.retain(|step, _| step == "sublinearTf");
        }
    }
    for section in SECTIONS {
        let below = preset.remove(section).unwrap_or_default();
        match (configuration.get_mut(section), below) {
            (Some(Value::Object(own)), Value::Object(below)) => {
                for (field, value) in below {
                    own.entry(field).or_insert(value);
                }
            }
            // A section that is not an object is rejected when it is deserialised.
            (Some(_), _) => {}
            (None, below) => {
                configuration.insert(section.to_owned(), below);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use complaint_contract::{Strategy, limits};
    use complaint_model::{Features, Preprocessing};

    use super::*;
    use crate::config::{SearchConfig, estimators, pipelines::pipelines};

    fn laid(preset: Preset, own: Value) -> Map<String, Value> {
        let Value::Object(mut own) = own else {
            panic!("an object")
        };
        lay_under(preset, &mut own);
        own
    }

    #[test]
    fn own_fields_win_and_the_rest_is_the_presets() {
        let laid = laid(
            Preset::Reference,
            serde_json::json!({ "features": { "maxFeatures": 7 }, "search": { "folds": 3 } }),
        );
        assert_eq!(laid["features"]["maxFeatures"], 7);
        assert_eq!(laid["features"]["minDocumentFrequency"], 2);
        assert_eq!(laid["search"]["folds"], 3);
        assert_eq!(laid["search"]["candidates"].as_array().map(Vec::len), Some(2));
        assert_eq!(laid["preprocessing"]["normalizer"], "Lemma");
    }

    #[test]
    fn a_step_that_is_set_is_not_varied() {
        let own = serde_json::json!({ "preprocessing": { "removeStopWords": true } });
        let hashing = serde_json::json!({ "features": { "hashingBits": 20 } });
        assert_eq!(
            laid(Preset::Thorough, hashing)["search"]["pipelineGrid"],
            serde_json::json!({})
        );
        assert!(
            laid(Preset::Thorough, serde_json::json!({}))["search"]["pipelineGrid"]
                .get("removeStopWords")
                .is_some()
        );
        assert!(
            laid(Preset::Thorough, own)["search"]["pipelineGrid"]
                .get("removeStopWords")
                .is_none()
        );
    }

    /// The CEL rules of a TrainingRun use these numbers of grid points.
    #[test]
    fn the_contract_knows_how_much_a_preset_tries() {
        for preset in Preset::ALL {
            let own = laid(preset, serde_json::json!({}));
            let search: SearchConfig = serde_json::from_value(own["search"].clone()).unwrap();
            let estimators: usize = search
                .candidates
                .iter()
                .map(|candidate| estimators(candidate).len())
                .sum();
            let pipelines = pipelines(
                &search.pipeline_grid,
                &Preprocessing::default(),
                &Features::default(),
                &[],
            )
            .len();
            assert_eq!(
                (estimators, pipelines),
                (preset.estimators(), preset.pipelines()),
                "{preset:?}"
            );
            assert_eq!(search.max_trial_count, limits::PRESET_TRIALS, "{preset:?}");
            assert_eq!(search.strategy, Strategy::Grid, "{preset:?}");
        }
    }

    /// The documentation contains the presets unchanged.
    #[test]
    fn the_documentation_shows_the_presets() {
        let page = include_str!("../../../docs/training.md");
        for preset in Preset::ALL {
            let name = serde_json::to_value(preset).unwrap();
            let heading = format!("### `{}`", name.as_str().unwrap());
            let section = page.split_once(&heading).expect("a section for each preset").1;
            let block = section
                .split("```")
                .nth(1)
                .and_then(|block| block.strip_prefix("yaml\n"));
            let shown: Value = serde_saphyr::from_str(block.expect("a YAML block")).unwrap();
            let kept: Value = serde_json::from_str(fragment(preset)).unwrap();
            assert_eq!(as_numbers(shown), as_numbers(kept), "{heading}");
        }
    }

    /// Makes `1` and `1.0` compare equal.
    fn as_numbers(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().into(),
            Value::Array(items) => items.into_iter().map(as_numbers).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (name, as_numbers(value)))
                .collect(),
            other => other,
        }
    }
}
