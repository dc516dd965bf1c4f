//! Who asks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Everybody who has proved who he is.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// Everybody else.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Those who may do everything, whatever Roles say.
pub(crate) const MASTERS: &str = "system:masters";

/// A user as authentication knows him.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct User {
    /// Unique name.
    pub(crate) name: String,
    /// Identifier that outlives a name, often empty.
    pub(crate) uid: String,
    /// Groups, in the order in which they were learnt.
    pub(crate) groups: Vec<String>,
    /// What else is known, such as the pod behind a token.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    fn of(name: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The user of the sandbox's own token.
    pub(crate) fn admin() -> Self {
        Self::of("sandbox-admin", &[MASTERS, AUTHENTICATED])
    }

    /// The server's own tasks.
    pub(crate) fn server() -> Self {
        Self::of("system:apiserver", &[MASTERS])
    }

    /// Somebody without credentials.
    pub(crate) fn anonymous() -> Self {
        Self::of("system:anonymous", &[UNAUTHENTICATED])
    }

    /// A ServiceAccount.
    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        let groups = [
            "system:serviceaccounts",
            &format!("system:serviceaccounts:{namespace}"),
            AUTHENTICATED,
        ];
        Self::of(&format!("system:serviceaccount:{namespace}:{name}"), &groups)
    }

    /// The user that an access review asks about.
    pub(crate) fn of_review(spec: &Value) -> Self {
        let text = |key: &str| spec[key].as_str().unwrap_or_default().to_owned();
        let strings = |list: &Value| {
            list.as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let extra = spec["extra"].as_object().into_iter().flatten();
        Self {
            name: text("user"),
            uid: text("uid"),
            groups: strings(&spec["groups"]),
            extra: extra.map(|(key, values)| (key.clone(), strings(values))).collect(),
        }
    }

    /// Whether the user is in a group.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// As `UserInfo` of the authentication API.
    pub(crate) fn info(&self) -> Value {
        let mut info = json!({ "username": self.name });
        if !self.uid.is_empty() {
            info["uid"] = self.uid.clone().into();
        }
        if !self.groups.is_empty() {
            info["groups"] = self.groups.clone().into();
        }
        if !self.extra.is_empty() {
            info["extra"] = json!(self.extra);
        }
        info
    }
}
