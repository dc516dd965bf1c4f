//! The location of a model: a file or an address.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use complaint_contract::layout;
use url::Url;

/// The location of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file on this machine.
    File(PathBuf),
    /// An object at an `http://`, `https://` or `s3://` address.
    Remote(Box<Url>),
}

/// The text is not a location that a model can be read from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The address can't be parsed.
    #[error("the address can't be read: {0}. Write it like s3://bucket/path/model.safetensors")]
    Malformed(url::ParseError),
    /// The scheme is not supported.
    #[error(
        "`{0}://` is not supported: give a file, or an address that begins with s3://, https:// or http://. \
         A store's pvc:// address is a path where the claim is mounted"
    )]
    Scheme(String),
    /// The address has no host or no path.
    #[error(
        "the address names no object: give the bucket or host, and the path, like s3://bucket/path/model.safetensors"
    )]
    Incomplete,
    /// The address contains a user or password, which would show in process lists and logs.
    #[error(
        "the address holds a user or password: take them out; keys for s3:// come from the environment (AWS_ACCESS_KEY_ID, …)"
    )]
    Credentials,
    /// The address contains a query, such as that of a presigned URL.
    #[error(
        "the address has a query or fragment (`?…`, `#…`), which is not sent: use s3:// with keys from the environment, or an address without"
    )]
    Query,
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(text.into()));
        };
        match scheme {
            "file" => return Ok(Self::File(rest.into())),
            "http" | "https" | "s3" => {}
            other => return Err(LocationError::Scheme(other.to_owned())),
        }
        let url = Url::parse(text).map_err(LocationError::Malformed)?;
        if !url.has_host() || url.path().ends_with('/') || url.path().is_empty() {
            return Err(LocationError::Incomplete);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LocationError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(LocationError::Query);
        }
        Ok(Self::Remote(Box::new(url)))
    }
}

impl Location {
    /// The name of the model's file, by which a signature names it.
    #[must_use]
    pub fn file_name(&self) -> String {
        let last = match self {
            Self::File(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Self::Remote(url) => url.path_segments().and_then(|mut parts| parts.next_back()).map(|name| {
                percent_encoding::percent_decode_str(name)
                    .decode_utf8_lossy()
                    .into_owned()
            }),
        };
        last.unwrap_or_default()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Remote(url) => url.fmt(f),
        }
    }
}

/// The path of the report beside a model file.
#[must_use]
pub fn report_beside(model: &Path) -> PathBuf {
    model.with_file_name(layout::REPORT)
}

/// The address of another file beside a model's address.
#[must_use]
pub fn address_beside(model: &Url, file: &str) -> Url {
    let mut url = model.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(file);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_addresses() {
        for (text, report) in [
            ("model.safetensors", "report.json"),
            ("/models/a/model.safetensors", "/models/a/report.json"),
            ("file:///models/model.safetensors", "/models/report.json"),
            ("s3://bucket/a/model.safetensors", "s3://bucket/a/report.json"),
            ("https://host:8443/m.safetensors", "https://host:8443/report.json"),
        ] {
            let beside = match text.parse().unwrap() {
                Location::File(path) => report_beside(&path).display().to_string(),
                Location::Remote(url) => address_beside(&url, layout::REPORT).to_string(),
            };
            assert_eq!(beside, report);
        }
    }

    #[test]
    fn a_file_has_a_name() {
        for (text, name) in [
            ("model.safetensors", "model.safetensors"),
            ("/models/a/cards.safetensors", "cards.safetensors"),
            ("s3://bucket/a/model.safetensors", "model.safetensors"),
            ("https://host/my%20model", "my model"),
        ] {
            assert_eq!(text.parse::<Location>().unwrap().file_name(), name);
        }
    }

    #[test]
    fn what_is_no_place_says_why() {
        for (text, words) in [
            ("gs://bucket/model", "not supported"),
            ("pvc://claim/model", "mounted"),
            ("s3://bucket", "names no object"),
            ("s3://bucket/", "names no object"),
            ("http://host/models/", "names no object"),
            ("https://user:secret@host/model", "password"),
            ("https://host/model?X-Amz-Signature=1", "query"),
            ("http://[/model", "can't be read"),
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
