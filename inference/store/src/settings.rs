//! Bucket clients, configured by the environment.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use crate::address::Provider;
use crate::bounds::Bounds;
use crate::client::Dialer;
use crate::purpose::Purpose;

/// Names and values of environment variables.
pub(crate) type Variables = Vec<(String, String)>;

/// Prefix of the store's own variables.
const OWN: &str = "STORE_";
/// Variables that name an S3 server other than AWS's.
const S3_ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

/// The environment, without variables that are not UTF-8.
pub(crate) fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The client of one bucket.
pub(crate) fn bucket(
    provider: Provider,
    name: &str,
    purpose: Purpose,
    variables: Variables,
    bounds: &Bounds,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let dialer = Dialer {
        silence: bounds.silence,
        reach: bounds.reach,
    };
    match provider {
        Provider::S3 => {
            let store = s3(purpose, variables)
                .with_bucket_name(name)
                .with_retry(bounds.retry())
                .with_http_connector(dialer)
                .build()?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "gcp")]
        Provider::GoogleCloud => {
            use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
            let mut builder = GoogleCloudStorageBuilder::from_env();
            if names_plain_http(&variables, &["GOOGLE_BASE_URL"]) {
                let key = GoogleConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
                builder = builder.with_config(key, "true");
            }
            let store = builder
                .with_bucket_name(name)
                .with_retry(bounds.retry())
                .with_http_connector(dialer)
                .build()?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "azure")]
        Provider::Azure => {
            use object_store::azure::MicrosoftAzureBuilder;
            let mut builder = MicrosoftAzureBuilder::from_env();
            if names_plain_http(&variables, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]) {
                builder = builder.with_allow_http(true);
            }
            let store = builder
                .with_container_name(name)
                .with_retry(bounds.retry())
                .with_http_connector(dialer)
                .build()?;
            Ok(Arc::new(store))
        }
        #[allow(unreachable_patterns, reason = "reached where a provider is not compiled in")]
        other => Err(object_store::Error::NotSupported {
            source: format!("this program does not support {}:// addresses", other.scheme()).into(),
        }),
    }
}

/// Settings of S3. For artifacts, the store's own variables if there are any, otherwise the shared ones.
fn s3(purpose: Purpose, variables: Variables) -> AmazonS3Builder {
    let own = |name: &str| name.strip_prefix(OWN).is_some_and(|name| name.starts_with("AWS_"));
    let variables: Variables = if purpose == Purpose::Artifacts && variables.iter().any(|(name, _)| own(name)) {
        variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(OWN)?.to_owned(), value)))
            .collect()
    } else {
        variables
    };
    let plain = names_plain_http(&variables, &S3_ENDPOINTS);
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if plain { builder.with_allow_http(true) } else { builder }
}

/// Whether one of these variables names an endpoint without TLS, which allows plain http.
fn names_plain_http(variables: &Variables, endpoints: &[&str]) -> bool {
    variables
        .iter()
        .any(|(name, value)| endpoints.contains(&name.as_str()) && value.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use object_store::ClientConfigKey;

    use super::*;

    fn of(purpose: Purpose, variables: &[(&str, &str)]) -> AmazonS3Builder {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        s3(purpose, variables)
    }

    fn key(builder: &AmazonS3Builder) -> Option<String> {
        builder.get_config_value(&AmazonS3ConfigKey::AccessKeyId)
    }

    fn allows_plain_http(builder: &AmazonS3Builder) -> Option<String> {
        builder.get_config_value(&AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp))
    }

    #[test]
    fn the_stores_own_variables_come_before_everybodys() {
        let shared = ("AWS_ACCESS_KEY_ID", "data");
        assert_eq!(key(&of(Purpose::Artifacts, &[shared])).as_deref(), Some("data"));
        let own = [
            shared,
            ("STORE_AWS_ACCESS_KEY_ID", "models"),
            ("STORE_AWS_REGION", "eu-north-1"),
        ];
        assert_eq!(key(&of(Purpose::Artifacts, &own)).as_deref(), Some("models"));
        assert_eq!(key(&of(Purpose::DataSet, &own)).as_deref(), Some("data"));
        // A key of the data set never completes the store's settings.
        let half = [shared, ("STORE_AWS_REGION", "eu-north-1")];
        assert_eq!(key(&of(Purpose::Artifacts, &half)), None);
    }

    #[test]
    fn plain_http_is_what_the_endpoint_says() {
        for (name, value, plain) in [
            ("AWS_ENDPOINT", "http://store:9000", "true"),
            ("AWS_ENDPOINT_URL_S3", "http://store:9000", "true"),
            ("AWS_ENDPOINT", "https://store:9000", "false"),
            ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9", "false"),
        ] {
            let builder = of(Purpose::DataSet, &[(name, value)]);
            assert_eq!(allows_plain_http(&builder).as_deref(), Some(plain), "{name}={value}");
        }
    }
}
