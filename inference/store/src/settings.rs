//! Bucket clients, configured by the environment.

use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use crate::address::Provider;
use crate::bounds::Bounds;
use crate::client::Dialer;
use crate::purpose::Purpose;

/// Names and values of environment variables.
pub(crate) type Variables = Vec<(String, String)>;

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
            let store = google_cloud(purpose, variables)
                .with_bucket_name(name)
                .with_retry(bounds.retry())
                .with_http_connector(dialer)
                .build()?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "azure")]
        Provider::Azure => {
            let store = azure(purpose, variables)
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

/// Settings of S3.
fn s3(purpose: Purpose, variables: Variables) -> AmazonS3Builder {
    let (variables, _) = chosen(purpose, "AWS_", variables);
    let plain = names_plain_http(&variables, &S3_ENDPOINTS);
    let builder = keys::<AmazonS3ConfigKey>(&variables, "AWS_")
        .fold(AmazonS3Builder::new(), |builder, (key, value)| {
            builder.with_config(key, value)
        });
    if plain { builder.with_allow_http(true) } else { builder }
}

#[cfg(feature = "gcp")]
fn google_cloud(purpose: Purpose, variables: Variables) -> object_store::gcp::GoogleCloudStorageBuilder {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
    let (variables, is_own) = chosen(purpose, "GOOGLE_", variables);
    let builder = if is_own {
        keys::<GoogleConfigKey>(&variables, "GOOGLE_")
            .fold(GoogleCloudStorageBuilder::new(), |builder, (key, value)| {
                builder.with_config(key, value)
            })
    } else {
        GoogleCloudStorageBuilder::from_env()
    };
    if names_plain_http(&variables, &["GOOGLE_BASE_URL"]) {
        let key = GoogleConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
        return builder.with_config(key, "true");
    }
    builder
}

#[cfg(feature = "azure")]
fn azure(purpose: Purpose, variables: Variables) -> object_store::azure::MicrosoftAzureBuilder {
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
    let (variables, is_own) = chosen(purpose, "AZURE_", variables);
    let builder = if is_own {
        keys::<AzureConfigKey>(&variables, "AZURE_").fold(MicrosoftAzureBuilder::new(), |builder, (key, value)| {
            builder.with_config(key, value)
        })
    } else {
        MicrosoftAzureBuilder::from_env()
    };
    if names_plain_http(&variables, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]) {
        return builder.with_allow_http(true);
    }
    builder
}

/// The variables that apply, and whether they are the purpose's own. If any variable of a provider's `family` has the
/// purpose's prefix, only the variables with the prefix apply, without the prefix: keys of the data set never complete
/// them.
fn chosen(purpose: Purpose, family: &str, variables: Variables) -> (Variables, bool) {
    let own: Option<Variables> = purpose.prefix().map(|prefix| {
        let stripped = |(name, value): &(String, String)| Some((name.strip_prefix(prefix)?.to_owned(), value.clone()));
        variables.iter().filter_map(stripped).collect()
    });
    match own.filter(|own| own.iter().any(|(name, _)| name.starts_with(family))) {
        Some(own) => (own, true),
        None => (variables, false),
    }
}

/// The settings of a provider among the variables.
fn keys<'v, K: FromStr>(variables: &'v Variables, family: &str) -> impl Iterator<Item = (K, &'v str)> {
    variables
        .iter()
        .filter(move |(name, _)| name.starts_with(family))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str())))
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
    fn the_holdout_has_variables_of_its_own() {
        let all = [
            ("AWS_ACCESS_KEY_ID", "data"),
            ("STORE_AWS_ACCESS_KEY_ID", "models"),
            ("HOLDOUT_AWS_ACCESS_KEY_ID", "holdout"),
        ];
        for (purpose, expected) in [
            (Purpose::DataSet, "data"),
            (Purpose::Artifacts, "models"),
            (Purpose::Holdout, "holdout"),
        ] {
            assert_eq!(key(&of(purpose, &all)).as_deref(), Some(expected), "{purpose:?}");
        }
        // Without a Secret of its own, the holdout is read like the data set.
        assert_eq!(key(&of(Purpose::Holdout, &all[..2])).as_deref(), Some("data"));
        let half = [all[0], ("HOLDOUT_AWS_REGION", "eu-north-1")];
        assert_eq!(key(&of(Purpose::Holdout, &half)), None);
        let other = [all[0], ("HOLDOUT_AZURE_STORAGE_ACCOUNT_NAME", "holdout")];
        assert_eq!(key(&of(Purpose::Holdout, &other)).as_deref(), Some("data"));
    }

    #[cfg(all(feature = "gcp", feature = "azure"))]
    #[test]
    fn other_providers_have_them_too() {
        use object_store::azure::AzureConfigKey;
        use object_store::gcp::GoogleConfigKey;
        let variables = |of: &[(&str, &str)]| -> Variables {
            of.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let own = variables(&[
            ("HOLDOUT_AZURE_STORAGE_ACCOUNT_NAME", "holdout"),
            ("HOLDOUT_GOOGLE_SERVICE_ACCOUNT_KEY", "{}"),
            ("AZURE_STORAGE_ACCOUNT_KEY", "data"),
        ]);
        let blob = azure(Purpose::Holdout, own.clone());
        assert_eq!(
            blob.get_config_value(&AzureConfigKey::AccountName).as_deref(),
            Some("holdout")
        );
        assert_eq!(blob.get_config_value(&AzureConfigKey::AccessKey), None);
        let object = google_cloud(Purpose::Holdout, own);
        assert_eq!(
            object.get_config_value(&GoogleConfigKey::ServiceAccountKey).as_deref(),
            Some("{}")
        );
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
