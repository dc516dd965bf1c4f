//! Routes of request paths.

use super::query::percent;

/// The route of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/{group}`.
    Group(String),
    /// `/api/v1` or `/apis/{group}/{version}`.
    Resources {
        /// Group, empty for core.
        group: String,
        /// Version.
        version: String,
    },
    /// A collection, an object or a subresource.
    Objects(Target),
    /// Anything else, without its leading slash.
    Other(String),
}

/// A collection, an object or a subresource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target {
    /// Group, empty for core.
    pub(crate) group: String,
    /// Version.
    pub(crate) version: String,
    /// Namespace, empty for all or for cluster-scoped resources.
    pub(crate) namespace: String,
    /// Plural resource name.
    pub(crate) plural: String,
    /// Object name, empty for the collection.
    pub(crate) name: String,
    /// Subresource, empty for the object.
    pub(crate) subresource: String,
    /// The path after a `proxy` subresource, with its leading slash if any.
    pub(crate) rest: String,
}

/// Reads a path (without query).
pub(crate) fn route(path: &str) -> Route {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group(percent(group)),
        ["api", version] => Route::Resources {
            group: String::new(),
            version: percent(version),
        },
        ["apis", group, version] => Route::Resources {
            group: percent(group),
            version: percent(version),
        },
        ["api", version, rest @ ..] => objects("", version, rest, path),
        ["apis", group, version, rest @ ..] => objects(group, version, rest, path),
        _ => Route::Other(path.trim_start_matches('/').to_owned()),
    }
}

fn objects(group: &str, version: &str, rest: &[&str], path: &str) -> Route {
    let mut target = Target {
        group: percent(group),
        version: percent(version),
        ..Target::default()
    };
    let rest = match rest {
        // A namespace's own subresources are not collections in it.
        ["namespaces", name] => ["namespaces", name].to_vec(),
        ["namespaces", name, sub @ ("status" | "finalize")] => ["namespaces", name, sub].to_vec(),
        ["namespaces", namespace, rest @ ..] => {
            target.namespace = percent(namespace);
            rest.to_vec()
        }
        rest => rest.to_vec(),
    };
    match rest.as_slice() {
        [plural] => target.plural = percent(plural),
        [plural, name] => {
            target.plural = percent(plural);
            target.name = percent(name);
        }
        [plural, name, subresource, more @ ..] => {
            target.plural = percent(plural);
            target.name = percent(name);
            target.subresource = percent(subresource);
            if target.subresource == "proxy" {
                let slash = path.ends_with('/') || !more.is_empty();
                let tail = more.join("/");
                target.rest = if slash { format!("/{tail}") } else { String::new() };
                if path.ends_with('/') && !tail.is_empty() {
                    target.rest.push('/');
                }
            } else if !more.is_empty() {
                target.subresource = format!("{}/{}", target.subresource, more.join("/"));
            }
        }
        [] => return Route::Other(path.trim_start_matches('/').to_owned()),
    }
    Route::Objects(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        match route(path) {
            Route::Objects(target) => target,
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn paths_name_objects() {
        let pod = target("/api/v1/namespaces/a/pods/b/log");
        assert_eq!(
            (&*pod.namespace, &*pod.plural, &*pod.name, &*pod.subresource),
            ("a", "pods", "b", "log")
        );
        let ns = target("/api/v1/namespaces/a/status");
        assert_eq!(
            (&*ns.namespace, &*ns.plural, &*ns.name, &*ns.subresource),
            ("", "namespaces", "a", "status")
        );
        let crd = target("/apis/g.io/v1/things/x");
        assert_eq!((&*crd.group, &*crd.plural, &*crd.name), ("g.io", "things", "x"));
    }

    #[test]
    fn a_proxy_keeps_the_rest_of_the_path() {
        assert_eq!(target("/api/v1/namespaces/a/services/s:80/proxy/x/y").rest, "/x/y");
        assert_eq!(target("/api/v1/namespaces/a/services/s/proxy/").rest, "/");
        assert_eq!(target("/api/v1/namespaces/a/services/s/proxy").rest, "");
    }
}
