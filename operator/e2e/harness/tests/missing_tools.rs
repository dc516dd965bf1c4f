//! The runner's report of tests whose tool is missing. This program runs itself again, with tests that need one and an
//! empty `PATH`.

use std::process::{Command, ExitCode};

use complaint_harness::{Case, Curl, Kubectl, tests};

/// Set for the program under test.
const SAMPLE: &str = "HARNESS_SAMPLE";

mod sample {
    use super::{Curl, Kubectl};

    pub fn needs_kubectl(_: Kubectl) {}
    pub async fn needs_two_of_which_one_is_there(_: Curl, _: Kubectl) {}
    pub async fn needs_nothing() {
        tokio::task::yield_now().await;
    }
    pub fn fails() {
        assert!(std::env::var_os("FAIL").is_none(), "as asked");
    }
}

fn sample() -> Vec<Case> {
    use sample::{fails, needs_kubectl, needs_nothing, needs_two_of_which_one_is_there};
    tests![needs_kubectl, needs_two_of_which_one_is_there, needs_nothing, fails]
}

/// The sample's success, and its output without empty lines.
fn said(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let path = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    for variable in ["KUBECTL", "REQUIRE_TOOLS", "FAIL"] {
        command.env_remove(variable);
    }
    command.args(arguments).env(SAMPLE, "yes").env("PATH", path.path());
    let output = command.envs(variables.iter().copied()).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.success(), text)
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    let found = text.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line `{start}` in:\n{text}"))
}

fn a_missing_tool_is_ignored_with_the_reason() {
    let (succeeded, text) = said(&[], &[]);
    assert!(succeeded, "{text}");
    let told = line(&text, "test needs_kubectl ");
    assert!(
        told.contains("... ignored (kubectl can't be run: ") && told.contains("set KUBECTL"),
        "{told}"
    );
    let told = line(&text, "test needs_two_of_which_one_is_there ");
    assert!(told.contains("... ignored (curl can't be run: "), "{told}");
    assert!(line(&text, "test needs_nothing ").ends_with("... ok"), "{text}");
    let result = line(&text, "test result:");
    assert!(
        result.contains("ok. 2 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out"),
        "{result}"
    );
}

fn a_missing_tool_fails_where_tools_are_required() {
    let (succeeded, text) = said(&[], &[("REQUIRE_TOOLS", "1")]);
    assert!(!succeeded, "{text}");
    assert!(line(&text, "test needs_kubectl ").ends_with("... FAILED"), "{text}");
    assert!(line(&text, "kubectl can't be run").contains("set KUBECTL"), "{text}");
    assert!(
        line(&text, "test result:").contains("FAILED. 2 passed; 2 failed; 0 ignored"),
        "{text}"
    );
}

fn a_panic_fails_and_says_why() {
    let (succeeded, text) = said(&["fails"], &[("FAIL", "1")]);
    assert!(!succeeded, "{text}");
    assert!(text.contains("test panicked: as asked"), "{text}");
    let result = line(&text, "test result:");
    assert!(
        result.contains("FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out"),
        "{result}"
    );
}

/// Runners that start each test by name (cargo-nextest) request two lists first.
fn lists_say_in_advance_what_is_ignored() {
    let list = |arguments: &[&str], variables: &[(&str, &str)]| {
        let (succeeded, text) = said(&[&["--list", "--format", "terse"], arguments].concat(), variables);
        assert!(succeeded, "{text}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = [
        "needs_kubectl",
        "needs_two_of_which_one_is_there",
        "needs_nothing",
        "fails",
    ];
    let listed = |names: &[&str]| names.iter().map(|name| format!("{name}: test")).collect::<Vec<_>>();
    assert_eq!(list(&[], &[]), listed(&all));
    assert_eq!(list(&["--ignored"], &[]), listed(&all[..2]));
    assert_eq!(list(&["--ignored"], &[("REQUIRE_TOOLS", "1")]), listed(&[]));
    // Any program that starts is kubectl, if `KUBECTL` says so.
    let this = std::env::current_exe().expect("this program");
    let this = this.to_str().expect("UTF-8");
    assert_eq!(list(&["--ignored"], &[("KUBECTL", this)]), listed(&all[1..2]));
}

fn one_test_is_run_by_its_name() {
    let (succeeded, text) = said(&["--exact", "needs_nothing", "--nocapture"], &[]);
    assert!(succeeded, "{text}");
    assert!(
        line(&text, "test result:").contains("ok. 1 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out"),
        "{text}"
    );
}

fn main() -> ExitCode {
    if std::env::var_os(SAMPLE).is_some() {
        return complaint_harness::run([sample()]);
    }
    complaint_harness::run([tests![
        a_missing_tool_is_ignored_with_the_reason,
        a_missing_tool_fails_where_tools_are_required,
        a_panic_fails_and_says_why,
        lists_say_in_advance_what_is_ignored,
        one_test_is_run_by_its_name,
    ]])
}
