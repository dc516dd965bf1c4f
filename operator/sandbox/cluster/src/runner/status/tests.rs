use super::*;
use serde_json::{Value, json};

fn pod(policy: &str, init: usize) -> Pod {
    let init: Vec<Value> = (0..init)
        .map(|number| json!({ "name": format!("init{number}") }))
        .collect();
    let pod = json!({ "metadata": { "name": "p", "generation": 1 },
                      "spec": { "restartPolicy": policy, "initContainers": init, "containers": [{ "name": "a" }, { "name": "b" }] } });
    serde_json::from_value(pod).expect("a Pod")
}

fn container(state: &str) -> ContainerStatus {
    let ended = |code: i32| json!({ "terminated": { "exitCode": code } });
    let (state, last) = match state {
        "waits" => (json!({ "waiting": {} }), json!({})),
        "runs" => (json!({ "running": {} }), json!({})),
        "crashes" => (json!({ "waiting": { "reason": "CrashLoopBackOff" } }), ended(1)),
        code => (ended(code.parse().expect("a code")), json!({})),
    };
    let status = json!({ "name": "x", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                         "state": state, "lastState": last });
    serde_json::from_value(status).expect("a status")
}

#[test]
fn the_phase_follows_the_containers() {
    for (policy, init, main, stopping, expected) in [
        ("Never", vec![], ["waits", "waits"], false, "Pending"),
        ("Never", vec!["runs"], ["waits", "waits"], false, "Pending"),
        ("Never", vec!["1"], ["waits", "waits"], false, "Failed"),
        ("OnFailure", vec!["1"], ["waits", "waits"], false, "Pending"),
        ("Never", vec!["0"], ["runs", "waits"], false, "Pending"),
        ("Never", vec!["0"], ["runs", "0"], false, "Running"),
        ("Never", vec![], ["0", "0"], false, "Succeeded"),
        ("Never", vec![], ["0", "3"], false, "Failed"),
        ("OnFailure", vec![], ["0", "3"], false, "Running"),
        ("OnFailure", vec![], ["0", "crashes"], false, "Running"),
        ("OnFailure", vec![], ["0", "0"], false, "Succeeded"),
        ("Always", vec![], ["0", "crashes"], false, "Running"),
        ("Always", vec![], ["0", "0"], true, "Succeeded"),
        ("Always", vec![], ["0", "143"], true, "Failed"),
        ("Always", vec![], ["runs", "0"], true, "Running"),
        ("Always", vec![], ["waits", "waits"], true, "Failed"),
    ] {
        let init: Vec<ContainerStatus> = init.into_iter().map(container).collect();
        let book = Book {
            main: main.map(container).to_vec(),
            stopping,
            init,
            ..Book::default()
        };
        assert_eq!(
            phase(&pod(policy, book.init.len()), &book),
            expected,
            "{policy} {main:?} {stopping}"
        );
    }
}

#[test]
fn conditions_say_what_is_missing_and_keep_their_time() {
    let early: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let late: Timestamp = "2026-01-01T00:01:00Z".parse().expect("a time");
    let mut pod = pod("Always", 0);
    let mut book = Book {
        main: vec![container("runs"), container("runs")],
        prepared: true,
        ..Book::default()
    };
    book.main[0].ready = true;
    let first = of(&pod, &book, early);
    let find = |status: &PodStatus, kind: &str| {
        let found = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == kind)
            .cloned();
        found.expect("the condition")
    };
    let ready = find(&first, "Ready");
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_deref()),
        ("False", Some("ContainersNotReady"))
    );
    assert_eq!(ready.message.as_deref(), Some("containers with unready status: [x]"));
    let mut seen = first;
    let gate = json!({ "type": "example.com/gate", "status": "False" });
    seen.conditions
        .get_or_insert_default()
        .push(serde_json::from_value(gate).expect("a condition"));
    pod.status = Some(seen);
    book.main[1].ready = true;
    let second = of(&pod, &book, late);
    assert_eq!(find(&second, "Ready").last_transition_time, Some(Time(late)));
    assert_eq!(find(&second, "Initialized").last_transition_time, Some(Time(early)));
    assert_eq!(find(&second, "example.com/gate").status, "False");
}
