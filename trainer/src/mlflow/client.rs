//! Requests to the server. Of an answer only its status, a known error code and checked ids are ever passed on: the rest may
//! hold anything, even the request's credentials.

use std::time::Duration;

use complaint_contract::{TrainerReason, variables};
use complaint_store::{Answer, Body, Bounds, Fault, Login, Reach, Service, Verb};
use serde_json::Value;
use url::Url;

/// Largest answer that is read.
const ANSWER_BYTES: u64 = 16 << 20;
/// Longest time of a request; a model is sent in one.
const REQUEST_TIME: Duration = Duration::from_secs(300);
/// Longest silence of the server while it answers.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a request that did not reach the server is repeated: the operator tries again, too.
const RETRIES: usize = 3;

/// How often a request is repeated that the server's database refused, and the first pause, which doubles.
const CONFLICTS: u32 = 4;
const CONFLICT_PAUSE: Duration = Duration::from_millis(250);

/// Error codes of MLflow that decide something.
const MISSING: &str = "RESOURCE_DOES_NOT_EXIST";
const EXISTS: &str = "RESOURCE_ALREADY_EXISTS";
/// Also what MLflow says when its database refuses a statement, as it does where two clients set one alias at the same moment:
/// nothing is written then, and a moment later it may go well.
const BAD: &str = "BAD_REQUEST";
/// Those that messages may name.
const CODES: [&str; 6] = [
    MISSING,
    EXISTS,
    "INVALID_PARAMETER_VALUE",
    BAD,
    "INVALID_STATE",
    "PERMISSION_DENIED",
];

/// Why something could not be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TrackingError {
    /// The reason.
    pub reason: TrainerReason,
    /// What happened and what to do.
    pub message: String,
}

impl TrackingError {
    pub(super) fn new(reason: TrainerReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// How the server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) login: Option<Login>,
    pub(crate) reach: Reach,
}

impl Settings {
    /// Those of the environment, under the names of MLflow's own client. If one of them has the prefix `TRACKING_`, only those
    /// with the prefix count.
    pub(crate) fn from_environment(reach: Reach) -> Result<Self, TrackingError> {
        Self::from_variables(reach, |name| std::env::var(name).ok())
    }

    fn from_variables(reach: Reach, read: impl Fn(&str) -> Option<String>) -> Result<Self, TrackingError> {
        const NAMES: [&str; 3] = [
            "MLFLOW_TRACKING_USERNAME",
            "MLFLOW_TRACKING_PASSWORD",
            "MLFLOW_TRACKING_TOKEN",
        ];
        let of = |prefix: &str| NAMES.map(|name| read(&format!("{prefix}{name}")).filter(|value| !value.is_empty()));
        let own = of(variables::TRACKING);
        let found = if own.iter().any(Option::is_some) { own } else { of("") };
        // Files often end with a line break, and Secrets are made from files.
        let login = match found.map(|value| value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned())) {
            [Some(user), Some(password), _] => Some(Login::basic(&user, &password)),
            [_, _, Some(token)] => Some(Login::bearer(&token).ok_or_else(|| {
                TrackingError::new(
                    TrainerReason::TrackingForbidden,
                    "MLFLOW_TRACKING_TOKEN holds characters that a header can't hold. Put the token alone into the Secret that \
                     spec.tracking.mlflow.secretRef names",
                )
            })?),
            [None, None, None] => None,
            _ => {
                return Err(TrackingError::new(
                    TrainerReason::TrackingForbidden,
                    "only one of MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD is set. Put both, or \
                     MLFLOW_TRACKING_TOKEN, into the Secret that spec.tracking.mlflow.secretRef names",
                ));
            }
        };
        Ok(Self { login, reach })
    }
}

/// What the server says to a request that it understands.
pub(super) enum Reply {
    /// It did it.
    Done(Value),
    /// What the request names does not exist.
    Missing,
    /// What the request would make exists already.
    Exists,
}

impl Reply {
    /// The answer of a call that neither needs something to exist nor makes anything.
    pub(super) fn done(self, call: &str) -> Result<Value, TrackingError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Missing => Err(refused(call, 404, Some(MISSING))),
            Self::Exists => Err(refused(call, 400, Some(EXISTS))),
        }
    }
}

/// A tracking server.
pub(super) struct Server {
    service: Service,
    uri: String,
}

impl Server {
    pub(super) fn new(settings: &Settings, uri: &str) -> Result<Self, TrackingError> {
        let invalid = || {
            TrackingError::new(
                TrainerReason::TrackingOutOfReach,
                format!(
                    "`{uri}` is not an address of a tracking server. Write spec.tracking.mlflow.uri like http://host:5000"
                ),
            )
        };
        let base = Url::parse(uri).map_err(|_| invalid())?;
        let bounds = Bounds {
            bytes: ANSWER_BYTES,
            time: REQUEST_TIME,
            silence: SILENCE,
            retries: RETRIES,
            larger: "",
            longer: "",
            reach: settings.reach,
        };
        let service = Service::new(&base, settings.login.clone(), bounds).map_err(|fault| unreachable(uri, &fault))?;
        Ok(Self {
            service,
            uri: uri.to_owned(),
        })
    }

    /// Reads. `call` is a path below `api/2.0/mlflow/`.
    pub(super) async fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Reply, TrackingError> {
        self.send(Verb::Get, call, query, &Body::Empty).await
    }

    /// Posts JSON.
    pub(super) async fn post(&self, call: &str, body: &Value) -> Result<Reply, TrackingError> {
        self.json(Verb::Post, call, body).await
    }

    /// Sends JSON.
    pub(super) async fn json(&self, verb: Verb, call: &str, body: &Value) -> Result<Reply, TrackingError> {
        let body = serde_json::to_vec(body).expect("strings, numbers and lists are JSON");
        self.send(verb, call, &[], &Body::Json(body.into())).await
    }

    async fn send(&self, verb: Verb, call: &str, query: &[(&str, &str)], body: &Body) -> Result<Reply, TrackingError> {
        let path: Vec<&str> = ["api", "2.0", "mlflow"].into_iter().chain(call.split('/')).collect();
        let mut conflicts = 0;
        let (answer, code) = loop {
            let answer = self.answer(verb, &path, query, body).await?;
            let code = serde_json::from_slice::<Value>(&answer.body)
                .ok()
                .and_then(|body| CODES.into_iter().find(|code| body["error_code"] == **code));
            if (answer.status, code) != (400, Some(BAD)) || conflicts == CONFLICTS {
                break (answer, code);
            }
            tokio::time::sleep(CONFLICT_PAUSE * 2_u32.pow(conflicts)).await;
            conflicts += 1;
        };
        match (answer.status, code) {
            (200..=299, _) => match serde_json::from_slice(&answer.body) {
                Ok(value @ Value::Object(_)) => Ok(Reply::Done(value)),
                _ => Err(unexpected(&self.uri, call)),
            },
            (404, Some(MISSING)) => Ok(Reply::Missing),
            (400 | 409, Some(EXISTS)) => Ok(Reply::Exists),
            (404 | 405, None) => Err(self.unknown(call)),
            (400..=499, code) => Err(refused(call, answer.status, code)),
            (status, _) => Err(failed(&self.uri, call, status)),
        }
    }

    /// Sends a file to a path below `api/2.0/mlflow-artifacts/artifacts/`.
    pub(super) async fn put(&self, path: &[&str], bytes: &bytes::Bytes) -> Result<(), TrackingError> {
        let place = ["api", "2.0", "mlflow-artifacts", "artifacts"];
        let path: Vec<&str> = place.into_iter().chain(path.iter().copied()).collect();
        let answer = self.answer(Verb::Put, &path, &[], &Body::File(bytes.clone())).await?;
        match answer.status {
            200..=299 => Ok(()),
            status @ (400..=499) => Err(refused("mlflow-artifacts/artifacts", status, None)),
            status => Err(failed(&self.uri, "mlflow-artifacts/artifacts", status)),
        }
    }

    async fn answer(
        &self,
        verb: Verb,
        path: &[&str],
        query: &[(&str, &str)],
        body: &Body,
    ) -> Result<Answer, TrackingError> {
        let answer = self.service.call(verb, path, query, body).await;
        let answer = answer.map_err(|fault| unreachable(&self.uri, &fault))?;
        match answer.status {
            status @ (401 | 403) => Err(self.forbidden(status)),
            300..=399 => Err(TrackingError::new(
                TrainerReason::TrackingFailed,
                format!(
                    "the tracking server {} answers {}, a redirect, which is not followed. Set spec.tracking.mlflow.uri to the \
                     address that it redirects to",
                    self.uri, answer.status
                ),
            )),
            _ => Ok(answer),
        }
    }

    /// The error for credentials that the server refuses. MLflow also answers 403 to a host that it does not expect.
    fn forbidden(&self, status: u16) -> TrackingError {
        let hosts = if status == 403 {
            ", and that the server's --allowed-hosts has this host"
        } else {
            ""
        };
        TrackingError::new(
            TrainerReason::TrackingForbidden,
            format!(
                "the tracking server {} answers {status}. Put MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or \
                 MLFLOW_TRACKING_TOKEN, into the Secret that spec.tracking.mlflow.secretRef names, and check that this user may write \
                 to the experiment and the registered model{hosts}",
                self.uri
            ),
        )
    }

    /// The error for a call that the server does not know.
    fn unknown(&self, call: &str) -> TrackingError {
        if call.starts_with("logged-models") || call == "runs/outputs" {
            return TrackingError::new(
                TrainerReason::TrackingTooOld,
                format!(
                    "the tracking server {} knows no logged models. Upgrade it to MLflow 3 or later",
                    self.uri
                ),
            );
        }
        TrackingError::new(
            TrainerReason::TrackingFailed,
            format!(
                "{} does not answer as a tracking server of MLflow does ({call}: 404). Check the host, the port and the path in \
                 spec.tracking.mlflow.uri",
                self.uri
            ),
        )
    }
}

/// The error for a request that the server refuses.
pub(super) fn refused(call: &str, status: u16, code: Option<&str>) -> TrackingError {
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    TrackingError::new(
        TrainerReason::TrackingRefused,
        format!("the tracking server refuses {call} ({status}{code}). Its log says why"),
    )
}

/// The error for an answer that no MLflow server gives.
pub(super) fn unexpected(uri: &str, call: &str) -> TrackingError {
    TrackingError::new(
        TrainerReason::TrackingFailed,
        format!(
            "{uri} does not answer {call} as a tracking server of MLflow 3 does. Check spec.tracking.mlflow.uri, and what stands \
             between this pod and the server"
        ),
    )
}

fn failed(uri: &str, call: &str, status: u16) -> TrackingError {
    TrackingError::new(
        TrainerReason::TrackingFailed,
        format!("the tracking server {uri} fails ({call}: {status}). Its log says why"),
    )
}

fn unreachable(uri: &str, fault: &Fault) -> TrackingError {
    let problem = fault.problem();
    match fault {
        Fault::OutOfReach { .. } => TrackingError::new(
            TrainerReason::TrackingOutOfReach,
            format!("the tracking server {uri} may not be reached: {problem}. Name an address that pods may reach"),
        ),
        Fault::TooLarge { .. } => unexpected(uri, "a request"),
        _ => TrackingError::new(
            TrainerReason::TrackingUnreachable,
            format!(
                "the tracking server {uri} can't be reached: {problem}. Check the address, that the server runs, and that a \
                 NetworkPolicy lets this pod reach it"
            ),
        ),
    }
}

impl Server {
    /// Reads an id of an answer, which must have the form that MLflow gives it.
    pub(super) fn id(&self, value: &Value, form: Id, call: &str) -> Result<String, TrackingError> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if form.fits(&text) {
            Ok(text)
        } else {
            Err(unexpected(&self.uri, call))
        }
    }
}

/// Forms of MLflow's ids.
#[derive(Debug, Clone, Copy)]
pub(super) enum Id {
    /// 32 hexadecimal digits.
    Run,
    /// `m-` and 32 hexadecimal digits.
    Model,
    /// Digits.
    Number,
}

impl Id {
    fn fits(self, text: &str) -> bool {
        let hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match self {
            Self::Run => hex(text),
            Self::Model => text.strip_prefix("m-").is_some_and(hex),
            Self::Number => (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(variables: &[(&str, &str)]) -> Result<Option<String>, TrainerReason> {
        let read = |name: &str| {
            let mut found = variables.iter().filter(|(key, _)| *key == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::from_variables(Reach::Anywhere, read);
        settings
            .map(|settings| settings.login.map(|login| format!("{login:?}")))
            .map_err(|error| error.reason)
    }

    #[test]
    fn credentials_come_from_one_place_and_are_complete() {
        const USER: (&str, &str) = ("MLFLOW_TRACKING_USERNAME", "marked-user");
        const TOKEN: (&str, &str) = ("MLFLOW_TRACKING_TOKEN", "marked-token\n");
        let shown = Ok(Some("Login".to_owned()));
        assert_eq!(login(&[]), Ok(None));
        assert_eq!(login(&[TOKEN]), shown);
        assert_eq!(login(&[USER, ("MLFLOW_TRACKING_PASSWORD", "p")]), shown);
        assert_eq!(login(&[USER]), Err(TrainerReason::TrackingForbidden));
        assert_eq!(
            login(&[("MLFLOW_TRACKING_TOKEN", "two\nlines")]),
            Err(TrainerReason::TrackingForbidden)
        );
        // Half of a Secret is never completed by what else is in the environment.
        let half = [
            ("TRACKING_MLFLOW_TRACKING_USERNAME", "u"),
            ("MLFLOW_TRACKING_PASSWORD", "p"),
        ];
        assert_eq!(login(&half), Err(TrainerReason::TrackingForbidden));
    }

    #[test]
    fn an_id_that_mlflow_would_not_give_is_none() {
        assert!(Id::Run.fits(&"0a".repeat(16)) && Id::Model.fits(&format!("m-{}", "0a".repeat(16))));
        assert!(Id::Number.fits("17"));
        for text in ["", "marked-token", &"0A".repeat(16), "../../x"] {
            assert!(
                !Id::Run.fits(text) && !Id::Model.fits(text) && !Id::Number.fits(text),
                "{text}"
            );
        }
    }
}
