//! The commands of the documentation: all commands of each page run in order in an empty cluster.
//!
//! Blocks marked `sh` run, all of a page in one shell; blocks marked `console` don't.

use std::path::{Path, PathBuf};

use complaint_harness::{Case, Helm, Kubectl, tests};

use crate::cluster::{Cluster, root};

pub fn tests() -> Vec<Case> {
    let pages = |pages: &'static [&str], flags: &'static [&str]| {
        pages.iter().map(move |page| {
            let test = move |_: Kubectl, _: Helm| follow(page, flags);
            Case::new(&format!("tools::documents::{page} can be followed"), test)
        })
    };
    let mut tests = tests![no_page_is_forgotten_and_no_link_is_dead];
    tests.extend(pages(&WITH_OPERATOR, &["--with-operator"]));
    tests.extend(pages(&WITH_CHART, &["--rbac"]));
    tests
}

/// Pages that need a cluster with the operator.
const WITH_OPERATOR: [&str; 12] = [
    "docs/model-risk.md",
    "docs/cli.md",
    "docs/first-classifier.md",
    "docs/your-data.md",
    "docs/promotion.md",
    "docs/retraining.md",
    "docs/retention.md",
    "docs/review.md",
    "docs/signatures.md",
    "docs/monitoring.md",
    "docs/tracing.md",
    "docs/troubleshooting.md",
];
/// Pages that install the chart.
const WITH_CHART: [&str; 3] = ["docs/dashboard.md", "docs/install.md", "docs/security.md"];
/// Pages that other tests cover, and pages without commands for a cluster.
const ELSEWHERE: [&str; 15] = [
    "docs/CHANGELOG.md",
    "docs/api-versions.md",
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/clients.md",
    "docs/contracts.md",
    "docs/datasets.md",
    "docs/hashing.md",
    "docs/levels.md",
    "docs/report.md",
    "docs/sandbox.md",
    "docs/serving.md",
    "docs/tracking.md",
    "docs/training.md",
    "docs/word-vectors.md",
];

/// All `sh` blocks of a page.
pub fn commands(page: &Path) -> String {
    let text = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut commands = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            commands.push_str(line);
            commands.push('\n');
        }
    }
    commands
}

fn follow(page: &str, flags: &[&str]) {
    let script = commands(&root().join(page));
    assert!(!script.is_empty(), "{page} has no commands");
    let done = Cluster::start(flags).bash(&format!("set -x\n{script}"), &root(), &[]);
    assert!(done.ok, "{page}:\n{}\n{}", done.out, done.err);
}

fn no_page_is_forgotten_and_no_link_is_dead() {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .expect("docs is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    for page in &pages {
        let name = format!("docs/{}", page.file_name().expect("a name").to_string_lossy());
        let known = WITH_OPERATOR
            .iter()
            .chain(&WITH_CHART)
            .chain(&ELSEWHERE)
            .any(|known| *known == name);
        assert!(known, "{name} stands in no list of this test");
    }
    for other in [
        "docs/reference/trainingrun.md",
        "docs/reference/modelversion.md",
        "docs/reference/complaintclassifier.md",
        "README.md",
        "examples/README.md",
        "examples/gitops/README.md",
        ".github/CONTRIBUTING.md",
        ".github/SECURITY.md",
    ] {
        pages.push(root().join(other));
    }
    let code = regex::Regex::new("`[^`]*`").expect("an expression");
    let link = regex::Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").expect("an expression");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for found in link.captures_iter(&code.replace_all(&text, "")) {
            let target = &found[1];
            let outside = target.contains("://") || target.starts_with("mailto:");
            let there = outside || page.parent().expect("a folder").join(target).exists();
            assert!(there, "{} links to {target}, which is not there", page.display());
        }
    }
}
