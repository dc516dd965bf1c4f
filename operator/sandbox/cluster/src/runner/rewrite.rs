//! Translates a container's paths and addresses to those of this machine.
//!
//! A local process has no mount and network namespaces. So every path under a mount, and every unspecified address, in
//! arguments and variables is rewritten before the process starts. Paths in files are not rewritten: programs for the
//! sandbox take paths as arguments.

use std::path::{Path, PathBuf};

/// Mount paths with their host paths, and the Pod's address.
#[derive(Debug, Clone, Default)]
pub struct Rewrite {
    mounts: Vec<(String, String)>,
    address: Option<String>,
}

impl Rewrite {
    /// A rewrite without mounts for a Pod with this address.
    pub fn new(address: Option<String>) -> Self {
        Self {
            mounts: Vec::new(),
            address,
        }
    }

    /// Adds a mount. The longest mount path wins, regardless of the order.
    pub fn mount(&mut self, path: &str, host: &Path) {
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return;
        }
        self.mounts.retain(|(other, _)| other != path);
        self.mounts.push((path.to_string(), host.display().to_string()));
        self.mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    }

    /// The text with all paths and addresses of the container replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        while let Some(next) = rest.chars().next() {
            let replaced = begins_word(before).then(|| self.match_at(rest)).flatten();
            let (taken, written) = match replaced {
                Some((taken, written)) => (taken, written),
                None => (next.len_utf8(), &rest[..next.len_utf8()]),
            };
            out.push_str(written);
            before = rest[..taken].chars().next_back();
            rest = &rest[taken..];
        }
        out
    }

    fn match_at(&self, rest: &str) -> Option<(usize, &str)> {
        for (path, host) in &self.mounts {
            if rest
                .strip_prefix(path.as_str())
                .is_some_and(|after| ends_component(after.chars().next()))
            {
                return Some((path.len(), host));
            }
        }
        let address = self.address.as_deref()?;
        ["0.0.0.0", "[::]"].into_iter().find_map(|all| {
            let after = rest.strip_prefix(all)?.chars().next();
            (after == Some(':') || ends_component(after)).then_some((all.len(), address))
        })
    }

    /// The host path of a container's path, if it is under a mount.
    pub fn path(&self, path: &str) -> Option<PathBuf> {
        let rewritten = self.apply(path);
        (rewritten != path).then(|| PathBuf::from(rewritten))
    }
}

fn begins_word(before: Option<char>) -> bool {
    before.is_none_or(|before| before.is_whitespace() || matches!(before, '=' | ':' | ',' | '"' | '\''))
}

fn ends_component(after: Option<char>) -> bool {
    after.is_none_or(|after| after.is_whitespace() || matches!(after, '/' | ':' | ',' | '=' | '"' | '\'' | ';' | '?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_paths_are_replaced_only_as_whole_components_at_the_start_of_a_path() {
        let mut rewrite = Rewrite::new(Some("127.80.0.7".into()));
        rewrite.mount("/data", Path::new("/host/d"));
        rewrite.mount("/data/models/", Path::new("/host/m"));
        rewrite.mount("/dev/termination-log", Path::new("/host/t"));
        for (text, expected) in [
            ("/data", "/host/d"),
            ("/data/", "/host/d/"),
            ("/data/x.csv", "/host/d/x.csv"),
            ("/data/models/a", "/host/m/a"),
            ("/data/modelsx", "/host/d/modelsx"),
            ("/database", "/database"),
            ("/other/data", "/other/data"),
            ("--store=/data/s", "--store=/host/d/s"),
            ("a:/data:/data/models", "a:/host/d:/host/m"),
            ("x,/data,y", "x,/host/d,y"),
            (
                "--path /data --log /dev/termination-log",
                "--path /host/d --log /host/t",
            ),
            ("https://example.com/data/x", "https://example.com/data/x"),
            ("pvc://claim/data", "pvc://claim/data"),
            ("{\"path\":\"/data\"}", "{\"path\":\"/host/d\"}"),
            ("0.0.0.0:8080", "127.80.0.7:8080"),
            ("--bind=[::]:8080", "--bind=127.80.0.7:8080"),
            ("0.0.0.01", "0.0.0.01"),
            ("10.0.0.0.0:1", "10.0.0.0.0:1"),
            ("/dätä/ü", "/dätä/ü"),
        ] {
            assert_eq!(rewrite.apply(text), expected, "{text}");
        }
    }
}
