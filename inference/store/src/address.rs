//! Addresses of single objects.

use std::fmt;

use object_store::path::Path;
use url::Url;

use crate::error::Fault;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An `http://` or `https://` URL.
    Web(Box<Url>),
    /// An object in a bucket.
    Object(ObjectAddress),
}

/// The provider of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    S3,
    GoogleCloud,
    Azure,
}

/// An object of S3, Google Cloud Storage or Azure Blob Storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAddress {
    pub(crate) provider: Provider,
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl Provider {
    fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3),
            "gs" => Some(Self::GoogleCloud),
            "az" => Some(Self::Azure),
            _ => None,
        }
    }

    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::GoogleCloud => "gs",
            Self::Azure => "az",
        }
    }
}

impl ObjectAddress {
    /// Parses `s3://bucket/key`, `gs://bucket/key` or `az://container/blob`. The key is not percent-encoded. Returns
    /// `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let provider = Provider::of_scheme(scheme)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            provider,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }
}

impl Address {
    /// The address that a URL names. The path of an object is percent-encoded.
    ///
    /// # Errors
    /// [`Fault::Settings`] if the scheme or the path is invalid.
    pub fn of_url(url: &Url) -> Result<Self, Fault> {
        let Some(provider) = Provider::of_scheme(url.scheme()) else {
            return Ok(Self::Web(Box::new(url.clone())));
        };
        let key = Path::from_url_path(url.path()).map_err(|error| Fault::Settings {
            problem: error.to_string(),
            fix: "Write the address like s3://bucket/path/file",
        })?;
        Ok(Self::Object(ObjectAddress {
            provider,
            bucket: url.host_str().unwrap_or_default().to_owned(),
            key: key.into(),
        }))
    }
}

/// The address; it contains no secrets.
impl fmt::Display for ObjectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.provider.scheme(), self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_url_is_decoded_and_that_of_a_text_is_not() {
        let of_url = Address::of_url(&Url::parse("s3://models/a%20b/m").unwrap()).unwrap();
        assert_eq!(
            of_url,
            Address::Object(ObjectAddress::parse("s3://models/a b/m").unwrap())
        );
        for text in ["s3://bucket/a/b.csv.gz", "gs://bucket/a%20b", "az://container/b"] {
            assert_eq!(ObjectAddress::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(ObjectAddress::parse("ftp://a/b"), None);
        let url = Url::parse("https://example.org/a").unwrap();
        assert_eq!(Address::of_url(&url).unwrap(), Address::Web(Box::new(url)));
    }
}
