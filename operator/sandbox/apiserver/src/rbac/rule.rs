//! One rule of a Role: what it allows, and whether it covers another rule.

use serde_json::{Value, json};

use super::Attributes;
use crate::value::entries;

/// A `PolicyRule`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Rule {
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) urls: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) verbs: Vec<String>,
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|v| v == wanted || v == "*")
}

fn has_all(list: &[String], wanted: &[String]) -> bool {
    list.iter().any(|v| v == "*") || wanted.iter().all(|w| list.contains(w))
}

/// A path, or a prefix followed by `*`.
fn url_matches(pattern: &str, path: &str) -> bool {
    pattern == path || pattern.strip_suffix('*').is_some_and(|head| path.starts_with(head))
}

impl Rule {
    /// Reads a rule.
    pub(crate) fn read(rule: &Value) -> Self {
        let list = |key: &str| {
            entries(rule, key)
                .filter_map(|(_, v)| v.as_str().map(str::to_owned))
                .collect()
        };
        Self {
            groups: list("apiGroups"),
            resources: list("resources"),
            urls: list("nonResourceURLs"),
            names: list("resourceNames"),
            verbs: list("verbs"),
        }
    }

    /// The rules of a Role or ClusterRole.
    pub(crate) fn all_of(role: &Value) -> Vec<Self> {
        entries(role, "rules").map(|(_, rule)| Self::read(rule)).collect()
    }

    /// The rule that allows everything.
    pub(crate) fn everything() -> [Self; 2] {
        let any = || vec!["*".to_owned()];
        let resources = Self {
            groups: any(),
            resources: any(),
            verbs: any(),
            ..Self::default()
        };
        [
            resources,
            Self {
                urls: any(),
                verbs: any(),
                ..Self::default()
            },
        ]
    }

    /// Whether it allows a request.
    pub(super) fn allows(&self, wish: &Attributes) -> bool {
        if !has(&self.verbs, &wish.verb) {
            return false;
        }
        if !wish.is_resource() {
            return self.urls.iter().any(|url| url_matches(url, &wish.path));
        }
        let named = self.names.is_empty() || self.names.contains(&wish.name);
        has(&self.groups, &wish.group) && self.takes(&wish.resource, &wish.subresource) && named
    }

    /// `*/scale` matches this subresource of all resources.
    fn takes(&self, resource: &str, subresource: &str) -> bool {
        if subresource.is_empty() {
            return has(&self.resources, resource);
        }
        has(&self.resources, &format!("{resource}/{subresource}"))
            || self.resources.contains(&format!("*/{subresource}"))
    }

    /// Whether this rule grants everything that `other` grants.
    fn covers(&self, other: &Self) -> bool {
        let resource = |r: &String| {
            let any_of = r.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            has(&self.resources, r) || any_of.is_some_and(|pattern| self.resources.contains(&pattern))
        };
        let url = |u: &String| self.urls.iter().any(|pattern| url_matches(pattern, u));
        let names = self.names.is_empty() || (!other.names.is_empty() && has_all(&self.names, &other.names));
        has_all(&self.verbs, &other.verbs)
            && has_all(&self.groups, &other.groups)
            && other.resources.iter().all(resource)
            && other.urls.iter().all(url)
            && names
    }

    /// Splits the rule into rules with a single verb and resource each.
    fn parts(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let one = |text: &String| vec![text.clone()];
        for verb in &self.verbs {
            for group in &self.groups {
                for resource in &self.resources {
                    let part = Self {
                        groups: one(group),
                        resources: one(resource),
                        verbs: one(verb),
                        ..Self::default()
                    };
                    if self.names.is_empty() {
                        parts.push(part);
                    } else {
                        parts.extend(self.names.iter().map(|name| Self {
                            names: one(name),
                            ..part.clone()
                        }));
                    }
                }
            }
            parts.extend(self.urls.iter().map(|url| Self {
                urls: one(url),
                verbs: one(verb),
                ..Self::default()
            }));
        }
        parts
    }

    /// The rule in the API's form.
    pub(super) fn value(&self) -> Value {
        let mut rule = json!({ "verbs": self.verbs });
        for (key, list) in self.lists() {
            if !list.is_empty() {
                rule[key] = list.clone().into();
            }
        }
        rule
    }

    fn lists(&self) -> [(&'static str, &Vec<String>); 4] {
        [
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("nonResourceURLs", &self.urls),
            ("resourceNames", &self.names),
        ]
    }

    /// The rule in upstream's messages.
    fn shown(&self) -> String {
        let list = |(name, list): (&str, &Vec<String>)| (!list.is_empty()).then(|| format!("{name}:{}", quoted(list)));
        let named = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = named.into_iter().filter_map(list).collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// A list of strings in the format of Go's `%q`.
pub(super) fn quoted(list: &[String]) -> String {
    let parts: Vec<String> = list.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
    format!("[{}]", parts.join(" "))
}

/// The permissions of `wanted` that `owned` does not cover, one per line as in upstream's message. Empty if all are
/// covered.
pub(super) fn missing(owned: &[Rule], wanted: &[Rule]) -> Vec<String> {
    let mut gaps: Vec<Rule> = Vec::new();
    for part in wanted.iter().flat_map(Rule::parts) {
        if owned.iter().any(|rule| rule.covers(&part)) {
            continue;
        }
        // The verbs of one resource share a line.
        let same = gaps.iter_mut().find(|gap| {
            Rule {
                verbs: part.verbs.clone(),
                ..(*gap).clone()
            } == part
        });
        match same {
            Some(gap) if gap.verbs.contains(&part.verbs[0]) => {}
            Some(gap) => gap.verbs.extend(part.verbs),
            None => gaps.push(part),
        }
    }
    let mut lines: Vec<String> = gaps.iter().map(Rule::shown).collect();
    lines.sort();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(verb: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        Attributes {
            verb: verb.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: name.into(),
            ..Attributes::default()
        }
    }

    #[test]
    fn rules_allow_what_they_list() {
        let rule = Rule::read(&json!({"apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["get"]}));
        let named =
            Rule::read(&json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]}));
        for (rule, wish, allowed) in [
            (&rule, wish("get", "pods", "", ""), true),
            (&rule, wish("get", "things", "scale", ""), true),
            (&rule, wish("get", "pods", "log", ""), false),
            (&rule, wish("delete", "pods", "", ""), false),
            (
                &rule,
                Attributes {
                    group: "apps".into(),
                    ..wish("get", "pods", "", "")
                },
                false,
            ),
            (&named, wish("delete", "pods", "", "a"), true),
            (&named, wish("delete", "pods", "", "b"), false),
            (&named, wish("create", "pods", "", ""), false),
            (&named, wish("get", "pods", "log", "a"), true),
        ] {
            assert_eq!(rule.allows(&wish), allowed, "{wish:?}");
        }
    }

    #[test]
    fn paths_are_allowed_whole_or_by_their_beginning() {
        let rule = Rule::read(&json!({"nonResourceURLs": ["/version", "/api/*"], "verbs": ["get"]}));
        let at = |path: &str| Attributes {
            verb: "get".into(),
            path: path.into(),
            ..Attributes::default()
        };
        for (path, allowed) in [
            ("/version", true),
            ("/version/", false),
            ("/api/v1", true),
            ("/api", false),
        ] {
            assert_eq!(rule.allows(&at(path)), allowed, "{path}");
        }
    }

    #[test]
    fn what_is_not_covered_is_listed() {
        let owned = [
            Rule::read(&json!({"apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["get", "list"]})),
            Rule::read(&json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["get"]})),
            Rule::read(&json!({"nonResourceURLs": ["/healthz/*"], "verbs": ["get"]})),
        ];
        let gaps = |wanted: Value| missing(&owned, &[Rule::read(&wanted)]);
        assert!(gaps(json!({"apiGroups": [""], "resources": ["pods", "things/scale"], "verbs": ["get"]})).is_empty());
        assert!(gaps(json!({"nonResourceURLs": ["/healthz/ping"], "verbs": ["get"]})).is_empty());
        assert_eq!(
            gaps(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch", "delete"]})),
            [r#"{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}"#]
        );
        assert_eq!(
            gaps(json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})),
            [r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}"#]
        );
        assert_eq!(
            gaps(json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]})),
            [r#"{APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get"]}"#]
        );
        assert!(missing(&Rule::everything(), &owned).is_empty());
    }
}
