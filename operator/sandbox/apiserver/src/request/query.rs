//! Query parameters.

use crate::error::ApiError;
use crate::field::{FieldError, Path};

/// The parameters of a request, decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`.
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            text.split('&')
                .filter(|p| !p.is_empty())
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The first value of a parameter, empty if absent.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }

    /// Whether a parameter is present.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(k, _)| k == key)
    }

    /// Whether a parameter is true by Go's rules for booleans in queries.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.has(key) && !matches!(self.get(key), "false" | "0" | "False" | "F" | "f")
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
            .collect()
    }

    /// An integer parameter, if present.
    ///
    /// # Errors
    /// 400 if it is not an integer.
    pub(crate) fn number(&self, key: &str) -> Result<Option<i64>, ApiError> {
        match self.get(key) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing \"{text}\": invalid syntax (parameter {key})"
                ))
            }),
        }
    }

    /// Whether the request is a dry run; `kind` is the options kind for the error.
    ///
    /// # Errors
    /// 422 if the parameter is not `All`.
    pub(crate) fn dry_run(&self, kind: &str) -> Result<bool, ApiError> {
        check_dry_run(&self.all("dryRun"), kind)
    }
}

/// Whether `dryRun` asks for a dry run.
///
/// # Errors
/// 422 if there is a value other than `All`.
pub(crate) fn check_dry_run(values: &[&str], kind: &str) -> Result<bool, ApiError> {
    let values: Vec<&&str> = values.iter().filter(|v| !v.is_empty()).collect();
    if values.iter().any(|v| **v != "All") {
        let shown = serde_json::Value::from(values.iter().map(|v| **v).collect::<Vec<_>>());
        return Err(ApiError::invalid_options(
            kind,
            FieldError::unsupported(&Path::new("dryRun"), &shown, &["All"]),
        ));
    }
    Ok(!values.is_empty())
}

/// Decodes percent signs and plus signs.
pub(crate) fn decode(text: &str) -> String {
    percent(&text.replace('+', " "))
}

/// Decodes percent signs only, as in a path.
pub(crate) fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| bytes.get(i + 1..i + 3)).flatten();
        match hex
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=app+in+%28a%2Cb%29&watch=1&x");
        assert_eq!(query.get("labelSelector"), "app in (a,b)");
        assert!(query.flag("watch"));
        assert!(query.has("x"));
        assert!(!query.flag("y"));
    }

    #[test]
    fn only_all_is_a_dry_run() {
        assert!(Query::parse("dryRun=All").dry_run("CreateOptions").unwrap());
        assert_eq!(
            Query::parse("dryRun=Some").dry_run("CreateOptions").unwrap_err().code,
            422
        );
    }
}
