//! Checks the requests of short Jobs. Each error names the field, the problem and the fix.

use complaint_contract::{
    CompareRequest, DELETED_DIGESTS, DatasetSettings, DeleteRequest, REQUEST_BYTES, RecordRequest,
};
use jiff::Timestamp;

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
