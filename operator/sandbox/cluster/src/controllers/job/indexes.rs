//! Sets of completion indexes, and their text form in a Job's status ("0-3,7").

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// Label and annotation with a pod's completion index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Parses a text such as `0,2-4`, without invalid parts and indexes from `completions` on.
pub fn parse(text: &str, completions: i32) -> BTreeSet<i32> {
    let mut indexes = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) {
            indexes.extend(first.max(0)..=last.min(completions - 1));
        }
    }
    indexes
}

/// Formats a set for the status: runs of three or more as `first-last`, separated by commas.
pub fn format(indexes: &BTreeSet<i32>) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = indexes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.peek() == Some(&(last + 1)) {
            last += 1;
            rest.next();
        }
        match last - first {
            0 => parts.push(first.to_string()),
            1 => parts.extend([first.to_string(), last.to_string()]),
            _ => parts.push(format!("{first}-{last}")),
        }
    }
    parts.join(",")
}

/// The completion index of a pod, from its annotation.
pub fn index_of(pod: &Pod) -> Option<i32> {
    pod.annotations().get(INDEX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_written_as_ranges_and_read_back() {
        for (text, members) in [
            ("", vec![]),
            ("0", vec![0]),
            ("0,1", vec![0, 1]),
            ("0,1,3", vec![0, 1, 3]),
            ("0-3", vec![0, 1, 2, 3]),
            ("1,3-5,7,8", vec![1, 3, 4, 5, 7, 8]),
        ] {
            let set = BTreeSet::from_iter(members);
            assert_eq!(format(&set), text);
            assert_eq!(parse(text, 100), set);
        }
    }

    #[test]
    fn indexes_past_the_completions_are_left_out() {
        assert_eq!(parse("0-9,20", 3), BTreeSet::from([0, 1, 2]));
        assert_eq!(parse("nonsense,1", 3), BTreeSet::from([1]));
    }
}
