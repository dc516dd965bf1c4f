//! Users.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// All authenticated users.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";
/// All anonymous users.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";
/// Administrators, who are allowed everything.
pub(crate) const MASTERS: &str = "system:masters";

/// An authenticated user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct User {
    /// Unique name.
    pub(crate) name: String,
    /// Unique id over time, often empty.
    pub(crate) uid: String,
    /// Groups.
    pub(crate) groups: Vec<String>,
    /// Extra attributes, such as the pod of a token.
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

    /// The user of the server's own tasks.
    pub(crate) fn server() -> Self {
        Self::of("system:apiserver", &[MASTERS])
    }

    /// The anonymous user.
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

    /// The user of an access review.
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

    /// The user as `UserInfo` of the authentication API.
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
