//! Quantities such as `500m` and `1.5Gi`: their value and their canonical form.

use serde_json::Value;

/// Suffixes of powers of 1000 by exponent, and of powers of 1024.
const DECIMAL: [(&str, i32); 9] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// The number and its suffix.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

/// The value of a quantity; `None` if the text is not one.
pub(crate) fn value(text: &str) -> Option<f64> {
    let (number, suffix) = split(text);
    let number: f64 = number.parse().ok()?;
    scale(suffix).map(|factor| number * factor)
}

fn scale(suffix: &str) -> Option<f64> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some(10_f64.powi(*exponent));
    }
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some(2_f64.powi(i32::try_from(*bits).ok()?));
    }
    match suffix {
        "E" => Some(1e18),
        _ => suffix.strip_prefix(['e', 'E'])?.parse().ok().map(|e| 10_f64.powi(e)),
    }
}

/// The canonical form of a quantity: the largest suffix that leaves a whole number.
pub(crate) fn canonical(quantity: &Value) -> Option<String> {
    let text = match quantity {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (number, suffix) = split(&text);
    let thousandths = fixed(number)?;
    if suffix
        .strip_prefix(['e', 'E'])
        .is_some_and(|e| e.parse::<i32>().is_ok())
    {
        // Scientific notation is kept.
        return Some(text.clone());
    }
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        let whole = thousandths.checked_mul(1_i128 << bits)?;
        if whole % 1_000_000_000 == 0 {
            return Some(binary(whole / 1_000_000_000));
        }
    }
    let exponent = match suffix {
        "E" => 18,
        _ => DECIMAL.iter().find(|(s, _)| *s == suffix).map(|(_, e)| *e)?,
    };
    Some(decimal(thousandths, exponent - 9))
}

/// A decimal number in units of 10^-9.
fn fixed(number: &str) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 {
        return None;
    }
    let negative = whole.starts_with('-');
    let whole: i128 = if matches!(whole, "" | "-" | "+") {
        0
    } else {
        whole.parse().ok()?
    };
    let part: i128 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9}").parse().ok()?
    };
    let magnitude = whole.abs().checked_mul(1_000_000_000)? + part;
    Some(if negative { -magnitude } else { magnitude })
}

fn binary(mut whole: i128) -> String {
    let mut suffix = "";
    for (name, _) in BINARY {
        if whole == 0 || whole % 1024 != 0 {
            break;
        }
        whole /= 1024;
        suffix = name;
    }
    format!("{whole}{suffix}")
}

/// `units` × 10^`exponent` with the largest suffix that leaves a whole number.
fn decimal(mut units: i128, mut exponent: i32) -> String {
    if units == 0 {
        return "0".to_owned();
    }
    while units % 10 == 0 {
        units /= 10;
        exponent += 1;
    }
    let (suffix, base) = DECIMAL
        .iter()
        .rev()
        .find(|(_, e)| *e <= exponent)
        .copied()
        .unwrap_or(DECIMAL[0]);
    for _ in base..exponent {
        units *= 10;
    }
    format!("{units}{suffix}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values() {
        assert_eq!(value("500m"), Some(0.5));
        assert_eq!(value("1Gi"), Some(1_073_741_824.0));
        assert_eq!(value("1e3"), Some(1000.0));
        assert_eq!(value("x"), None);
    }

    #[test]
    fn one_way_to_write_each() {
        for (given, written) in [
            (json!("1000m"), "1"),
            (json!("0.5"), "500m"),
            (json!("1024Mi"), "1Gi"),
            (json!("1500000000"), "1500M"),
            (json!(1), "1"),
            (json!("1.5Gi"), "1536Mi"),
            (json!("100m"), "100m"),
            (json!("0"), "0"),
            (json!("128974848"), "128974848"),
        ] {
            assert_eq!(canonical(&given).as_deref(), Some(written), "{given}");
        }
    }
}
