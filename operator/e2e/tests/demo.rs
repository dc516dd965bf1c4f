//! The demo ends with a prediction or an error, and leaves no process behind.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn command(state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_complaint-e2e"));
    command.args(args).arg("--state").arg(state);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn demo(state: &Path, args: &[&str]) -> Output {
    let args: Vec<&str> = ["demo"].iter().chain(args).copied().collect();
    command(state, &args).output().expect("the sandbox starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Processes with this state directory: in the arguments of pods, or in the operator's KUBECONFIG.
fn processes(state: &Path) -> Vec<String> {
    let state = state.to_str().expect("a path in UTF-8").as_bytes();
    let has = |text: Vec<u8>| text.windows(state.len()).any(|window| window == state);
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        if has(read("cmdline")) || has(read("environ")) {
            found.push(String::from_utf8_lossy(&read("cmdline")).replace('\0', " "));
        }
    }
    found
}

/// Starts the sandbox and reads what it prints until a line has `word`.
#[expect(
    clippy::zombie_processes,
    reason = "the caller waits for it; a panic ends the test process"
)]
fn until(state: &Path, args: &[&str], word: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = command(state, args).spawn().expect("the sandbox starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
    let mut seen = String::new();
    loop {
        let start = seen.len();
        if lines.read_line(&mut seen).expect("text") == 0 {
            let mut errors = String::new();
            child
                .stderr
                .take()
                .expect("piped")
                .read_to_string(&mut errors)
                .expect("text");
            panic!("it ended before `{word}`:\n{seen}{errors}");
        }
        if seen[start..].contains(word) {
            return (child, lines);
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), signal).expect("it runs");
}

#[test]
fn the_demo_ends_in_a_correct_prediction_and_leaves_nothing() {
    let state = tempfile::tempdir().expect("a directory");
    let output = demo(state.path(), &[]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for words in [
        "card-complaints-1 is champion (FirstVersion)",
        "/predict",
        "→ Fraud",
        "macro-F1",
    ] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    assert_eq!(processes(state.path()), Vec::<String>::new());
    // The held-out macro-F1 of the sample must be plausible.
    let score = said
        .split("macro-F1 ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .expect("a score");
    let score: f64 = score.parse().expect("a number");
    assert!((0.75..=0.95).contains(&score), "{score}");
}

#[test]
fn a_shifted_mix_is_shown_to_be_found_and_adapted_to() {
    let state = tempfile::tempdir().expect("a directory");
    let output = demo(state.path(), &["--drift"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for words in ["CategoriesShifted", "weighed to it", "is champion (Adapted)", "calm"] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    let figure = |words: &str| -> f64 {
        let rest = said.split(words).nth(1).expect("the figures");
        rest.split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number")
    };
    let (before, after) = (figure("on this traffic "), figure("% before, "));
    assert!(before > 50.0 && after >= before, "{said}");
}

#[test]
fn the_users_own_nested_json_is_trained_and_served() {
    let state = tempfile::tempdir().expect("a directory");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/complaints.json");
    let fields = [
        "--text-field",
        "_source.complaint_what_happened",
        "--label-field",
        "_source.category",
    ];
    let output = demo(
        state.path(),
        &[&["--data", data.to_str().expect("UTF-8")], &fields[..]].concat(),
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("held-out rows asked over HTTP"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_file_that_can_not_be_used_ends_it_with_the_fix() {
    let state = tempfile::tempdir().expect("a directory");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/complaints.csv");
    let data = data.to_str().expect("UTF-8");
    let cases: [(&[&str], &str); 4] = [
        (
            &["--data", data, "--text-field", "narratve", "--label-field", "category"],
            "perhaps `narrative`",
        ),
        (
            &["--data", "/nowhere/x.csv", "--text-field", "a", "--label-field", "b"],
            "/nowhere/x.csv",
        ),
        (
            &["--data", "/proc/version", "--text-field", "a", "--label-field", "b"],
            "--data-format csv",
        ),
        (&["--data", data], "--text-field"),
    ];
    for (args, words) in cases {
        let output = demo(state.path(), args);
        assert!(!output.status.success(), "{args:?}");
        assert!(said(&output).contains(words), "`{words}` is not in:\n{}", said(&output));
    }
    assert_eq!(processes(state.path()), Vec::<String>::new());
}

#[test]
fn ctrl_c_at_any_moment_leaves_nothing_and_a_second_start_works() {
    let state = tempfile::tempdir().expect("a directory");
    for moment in ["sandbox", "applied", "trained", "promoted"] {
        let (mut child, mut rest) = until(state.path(), &["demo"], moment);
        signal(&child, Signal::SIGINT);
        let mut tail = String::new();
        rest.read_to_string(&mut tail).expect("text");
        let status = child.wait().expect("it ends");
        // After the last step the demo may end before the signal arrives.
        let had_ended = moment == "promoted" && tail.contains("done in");
        assert!(!status.success() || had_ended, "interrupted at `{moment}`");
        assert_eq!(
            processes(state.path()),
            Vec::<String>::new(),
            "interrupted at `{moment}`"
        );
    }
    let (mut child, _rest) = until(state.path(), &["demo", "--keep"], "kubectl get complaints");
    signal(&child, Signal::SIGTERM);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(processes(state.path()), Vec::<String>::new());
}

#[test]
fn even_a_killed_sandbox_leaves_nothing() {
    let state = tempfile::tempdir().expect("a directory");
    let (mut child, _rest) = until(state.path(), &["demo", "--keep"], "kubectl get complaints");
    assert!(
        processes(state.path()).len() >= 3,
        "sandbox, operator, server: {:?}",
        processes(state.path())
    );
    signal(&child, Signal::SIGKILL);
    child.wait().expect("it ends");
    // These are not our children, so their end is polled.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !processes(state.path()).is_empty() {
        assert!(Instant::now() < deadline, "left behind: {:?}", processes(state.path()));
        std::thread::yield_now();
    }
}
