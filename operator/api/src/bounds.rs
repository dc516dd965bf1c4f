//! Fractional bounds that the API server also enforces for whole numbers.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};

/// Makes the API server enforce the fractional bounds of the number `name`.
///
/// The API server compares a whole number with the integer part of a bound: `0` passes `minimum: 0.01`. So the schema
/// gets the next lower whole number as an exclusive minimum, and a CEL rule, which reads every value as a double,
/// checks the real bounds.
pub(crate) fn enforce(name: &str, schema: &mut JSONSchemaProps) {
    let is_fraction = |bound: Option<f64>| bound.is_some_and(|bound| bound.fract() != 0.0);
    let (min, max) = (schema.minimum, schema.maximum);
    if !is_fraction(min) && !is_fraction(max) {
        return;
    }
    if is_fraction(min) {
        schema.minimum = min.map(f64::floor);
        schema.exclusive_minimum = Some(true);
    }
    let sides = [
        min.map(|min| (format!("self >= {}", literal(min)), format!("at least {min}"))),
        max.map(|max| (format!("self <= {}", literal(max)), format!("at most {max}"))),
    ];
    let (rules, words): (Vec<_>, Vec<_>) = sides.into_iter().flatten().unzip();
    schema
        .x_kubernetes_validations
        .get_or_insert_default()
        .push(ValidationRule {
            rule: rules.join(" && "),
            message: Some(format!("{name} must be {}", words.join(" and "))),
            ..ValidationRule::default()
        });
}

/// The number as a CEL double.
fn literal(number: f64) -> String {
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enforced(minimum: Option<f64>, maximum: Option<f64>) -> JSONSchemaProps {
        let mut schema = JSONSchemaProps {
            minimum,
            maximum,
            ..JSONSchemaProps::default()
        };
        enforce("share", &mut schema);
        schema
    }

    #[test]
    fn a_fractional_minimum_becomes_the_whole_number_below_it_and_a_rule() {
        let schema = enforced(Some(0.000_001), Some(1000.0));
        assert_eq!((schema.minimum, schema.exclusive_minimum), (Some(0.0), Some(true)));
        assert_eq!(schema.maximum, Some(1000.0));
        let rules = schema.x_kubernetes_validations.expect("a rule");
        assert_eq!(rules[0].rule, "self >= 0.000001 && self <= 1000.0");
        assert_eq!(
            rules[0].message.as_deref(),
            Some("share must be at least 0.000001 and at most 1000")
        );
        assert_eq!(enforced(Some(-0.5), None).minimum, Some(-1.0));
    }

    #[test]
    fn a_fractional_maximum_gets_a_rule() {
        let schema = enforced(Some(0.0), Some(0.5));
        assert_eq!((schema.minimum, schema.exclusive_minimum), (Some(0.0), None));
        let rules = schema.x_kubernetes_validations.expect("a rule");
        assert_eq!(rules[0].rule, "self >= 0.0 && self <= 0.5");
    }

    #[test]
    fn whole_bounds_stay_as_they_are() {
        let schema = enforced(Some(0.0), Some(1.0));
        assert_eq!((schema.minimum, schema.exclusive_minimum), (Some(0.0), None));
        assert_eq!(schema.x_kubernetes_validations, None);
    }
}
