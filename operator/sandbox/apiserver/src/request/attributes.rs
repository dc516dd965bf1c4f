//! The attributes of a request for authorisation.

use http::Method;
use serde_json::{Value, json};

use super::{Query, Route, Target};
use crate::value::text;

/// A verb on a resource or on a non-resource path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Attributes {
    /// `get`, `list`, …; for a path, the method in lower case.
    pub(crate) verb: String,
    /// API group.
    pub(crate) group: String,
    /// API version.
    pub(crate) version: String,
    /// Plural name.
    pub(crate) resource: String,
    /// Subresource, or empty.
    pub(crate) subresource: String,
    /// Namespace, empty for all or none.
    pub(crate) namespace: String,
    /// Name of the object, empty for a collection or a new object.
    pub(crate) name: String,
    /// The path of a non-resource request.
    pub(crate) path: String,
}

impl Attributes {
    /// Reads a request.
    pub(crate) fn of_request(method: &Method, path: &str, route: &Route, query: &Query) -> Self {
        match route {
            Route::Objects(target) => Self::of_target(method, target, query),
            _ => Self {
                verb: method.as_str().to_lowercase(),
                path: path.to_owned(),
                ..Self::default()
            },
        }
    }

    fn of_target(method: &Method, target: &Target, query: &Query) -> Self {
        let on_collection = target.name.is_empty();
        let mut wish = Self {
            verb: verb(method, on_collection, query.flag("watch")).to_owned(),
            group: target.group.clone(),
            version: target.version.clone(),
            resource: target.plural.clone(),
            subresource: target.subresource.split('/').next().unwrap_or_default().to_owned(),
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            path: String::new(),
        };
        // A namespace counts as being in itself, so that a RoleBinding in it can grant access to it.
        if wish.group.is_empty() && wish.resource == "namespaces" {
            wish.namespace.clone_from(&wish.name);
        }
        // A list restricted to one name is authorised for that name.
        if on_collection && matches!(wish.verb.as_str(), "list" | "watch" | "deletecollection") {
            let one = query
                .get("fieldSelector")
                .split(',')
                .find_map(|part| part.strip_prefix("metadata.name="));
            if let Some(name) = one
                .map(|name| name.trim_start_matches('='))
                .filter(|name| !name.is_empty())
            {
                wish.name = name.to_owned();
            }
        }
        wish
    }

    /// Reads the spec of an access review.
    pub(crate) fn of_review(spec: &Value) -> Self {
        let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
        if resource.is_null() {
            return Self {
                verb: text(path, "verb").to_owned(),
                path: text(path, "path").to_owned(),
                ..Self::default()
            };
        }
        let own = |key: &str| text(resource, key).to_owned();
        Self {
            verb: own("verb"),
            group: own("group"),
            version: own("version"),
            resource: own("resource"),
            subresource: own("subresource"),
            namespace: own("namespace"),
            name: own("name"),
            path: String::new(),
        }
    }

    /// Whether it is a resource request.
    pub(crate) fn is_resource(&self) -> bool {
        self.path.is_empty()
    }

    /// `pods/log`, or `pods`.
    pub(crate) fn whole_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// The object reference of an audit event; null for paths.
    pub(crate) fn object_reference(&self) -> Value {
        if !self.is_resource() {
            return Value::Null;
        }
        let mut reference = json!({ "resource": self.resource, "apiVersion": self.version });
        let more = [
            ("apiGroup", &self.group),
            ("subresource", &self.subresource),
            ("namespace", &self.namespace),
            ("name", &self.name),
        ];
        for (key, value) in more {
            if !value.is_empty() {
                reference[key] = value.clone().into();
            }
        }
        reference
    }
}

fn verb(method: &Method, on_collection: bool, watch: bool) -> &'static str {
    match *method {
        Method::GET | Method::HEAD if on_collection && watch => "watch",
        Method::GET | Method::HEAD if on_collection => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if on_collection => "deletecollection",
        Method::DELETE => "delete",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::route;

    #[test]
    fn requests_are_verbs_on_resources() {
        for (method, path, query, expected) in [
            ("GET", "/api/v1/namespaces/n/pods", "", "list pods n"),
            ("GET", "/api/v1/namespaces/n/pods", "watch=true", "watch pods n"),
            (
                "GET",
                "/api/v1/namespaces/n/pods",
                "fieldSelector=metadata.name%3Da",
                "list pods n/a",
            ),
            ("GET", "/api/v1/namespaces/n/pods/a/log", "", "get pods/log n/a"),
            ("POST", "/api/v1/namespaces/n/pods", "", "create pods n"),
            (
                "PUT",
                "/apis/apps/v1/namespaces/n/deployments/a",
                "",
                "update deployments.apps n/a",
            ),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/n/deployments/a/scale",
                "",
                "patch deployments.apps/scale n/a",
            ),
            ("DELETE", "/api/v1/namespaces/n/pods", "", "deletecollection pods n"),
            ("DELETE", "/api/v1/namespaces/n", "", "delete namespaces n/n"),
            ("GET", "/api/v1/nodes", "", "list nodes "),
            (
                "GET",
                "/api/v1/namespaces/n/services/s/proxy/x/y",
                "",
                "get services/proxy n/s",
            ),
            ("GET", "/apis/apps/v1", "", "get path /apis/apps/v1"),
            ("GET", "/version", "", "get path /version"),
        ] {
            let method: Method = method.parse().unwrap();
            let wish = Attributes::of_request(&method, path, &route(path), &Query::parse(query));
            let group = if wish.group.is_empty() {
                String::new()
            } else {
                format!(".{}", wish.group)
            };
            let sub = if wish.subresource.is_empty() {
                String::new()
            } else {
                format!("/{}", wish.subresource)
            };
            let name = if wish.name.is_empty() {
                String::new()
            } else {
                format!("/{}", wish.name)
            };
            let shown = if wish.is_resource() {
                format!("{} {}{group}{sub} {}{name}", wish.verb, wish.resource, wish.namespace)
            } else {
                format!("{} path {}", wish.verb, wish.path)
            };
            assert_eq!(shown, expected, "{method} {path}?{query}");
        }
    }
}
