//! Field sets (`fieldsV1`): trees of path elements.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// A serialised path element: `f:name`, `k:{"key":"value"}`, `v:"value"` or `i:0`.
pub(crate) type Element = String;

/// A field of a map.
pub(crate) fn field(name: &str) -> Element {
    format!("f:{name}")
}

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    members: BTreeSet<Element>,
    children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    /// Reads `fieldsV1`.
    pub(crate) fn read(value: &Value) -> Self {
        let mut set = Self::default();
        for (key, child) in value.as_object().into_iter().flatten() {
            if key == "." {
                continue;
            }
            let empty = child.as_object().is_none_or(Map::is_empty);
            if empty || child.get(".").is_some() {
                set.members.insert(key.clone());
            }
            let below = Self::read(child);
            if !below.is_empty() {
                set.children.insert(key.clone(), below);
            }
        }
        set
    }

    /// Writes `fieldsV1`.
    pub(crate) fn write(&self) -> Value {
        let mut map = Map::new();
        for (key, child) in &self.children {
            map.insert(key.clone(), child.write());
        }
        for key in &self.members {
            let slot = map.entry(key.clone()).or_insert_with(|| json!({}));
            if self.children.contains_key(key) {
                slot["."] = json!({});
            }
        }
        Value::Object(map)
    }

    /// Whether the set is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    /// Adds a path.
    pub(crate) fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the element itself is in the set.
    pub(crate) fn has(&self, element: &str) -> bool {
        self.members.contains(element)
    }

    /// The subset below an element.
    pub(crate) fn below(&self, element: &str) -> Option<&Self> {
        self.children.get(element).filter(|c| !c.is_empty())
    }

    /// The mutable subset below a field.
    pub(super) fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children.get_mut(&field(name))
    }

    /// Removes a field, but not the fields below it.
    pub(super) fn remove_member(&mut self, name: &str) {
        self.members.remove(&field(name));
    }

    /// Removes a field and everything below it.
    pub(super) fn remove_field(&mut self, name: &str) {
        let element = field(name);
        self.members.remove(&element);
        self.children.remove(&element);
    }

    /// Keeps only these fields.
    pub(super) fn retain_fields(&mut self, names: &[&str]) {
        let kept: Vec<Element> = names.iter().map(|n| field(n)).collect();
        self.members.retain(|e| kept.contains(e));
        self.children.retain(|e, _| kept.contains(e));
    }

    /// Removes branches without members.
    pub(super) fn drop_empty(&mut self) {
        self.children.retain(|_, child| {
            child.drop_empty();
            !child.is_empty()
        });
    }

    /// The union of both sets.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut result = self.clone();
        result.members.extend(other.members.iter().cloned());
        for (element, child) in &other.children {
            let merged = match result.children.get(element) {
                Some(mine) => mine.union(child),
                None => child.clone(),
            };
            result.children.insert(element.clone(), merged);
        }
        result
    }

    /// The members of this set that are not in the other.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut result = Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: self
                .children
                .iter()
                .map(|(e, child)| match other.children.get(e) {
                    Some(theirs) => (e.clone(), child.difference(theirs)),
                    None => (e.clone(), child.clone()),
                })
                .collect(),
        };
        result.drop_empty();
        result
    }

    /// The intersection of both sets.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut result = Self {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: self
                .children
                .iter()
                .filter_map(|(e, child)| {
                    other
                        .children
                        .get(e)
                        .map(|theirs| (e.clone(), child.intersection(theirs)))
                })
                .collect(),
        };
        result.drop_empty();
        result
    }

    /// All paths in the form of messages: `.spec.l[name="x"].value`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found
    }

    fn collect(&self, prefix: &str, found: &mut Vec<String>) {
        for element in &self.members {
            found.push(format!("{prefix}{}", shown(element)));
        }
        for (element, child) in &self.children {
            child.collect(&format!("{prefix}{}", shown(element)), found);
        }
    }
}

/// An element in the form of messages.
pub(super) fn shown(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("k:", key)) => {
            let key: Value = serde_json::from_str(key).unwrap_or_default();
            let parts: Vec<String> = key
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("[{}]", parts.join(","))
        }
        Some(("v:", value)) => format!("[={value}]"),
        Some(("i:", index)) => format!("[{index}]"),
        _ => element.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: Value) -> FieldSet {
        FieldSet::read(&value)
    }

    #[test]
    fn sets_are_read_and_written() {
        let written =
            json!({"f:data": {".": {}, "f:k": {}}, "f:spec": {"f:l": {"k:{\"name\":\"x\"}": {".": {}, "f:v": {}}}}});
        assert_eq!(set(written.clone()).write(), written);
        assert_eq!(
            set(written).paths(),
            [".data", ".data.k", ".spec.l[name=\"x\"]", ".spec.l[name=\"x\"].v"]
        );
    }

    #[test]
    fn set_algebra() {
        let a = set(json!({"f:x": {}, "f:m": {"f:a": {}, "f:b": {}}}));
        let b = set(json!({"f:m": {"f:b": {}, "f:c": {}}}));
        assert_eq!(a.difference(&b).paths(), [".x", ".m.a"]);
        assert_eq!(a.intersection(&b).paths(), [".m.b"]);
        assert_eq!(a.union(&b).paths(), [".x", ".m.a", ".m.b", ".m.c"]);
        assert!(a.difference(&a).is_empty());
    }
}
