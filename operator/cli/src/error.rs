//! What goes wrong, to which object, and what to do; and the exit codes of scripts.

use std::fmt;

use kube::core::Status;

/// How the program ends. `--help` and `docs/cli.md` list the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything else: the cluster can't be reached, or refuses; a server's answer is an error.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The object or its kind does not exist.
    NotFound = 3,
    /// The API server does not know the user, or the user may not do it.
    Forbidden = 4,
    /// `status NAME --exit-code`: the classifier is not as its spec asks.
    NotReady = 5,
}

/// The codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failure: no cluster, refused by the API server, an error of the model's server
  2  wrong command line
  3  the object, or its kind, does not exist
  4  not authenticated, or not allowed
  5  `status NAME --exit-code`: the classifier is blocked or not ready";

/// An access to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// The verb, as RBAC names it.
    pub(crate) verb: &'static str,
    /// The resource, as RBAC names it: `modelversions.complaints.dev`, `services/proxy`.
    pub(crate) resource: String,
    /// The kind, for people.
    pub(crate) kind: String,
    /// The namespace; empty: all.
    pub(crate) namespace: String,
    /// The object; empty: all.
    pub(crate) name: String,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            namespace,
            name,
            ..
        } = self;
        write!(f, "{verb} {resource}")?;
        if !name.is_empty() {
            write!(f, " {name}")?;
        }
        match namespace.as_str() {
            "" => f.write_str(" in all namespaces"),
            namespace => write!(f, " in namespace {namespace}"),
        }
    }
}

/// An error of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("there is no cluster to talk to: {0}. Set KUBECONFIG or --kubeconfig, and choose a --context of it")]
    NoCluster(String),
    #[error("{kind} {name} does not exist in namespace {namespace}: {hint}")]
    NotFound {
        kind: String,
        name: String,
        namespace: String,
        hint: String,
    },
    #[error(
        "the cluster does not know {0}: install the operator's chart, or its CustomResourceDefinitions (crds/), first"
    )]
    UnknownKind(String),
    #[error("you may not {access}: {said}. Ask for a role with this right; docs/cli.md lists what each command needs")]
    Forbidden { access: Box<Access>, said: String },
    #[error("the API server does not know who you are: {0}. Renew the credentials of the kubeconfig's context")]
    Unauthenticated(String),
    #[error("the API server refused to {access}: {said}")]
    Refused { access: Box<Access>, said: String },
    #[error(
        "the API server does not answer ({access}): {said}. Check that the cluster runs and that the kubeconfig's address is right"
    )]
    Unreachable { access: Box<Access>, said: String },
    #[error("{0}")]
    Other(String),
    #[error("{0}")]
    NotReady(String),
    /// The reader of the output went away.
    #[error("the output can't be written: {0}")]
    Output(#[from] std::io::Error),
}

impl Error {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NotFound { .. } | Self::UnknownKind(_) => Exit::NotFound,
            Self::Forbidden { .. } | Self::Unauthenticated(_) => Exit::Forbidden,
            Self::NotReady(_) => Exit::NotReady,
            Self::NoCluster(_) | Self::Refused { .. } | Self::Unreachable { .. } | Self::Other(_) | Self::Output(_) => {
                Exit::Failure
            }
        }
    }

    /// What a failed access means.
    pub(crate) fn of_access(access: Access, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(access, &status),
            kube::Error::Auth(error) => Self::Unauthenticated(chain(&error)),
            error @ (kube::Error::SerdeError(_) | kube::Error::FromUtf8(_)) => Self::Other(format!(
                "the answer to `{access}` can't be read: {}. Use the plugin of the operator's release",
                chain(&error)
            )),
            error => Self::Unreachable {
                access: Box::new(access),
                said: chain(&error),
            },
        }
    }

    /// What a refusal of the API server means.
    pub(crate) fn of_status(access: Access, status: &Status) -> Self {
        let said = match status.message.as_str() {
            "" => format!("HTTP {}", status.code),
            message => message.to_owned(),
        };
        let named = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match status.code {
            401 => Self::Unauthenticated(said),
            403 => Self::Forbidden {
                access: Box::new(access),
                said,
            },
            404 if named && !access.name.is_empty() => Self::NotFound {
                hint: access.hint(),
                kind: access.kind,
                name: access.name,
                namespace: access.namespace,
            },
            404 => Self::UnknownKind(access.resource),
            _ => Self::Refused {
                access: Box::new(access),
                said,
            },
        }
    }
}

impl Access {
    /// How to find what exists.
    fn hint(&self) -> String {
        let command = match self.kind.as_str() {
            "ComplaintClassifier" => "kubectl complaints status -A",
            "ModelVersion" => "kubectl complaints versions -A",
            "TrainingRun" => "kubectl complaints runs -A",
            _ => return "check its name and the namespace (-n)".into(),
        };
        format!("check its name and the namespace (-n); `{command}` lists all")
    }
}

/// An error with its causes, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(name: &str) -> Access {
        Access {
            verb: if name.is_empty() { "list" } else { "get" },
            resource: "modelversions.complaints.dev".into(),
            kind: "ModelVersion".into(),
            namespace: "team-a".into(),
            name: name.into(),
        }
    }

    fn status(code: u16, message: &str, name: &str) -> Status {
        serde_json::from_value(serde_json::json!({
            "code": code, "message": message, "reason": "Whatever", "details": { "name": name },
        }))
        .expect("a status")
    }

    #[test]
    fn an_error_says_what_happened_to_which_object_and_what_to_do() {
        for (name, code, message, of, exit, parts) in [
            (
                "v1",
                404,
                "not found",
                "v1",
                Exit::NotFound,
                vec!["ModelVersion v1", "namespace team-a", "versions -A"],
            ),
            (
                "v1",
                404,
                "404 page not found",
                "",
                Exit::NotFound,
                vec!["does not know modelversions.complaints.dev", "chart"],
            ),
            (
                "",
                404,
                "the server could not find the requested resource",
                "",
                Exit::NotFound,
                vec!["install"],
            ),
            (
                "",
                403,
                "User \"rita\" cannot list resource",
                "",
                Exit::Forbidden,
                vec![
                    "you may not list modelversions.complaints.dev in namespace team-a",
                    "rita",
                    "role",
                ],
            ),
            (
                "",
                401,
                "Unauthorized",
                "",
                Exit::Forbidden,
                vec!["does not know who you are", "credentials"],
            ),
            (
                "v1",
                422,
                "spec.x: Invalid value",
                "v1",
                Exit::Failure,
                vec!["refused to get", "v1", "spec.x"],
            ),
            ("v1", 500, "", "v1", Exit::Failure, vec!["HTTP 500"]),
        ] {
            let error = Error::of_status(access(name), &status(code, message, of));
            assert_eq!(error.exit(), exit, "{error}");
            let said = error.to_string();
            for part in parts {
                assert!(said.contains(part), "no {part:?} in {said:?}");
            }
        }
    }
}
