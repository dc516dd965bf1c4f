//! The packages in bills of materials are those that the trainer is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// SHA-256 of each crate in the lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let line = package.lines().find_map(|line| line.strip_prefix(&start));
            line.map(|rest| rest.trim_end_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(checksum)) = (field("name"), field("version"), field("checksum")) {
            found.insert((name, version), checksum);
        }
    }
    found
}

#[test]
fn the_committed_list_is_that_of_the_lock_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO"))
        .current_dir(&root)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "complaint-trainer",
            "--edges",
            "normal",
        ])
        .args([
            "--target",
            "x86_64-unknown-linux-gnu",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).expect("the lock file");
    let checksums = checksums(&lock);
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: BTreeSet<String> = tree
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            let version = rest.split(' ').next()?;
            let checksum = checksums.get(&(name.to_owned(), version.to_owned()));
            Some(format!(
                "{name} {version}{}",
                checksum.map_or(String::new(), |sum| format!(" {sum}"))
            ))
        })
        .collect();
    assert!(lines.len() > 50, "{tree}");
    let list: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = root.join("trainer/report/src/dossier/packages.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &list).expect("it can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == list,
        "run `UPDATE=1 cargo test -p complaint-report --test packages` and commit {}",
        path.display()
    );
}
