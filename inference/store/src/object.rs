//! Objects in buckets, and the errors of their stores.

use futures::StreamExt;
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

use crate::address::{ObjectAddress, Provider};
use crate::client::Refused;
use crate::error::{Fault, reasons};
use crate::fetch::Transfer;
use crate::purpose::Purpose;
use crate::settings;
use crate::web::may_pass;

/// Paths where the providers' clients look for an identity if the environment has no credentials.
const METADATA_SERVICES: [&str; 4] = [
    "/latest/api/token",
    "169.254.169.254",
    "metadata.google.internal",
    "application_default_credentials",
];

/// Downloads an object. The provider's client resumes an interrupted transfer if the object has not changed.
pub(crate) async fn fetch(address: &ObjectAddress, purpose: Purpose, transfer: &mut Transfer<'_>) -> Result<(), Fault> {
    if address.bucket.is_empty() || address.key.is_empty() {
        return Err(Fault::NotFound {
            problem: "the address must name a bucket and a key, such as s3://bucket/path/data.csv.gz".into(),
        });
    }
    let path = Path::parse(&address.key).map_err(|error| Fault::Refused {
        problem: format!("its key can't be requested: {error}"),
        fix: "Copy the object to a key without empty, `.` and `..` parts",
    })?;
    let variables = settings::environment();
    let (provider, bucket) = (address.provider, address.bucket.as_str());
    let store = settings::bucket(provider, bucket, purpose, variables, transfer.bounds)
        .map_err(|error| unusable(provider, purpose, &error))?;
    let refused = |error: Error| refusal(provider, bucket, purpose, &error);
    let object = store.get(&path).await.map_err(refused)?;
    transfer.expect(Some(object.meta.size))?;
    let mut bytes = object.into_stream();
    while let Some(chunk) = bytes.next().await {
        transfer.push(&chunk.map_err(refused)?)?;
    }
    if transfer.is_complete() {
        Ok(())
    } else {
        Err(transfer.broke_off("the store closed the connection"))
    }
}

/// The fault of a client that can't be built, for example because the account's name is not set.
pub(crate) fn unusable(provider: Provider, purpose: Purpose, error: &Error) -> Fault {
    Fault::Settings {
        problem: reasons(error),
        fix: purpose.credentials(provider),
    }
}

/// Explains the store's response and how to fix it.
///
/// Responses of servers are never quoted. Otherwise whoever chooses the address could read data that only this machine
/// can reach.
pub(crate) fn refusal(provider: Provider, bucket: &str, purpose: Purpose, error: &Error) -> Fault {
    if let Some(refused) = Refused::among(error) {
        return not_reached(refused);
    }
    let all = reasons(error);
    let denied = |problem: String| Fault::Denied {
        problem,
        fix: purpose.credentials(provider),
    };
    // Errors of list requests have no kind.
    let status = status(&all);
    let says = |code: u16| status == Some(code);
    match error {
        _ if matches!(error, Error::NotFound { .. }) || says(404) => Fault::NotFound {
            problem: if all.contains("NoSuchBucket")
                || all.contains("ContainerNotFound")
                || all.contains("bucket does not exist")
            {
                format!("there is no bucket `{bucket}`")
            } else {
                format!("the bucket `{bucket}` has no such object")
            },
        },
        _ if matches!(error, Error::PermissionDenied { .. }) || says(403) => denied(format!(
            "the store answers 403{}: these credentials lack permission",
            code(&all)
        )),
        _ if matches!(error, Error::Unauthenticated { .. }) || says(401) => denied(format!(
            "the store answers 401{}: these credentials are unknown",
            code(&all)
        )),
        _ if METADATA_SERVICES.iter().any(|service| all.contains(service)) => {
            denied("there are no credentials in the environment, and this machine has no identity of its own".into())
        }
        _ if all.contains("redirect without LOCATION") => Fault::Refused {
            problem: "the store answers with a redirect, as for a bucket of another region".into(),
            fix: purpose.credentials(provider),
        },
        // S3 also answers 400 to a connection that was silent for too long.
        _ if status.is_some_and(|status| status < 500 && !may_pass(status)) && code(&all) != " (RequestTimeout)" => {
            Fault::Refused {
                problem: format!("the store answers {}{}", status.unwrap_or_default(), code(&all)),
                fix: purpose.credentials(provider),
            }
        }
        _ => Fault::Unavailable {
            problem: match status {
                Some(status) => format!("the store answers {status}{}", code(&all)),
                None => without_answer(error),
            },
        },
    }
}

/// Whether the store does not support the operation.
pub(crate) fn is_not_implemented(error: &Error) -> bool {
    matches!(error, Error::NotImplemented { .. }) || status(&reasons(error)) == Some(501)
}

/// The fault for an address that the rules forbid.
pub(crate) fn not_reached(refused: &Refused) -> Fault {
    Fault::OutOfReach {
        problem: refused.to_string(),
        fix: "Name an address that pods may reach, without redirects to other hosts, or let the operator's chart allow them \
              (trainer.allowRedirects)",
    }
}

/// The HTTP status in an error of the providers' clients.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// Describes the failure of a request that got no usable response.
fn without_answer(error: &Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return reasons(http);
        }
        cause = error.source();
    }
    match error {
        Error::NotSupported { .. } | Error::InvalidPath { .. } => reasons(error),
        _ => "the store's answer can't be used".into(),
    }
}

/// S3's error codes for a refusal. Any other word comes from the server and is not shown.
const CODES: [&str; 15] = [
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidRequest",
    "InvalidToken",
    "NoSuchBucket",
    "NoSuchKey",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "SignatureDoesNotMatch",
    "SlowDown",
];

/// S3's error code for a refusal, in parentheses.
fn code(answer: &str) -> String {
    let word = answer
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .filter(|(word, _)| CODES.contains(word));
    word.map_or_else(String::new, |(word, _)| format!(" ({word})"))
}
