//! Retraining: when the operator makes TrainingRuns by itself, and from what.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};

use crate::{ClassifierRef, TrainingRunSpec, schema::terse};

/// When the operator makes a TrainingRun for the classifier, and from what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.schedule) || (!has(self.timeZone) && !has(self.startingDeadlineSeconds))")
    .message("timeZone and startingDeadlineSeconds belong to a schedule: set schedule, too, or leave them out"))]
pub struct Retraining {
    /// The spec of the TrainingRuns, without classifierRef, suspend and ttlSecondsAfterFinished.
    pub template: TrainingTemplate,
    /// When a run is made: minute, hour, day of the month, month and weekday, such as `0 3 * * 1` for every Monday at three; or
    /// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Where both days are limited, either of them is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(validation = Rule::new(schedule_rule())
        .message("schedule must have five fields (minute, hour, day of the month, month, weekday), such as '0 3 * * 1', or be @hourly, @daily, @weekly, @monthly or @yearly"))]
    pub schedule: Option<String>,
    /// The time zone of the schedule, a name of the IANA database such as `Europe/Berlin`. Unset: `Etc/UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self != 'Local' && self.matches('^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$')")
        .message("timeZone must be a name of the IANA time zone database, such as Europe/Berlin or Etc/UTC"))]
    pub time_zone: Option<String>,
    /// Seconds after a scheduled time during which its run may still be made, for example after an outage. Unset: however late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 31_536_000))]
    pub starting_deadline_seconds: Option<i64>,
    /// What happens when a run is due while another run of the classifier is active.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// Make one run at this time, or now if it has passed. Each time later than the last makes one run: write the time of now
    /// to train now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub request_time: Option<Time>,
    /// Make one run as soon as so many corrections have come since the last run that the operator made. They are counted by whole
    /// windows of `monitoring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub min_feedback_rows: Option<u64>,
    /// Make no runs. After its end, at most one is made for the scheduled times that have passed meanwhile.
    #[serde(default)]
    pub suspend: bool,
}

/// What happens when a run is due while another run of the classifier is active.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// A scheduled time is skipped; a request waits for the end of the active run.
    #[default]
    Forbid,
    /// A run that the operator made is deleted, and the new one takes its place. One that a person made is left alone, as with
    /// `Forbid`.
    Replace,
}

/// The spec of a TrainingRun without `classifierRef`, `suspend` and `ttlSecondsAfterFinished`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingTemplate(TrainingRunSpec);

/// The fields that the operator sets, or that make no sense for a run that it makes.
const WITHOUT: [&str; 3] = ["classifierRef", "suspend", "ttlSecondsAfterFinished"];

impl TrainingTemplate {
    /// The spec of a run for the classifier of that name.
    pub fn spec(&self, classifier: &str) -> TrainingRunSpec {
        TrainingRunSpec {
            classifier_ref: ClassifierRef {
                name: classifier.into(),
            },
            ..self.0.clone()
        }
    }
}

impl Serialize for TrainingTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spec = serde_json::to_value(&self.0).map_err(serde::ser::Error::custom)?;
        if let Some(fields) = spec.as_object_mut() {
            WITHOUT.iter().for_each(|field| drop(fields.remove(*field)));
        }
        spec.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TrainingTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut spec = Map::<String, Value>::deserialize(deserializer)?;
        spec.retain(|field, _| !WITHOUT.contains(&field.as_str()));
        spec.insert(WITHOUT[0].into(), json!(ClassifierRef::default()));
        let spec = serde_json::from_value(spec.into()).map_err(D::Error::custom)?;
        Ok(Self(spec))
    }
}

/// That of a TrainingRun's spec, without the fields that a template lacks and the rules about changes.
impl JsonSchema for TrainingTemplate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TrainingTemplate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = TrainingRunSpec::json_schema(generator).to_value();
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.retain(|field, _| !WITHOUT.contains(&field.as_str()));
        }
        if let Some(required) = schema["required"].as_array_mut() {
            required.retain(|field| !WITHOUT.iter().any(|without| field == without));
        }
        if let Some(rules) = schema["x-kubernetes-validations"].as_array_mut() {
            rules.retain(|rule| !rule["rule"].as_str().is_some_and(|rule| rule.contains("oldSelf")));
        }
        Schema::try_from(schema).expect("a schema with fewer properties is still a schema")
    }
}

/// The CEL rule of a schedule. What it can't say (a range from high to low, a day that no month has) is found by the operator.
fn schedule_rule() -> String {
    const MONTHS: &str = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
    const DAYS: &str = "sun|mon|tue|wed|thu|fri|sat";
    let fields = [
        "[0-5]?[0-9]".to_owned(),
        "([01]?[0-9]|2[0-3])".to_owned(),
        "(0?[1-9]|[12][0-9]|3[01])".to_owned(),
        format!("(0?[1-9]|1[0-2]|{MONTHS})"),
        format!("([0-7]|{DAYS})"),
    ];
    let fields = fields.map(|value| {
        let item = format!("(([*]|{value}-{value})(/[1-9][0-9]?)?|{value})");
        format!("{item}(,{item})*")
    });
    format!(
        "self.matches('(?i)^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{})$')",
        fields.join(" +")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainingRun;

    fn properties(schema: &Schema) -> Vec<String> {
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.expect("properties").keys().cloned().collect()
    }

    #[test]
    fn a_template_has_the_fields_of_a_run_but_for_three() {
        let generator = || schemars::generate::SchemaSettings::openapi3().with(|s| s.inline_subschemas = true);
        let run = TrainingRunSpec::json_schema(&mut generator().into_generator());
        let template = TrainingTemplate::json_schema(&mut generator().into_generator());
        let expected: Vec<_> = properties(&run)
            .into_iter()
            .filter(|field| !WITHOUT.contains(&field.as_str()))
            .collect();
        assert_eq!(properties(&template), expected);
        let text = template.clone().to_value().to_string();
        assert!(!text.contains("oldSelf") && text.contains("hashingBits"), "{text}");
        assert_eq!(template.get("required"), Some(&json!(["dataset"])));
    }

    #[test]
    fn a_template_and_a_run_have_the_same_defaults() {
        let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                              "textField": "narrative", "labelFields": ["category"] });
        let template: TrainingTemplate =
            serde_json::from_value(json!({ "dataset": dataset, "preset": "Thorough" })).expect("a template");
        let run: TrainingRun = serde_json::from_value(json!({
            "metadata": { "name": "cards-1" },
            "spec": { "classifierRef": { "name": "cards" }, "dataset": dataset, "preset": "Thorough" },
        }))
        .expect("a run");
        assert_eq!(template.spec("cards"), run.spec);
        let written = json!(template);
        assert_eq!(written["backoffLimit"], 3);
        assert!(WITHOUT.iter().all(|field| written.get(field).is_none()), "{written}");
        let again: TrainingTemplate = serde_json::from_value(written).expect("a template");
        assert_eq!(again, template);
    }
}
