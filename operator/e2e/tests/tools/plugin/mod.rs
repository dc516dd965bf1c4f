//! The kubectl plugin: the real program, by itself and called by kubectl.

mod ownership;
mod refusals;
mod tour;

use std::path::Path;

use complaint_harness::{Case, tests};
use serde_json::Value;

use crate::cluster::{Answer, Cluster};
use ownership::a_change_touches_one_field_however_the_manifest_was_applied;
use refusals::{a_reader_sees_everything_and_is_told_what_is_not_allowed, what_is_missing_is_told};
use tour::the_plugin_shows_and_changes_a_classifier;

pub fn tests() -> Vec<Case> {
    tests![
        the_plugin_shows_and_changes_a_classifier,
        a_change_touches_one_field_however_the_manifest_was_applied,
        a_reader_sees_everything_and_is_told_what_is_not_allowed,
        what_is_missing_is_told,
    ]
}

const PLUGIN: &str = env!("CARGO_BIN_EXE_complaint-e2e-plugin");
const COMPLAINT: &str = "Somebody I don't know used my card number to buy {$430.00} of electronics in another state.";

/// A cluster, kubectl and the plugin.
struct Shell<'a> {
    cluster: Cluster,
    kubectl: &'a Path,
}

impl Shell<'_> {
    fn kubectl(&self, args: &str) -> String {
        self.cluster.ok(self.kubectl, args)
    }

    fn apply(&self, how: &str, manifest: &str) {
        let applied = self.cluster.run(self.kubectl, how, manifest);
        assert!(applied.ok, "{}", applied.err);
    }

    fn call(&self, args: &str) -> Answer {
        self.cluster.run(Path::new(PLUGIN), args, "")
    }

    /// The output of the plugin, which must succeed.
    fn ok(&self, args: &str) -> String {
        let answer = self.call(args);
        assert_eq!(answer.code, Some(0), "{args}:\n{}{}", answer.out, answer.err);
        answer.out
    }

    fn json(&self, args: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{args} -o json"))).expect("JSON")
    }

    /// What the plugin says where it fails with this code.
    fn fails(&self, code: i32, args: &str) -> String {
        let answer = self.call(args);
        assert_eq!(answer.code, Some(code), "{args}:\n{}{}", answer.out, answer.err);
        answer.err
    }

    fn field(&self, object: &str, path: &str) -> String {
        self.kubectl(&format!("get {object} -o jsonpath={{{path}}}"))
    }

    fn champion(&self, version: &str) {
        self.kubectl(&format!(
            "wait cc/card-complaints --for=jsonpath={{.status.champion.name}}={version} --timeout=120s"
        ));
        self.kubectl(&format!(
            "wait mv/{version} --for=jsonpath={{.status.stage}}=Champion --timeout=60s"
        ));
        self.kubectl("wait cc/card-complaints --for=condition=Ready --timeout=120s");
    }
}
