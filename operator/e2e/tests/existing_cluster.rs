//! In an existing cluster, the end-to-end suite runs the operator in its own process. Both end without ending the
//! starter of the suite, although all of them begin in one process group.
//!
//! The suite and its caller are this test binary itself, run again with the role in a variable.

#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "e2e/cluster.rs"]
mod cluster;

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use complaint_api::{ComplaintClassifier, condition};
use serde_json::json;

const ROLE: &str = "EXISTING_CLUSTER_ROLE";

fn again(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command
        .args(["program", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .stdin(Stdio::null());
    command
}

/// Not a test by itself: the code of the started programs.
#[tokio::test(flavor = "multi_thread")]
async fn program() {
    match std::env::var(ROLE).as_deref() {
        Ok("suite") => {
            let world = cluster::World::open("existing").await;
            let classifier = json!({ "metadata": { "name": "cards" }, "spec": {} });
            world.apply::<ComplaintClassifier>(classifier).await.expect("accepted");
            let seen = |classifier: &ComplaintClassifier| {
                let status = classifier.status.as_ref();
                status.is_some_and(|status| condition::is_true(&status.conditions, condition::RECONCILING))
            };
            world.until("cards", "seen by the operator", seen).await;
            world.close().await;
        }
        Ok("caller") => {
            let suite = again("suite").status().expect("the suite runs");
            println!("\nthe suite ended ({suite}) and its caller lives");
        }
        _ => {}
    }
}

#[test]
fn the_suite_leaves_its_caller_alive() {
    let sandbox = cluster::sandbox(&[]);
    let output = again("caller")
        .env("E2E_KUBECONFIG", &sandbox.kubeconfig)
        .env_remove("E2E_OPERATOR")
        .process_group(0)
        .output()
        .expect("the caller runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("the suite ended (exit status: 0) and its caller lives"),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
