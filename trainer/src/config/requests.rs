//! Checks the requests of short Jobs. Each error names the field, the problem and the fix.

use complaint_contract::{
    AdaptRequest, CompareRequest, DELETED_DIGESTS, DatasetSettings, DeleteRequest, ExpireRequest, REQUEST_BYTES,
    RecordRequest, TRACKED_VERSIONS, TrackRequest,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use super::validate::{check_champion, check_dataset, check_evaluation, check_name, invalid, require};
use super::{ConfigError, malformed};

/// A request that is valid after [`Request::check`].
pub(crate) trait Request: for<'de> serde::Deserialize<'de> {
    /// Checks every value.
    fn check(&self) -> Result<(), ConfigError>;
}

/// Parses a request, rejects unknown fields, and checks it. `argument` names the request's origin in messages.
pub(crate) fn parse_request<R: Request>(argument: &str, json: &[u8]) -> Result<R, ConfigError> {
    require(
        json.len() <= REQUEST_BYTES,
        argument,
        || format!("has more than {REQUEST_BYTES} bytes"),
        "Shorten the request",
    )?;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let request: R = serde_path_to_error::deserialize(&mut reader).map_err(malformed)?;
    reader
        .end()
        .map_err(|error| invalid(argument, error.to_string(), "Pass one JSON object"))?;
    request.check()?;
    Ok(request)
}

impl Request for CompareRequest {
    fn check(&self) -> Result<(), ConfigError> {
        self.champion.as_ref().map_or(Ok(()), check_champion)?;
        let none = DatasetSettings::default();
        check_evaluation(&self.evaluation, self.dataset.as_ref().unwrap_or(&none))?;
        if self.evaluation.holdout.is_some() {
            return Ok(());
        }
        let Some(dataset) = &self.dataset else {
            return Err(invalid(
                "dataset",
                "is missing, and so is evaluation.holdout",
                "Say which rows both models are to answer",
            ));
        };
        check_dataset(dataset)?;
        require(
            dataset.sha256.is_some(),
            "dataset.sha256",
            || "is missing".into(),
            "Give the digest of the data set that the version was trained on",
        )
    }
}

impl Request for AdaptRequest {
    fn check(&self) -> Result<(), ConfigError> {
        check_name("namespace", &self.namespace)?;
        check_name("classifier", &self.classifier)?;
        check_name("version", &self.version)?;
        require(
            self.mix.iter().all(|share| (0.0..=1.0).contains(share)),
            "mix",
            || "has a number that is no share".into(),
            "Pass numbers from 0 to 1",
        )?;
        require(
            (0.0..=1.0).contains(&self.max_loss),
            "maxLoss",
            || "is no share".into(),
            "Pass a number from 0 to 1",
        )
    }
}

impl Request for DeleteRequest {
    fn check(&self) -> Result<(), ConfigError> {
        check_name("namespace", &self.namespace)?;
        check_name("classifier", &self.classifier)?;
        require(
            self.digests.len() <= DELETED_DIGESTS,
            "digests",
            || format!("has {} entries", self.digests.len()),
            "Delete at most 1000 artifacts at once",
        )
    }
}

impl Request for ExpireRequest {
    fn check(&self) -> Result<(), ConfigError> {
        check_name("namespace", &self.namespace)?;
        check_name("classifier", &self.classifier)?;
        check_day("feedbackBefore", self.feedback_before.as_deref())?;
        check_day("captureBefore", self.capture_before.as_deref())
    }
}

/// Checks a day before which rows are deleted. Servers write rows of today and may still add to those of yesterday.
fn check_day(field: &str, day: Option<&str>) -> Result<(), ConfigError> {
    let Some(day) = day else { return Ok(()) };
    let parsed = Date::strptime("%Y-%m-%d", day).ok();
    let date = parsed.filter(|date| date.to_string() == day);
    let date = date.ok_or_else(|| invalid(field, "is not a day", "Write it like 2026-11-29"))?;
    require(
        date < Timestamp::now().to_zoned(TimeZone::UTC).date(),
        field,
        || "is not before today, and servers may still add to the rows of yesterday".into(),
        "Name yesterday or an earlier day, in UTC",
    )
}

impl Request for RecordRequest {
    fn check(&self) -> Result<(), ConfigError> {
        check_name("namespace", &self.namespace)?;
        check_name("classifier", &self.classifier)?;
        check_name("promotion.version", &self.promotion.version)?;
        if let Some(previous) = &self.promotion.previous {
            check_name("promotion.previous", previous)?;
        }
        let reason = &self.promotion.reason;
        require(
            (1..=64).contains(&reason.len()) && reason.bytes().all(|byte| byte.is_ascii_alphabetic()),
            "promotion.reason",
            || "is not one word of letters".into(),
            "Write a word such as Better or Pinned",
        )?;
        require(
            self.promotion.time.parse::<Timestamp>().is_ok(),
            "promotion.time",
            || "is not a time".into(),
            "Write it like 2026-11-29T03:00:00Z",
        )
    }
}

impl Request for TrackRequest {
    fn check(&self) -> Result<(), ConfigError> {
        check_name("namespace", &self.namespace)?;
        check_name("classifier", &self.classifier)?;
        let uri = Url::parse(&self.mlflow.uri).ok();
        let is_plain = |uri: &Url| {
            matches!(uri.scheme(), "http" | "https")
                && uri.has_host()
                && uri.username().is_empty()
                && uri.password().is_none()
                && uri.query().is_none()
                && uri.fragment().is_none()
        };
        require(
            uri.is_some_and(|uri| is_plain(&uri)),
            "mlflow.uri",
            || "is not an http:// or https:// address without user, password, query and fragment".into(),
            "Write it like http://mlflow:5000; MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, are \
             variables of the environment",
        )?;
        require(
            !self.mlflow.experiment.trim().is_empty() && self.mlflow.experiment.len() <= 1000,
            "mlflow.experiment",
            || "is empty or too long".into(),
            "Name the experiment",
        )?;
        let model = &self.mlflow.registered_model;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._ ".contains(&byte);
        require(
            (1..=250).contains(&model.len())
                && model.bytes().all(plain)
                && model.bytes().any(|byte| byte.is_ascii_alphanumeric()),
            "mlflow.registeredModel",
            || "is not the name of a registered model".into(),
            "Use letters, digits, spaces, `-`, `_` and `.`",
        )?;
        require(
            self.versions.len() <= TRACKED_VERSIONS,
            "versions",
            || format!("has {} entries", self.versions.len()),
            "Log at most 8 versions at once",
        )?;
        for (number, version) in self.versions.iter().enumerate() {
            let field = |field: &str| format!("versions[{number}].{field}");
            check_name(&field("name"), &version.name)?;
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            require(
                version.folder.split('/').all(plain),
                &field("folder"),
                || "is not a folder of the store".into(),
                "Write it like namespace/classifier/digest",
            )?;
            require(
                version.time.parse::<Timestamp>().is_ok(),
                &field("time"),
                || "is not a time".into(),
                "Write it like 2026-11-29T03:00:00Z",
            )?;
        }
        for (alias, version) in self.aliases.each() {
            if let Some(version) = version {
                check_name(&format!("aliases.{alias}.name"), &version.name)?;
            }
        }
        Ok(())
    }
}
