//! On the command line: by lines, by keys of a terminal, and by files of Label Studio.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Child, Stdio},
};

use complaint_harness::{Helm, Kubectl};
use nix::pty::openpty;
use serde_json::{Value, json};

use super::{Desk, HOSTILE, PLAIN, PLUGIN, serving};
use crate::cluster::has;

pub(super) fn captured_answers_become_corrections(kubectl: Kubectl, helm: Helm) {
    let desk = serving(&kubectl, &helm, "");
    has(
        &desk.ok("review card-complaints", ""),
        &["No captured answer", "waits for a person"],
    );
    desk.ask(&PLAIN);

    by_lines(&desk);
    by_rights(&desk);
    by_keys(&desk);
    by_label_studio(&desk);
    hostile_texts(&desk);
}

/// One text at a time, by lines.
fn by_lines(desk: &Desk<'_>) {
    let list = desk.waiting();
    let row = |place: usize| &list["rows"][place];
    let page = desk.ok(
        "review card-complaints --as ed --as-group system:authenticated",
        "y\nu\nt\ns\n?\no\nq\n",
    );
    let first = row(0)["text"].as_str().expect("a text");
    let category = row(0)["category"].as_str().expect("a category");
    has(
        &page,
        &[
            "4 of 4 captured answers that wait for a person. Decisions are sent as ed.",
            "1 of 4",
            "2 of 4",
            "two are true: both are right",
            &format!("Answer     {category}"),
            "»",
            "2 decisions were sent as ed. 2 texts of this review have no decision.",
        ],
    );
    assert!(!page.contains('\u{1b}'), "no colours but on a terminal");
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), 2, "what was undone was not sent: {corrections:?}");
    for (correction, row, both) in [(&corrections[0], row(0), true), (&corrections[1], row(2), false)] {
        assert_eq!(correction["text"], row["text"]);
        assert_eq!((&correction["id"], &correction["by"]), (&row["id"], &json!("ed")));
        assert_eq!(correction["digest"], row["digest"]);
        match both {
            true => assert_eq!(
                (&correction["category"], &correction["also"]),
                (&row["category"], &row["second"])
            ),
            false => assert_eq!(
                (&correction["category"], correction.get("also")),
                (&row["second"], None)
            ),
        }
    }
    let left = desk.texts();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(!left.iter().any(|text| text == first), "{left:?}");
    // A name in place of the user's, and the end of the input in place of q.
    has(
        &desk.ok("review card-complaints --by desk-7", "Fraud\nno such category\n"),
        &["There is no such key or category", "1 decision was sent as desk-7."],
    );
    let last = desk.corrections().pop().expect("a correction");
    assert_eq!((&last["category"], &last["by"]), (&json!("Fraud"), &json!("desk-7")));
}

/// Who may only look reads no text and decides nothing.
fn by_rights(desk: &Desk<'_>) {
    let before = desk.corrections().len();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "a-token-for-corrections\n").expect("it can be written");
    let token = format!("--token-file {}", file.path().display());
    has(
        &desk.fails(4, "review card-complaints --as rita"),
        &[
            "you may not get secrets card-complaints-reviewers in namespace default",
            "--token-file",
            "role",
        ],
    );
    has(
        &desk.fails(4, &format!("review card-complaints --as rita {token}")),
        &["you may not get services/proxy card-complaints in namespace default"],
    );
    std::fs::write(file.path(), "another-token").expect("it can be written");
    let refused = desk.fails(1, &format!("review card-complaints {token}"));
    has(&refused, &["Unauthorized", "tokenSecretRef"]);
    assert!(!refused.contains("another-token"), "{refused}");
    std::fs::write(file.path(), "# none\n").expect("it can be written");
    has(
        &desk.fails(1, &format!("review card-complaints {token}")),
        &["has no token"],
    );
    has(
        &desk.fails(3, "review nobody"),
        &["ComplaintClassifier nobody does not exist"],
    );
    // The API server's proxy passes on no `authorization`, and without a token nothing is read.
    let raw = "get --raw /api/v1/namespaces/default/services/card-complaints:http/proxy/captured";
    let raw = desk.cluster.run(desk.kubectl, raw, "");
    assert!(!raw.ok && !raw.out.contains("text"), "{}{}", raw.out, raw.err);
    assert_eq!(desk.corrections().len(), before);
}

/// A terminal whose keys a test presses.
struct Terminal {
    child: Child,
    master: File,
    shown: String,
}

impl Terminal {
    fn start(desk: &Desk<'_>, args: &str) -> Self {
        let pair = openpty(None, None).expect("a terminal");
        let mut command = desk.cluster.command(Path::new(PLUGIN), args.split_whitespace());
        let end = || Stdio::from(pair.slave.try_clone().expect("the terminal's end"));
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm");
        let child = command.spawn().expect("the plugin starts");
        drop(command);
        drop(pair.slave);
        Self {
            child,
            master: File::from(pair.master),
            shown: String::new(),
        }
    }

    /// Reads until this is shown; what was shown before does not count again.
    fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.shown.contains(text) {
            let read = self.master.read(&mut bytes).expect("the plugin goes on");
            assert!(read > 0, "the plugin ended before it showed {text:?}:\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        let end = self.shown.find(text).expect("it was found") + text.len();
        self.shown.drain(..end);
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("it takes keys");
    }

    /// What is shown until the program ends, and its code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut bytes = [0; 4096];
        // The end of a terminal is an error on Linux.
        while let Ok(read) = self.master.read(&mut bytes) {
            if read == 0 {
                break;
            }
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        (self.shown, self.child.wait().expect("it ends").code())
    }
}

/// Single keys, without Enter, on a terminal.
fn by_keys(desk: &Desk<'_>) {
    desk.ask(&[
        "My loan, my card, my account: who helps?",
        "Money is gone and nobody says where.",
    ]);
    let before = desk.corrections().len();
    let waiting = desk.texts().len();
    let mut terminal = Terminal::start(desk, "review card-complaints --by jane");
    terminal.until(&format!("1 of {waiting}"));
    terminal.until("Second");
    // The second text is shown, and the first one again: its decision is undone.
    terminal.press("y");
    terminal.until(&format!("2 of {waiting}"));
    terminal.press("u");
    terminal.until(&format!("1 of {waiting}"));
    terminal.press("x");
    terminal.until("No such key");
    terminal.press("2");
    terminal.until(&format!("2 of {waiting}"));
    terminal.press("q");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    has(&shown, &["1 decision was sent as jane."]);
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), before + 1);
    let categories = &desk.waiting()["categories"];
    assert_eq!(corrections[before]["category"], categories[1]);

    let mut terminal = Terminal::start(desk, "review card-complaints --by jane");
    terminal.until("1 of");
    terminal.until("Second");
    terminal.press("y");
    terminal.until("2 of");
    terminal.press("\u{3}");
    let (shown, code) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    has(&shown, &["No decision was sent. The last one was not sent."]);
    assert_eq!(desk.corrections().len(), before + 1, "Ctrl+C sends nothing");
}

/// Out to Label Studio, and back.
fn by_label_studio(desk: &Desk<'_>) {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("tasks.json");
    let waiting = desk.texts();
    let told = desk.call(&format!("review card-complaints --export {}", file.display()), "");
    assert_eq!(told.code, Some(0), "{}", told.err);
    has(&told.err, &["captured answers that wait are in", "tasks.json"]);
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it has texts of complaints");
    let mut tasks: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(tasks.as_array().map(Vec::len), Some(waiting.len()));
    let digest = desk.cluster.ok(
        desk.kubectl,
        "get cc/card-complaints -o jsonpath={.status.champion.sha256}",
    );
    for task in tasks.as_array().expect("a list") {
        let prediction = &task["predictions"][0];
        assert_eq!(prediction["model_version"], format!("sha256:{digest}"));
        assert!(
            prediction["score"]
                .as_f64()
                .is_some_and(|score| score > 0.0 && score <= 1.0)
        );
        assert_eq!(prediction["result"][0]["type"], "choices");
    }
    // A person agrees with each prediction.
    for task in tasks.as_array_mut().expect("a list") {
        task["id"] = json!(1);
        task["annotations"] = json!([{
            "id": 1, "completed_by": 3, "was_cancelled": false, "updated_at": "2026-11-29T10:16:08.728378Z",
            "result": task["predictions"][0]["result"],
        }]);
    }
    std::fs::write(&file, tasks.to_string()).expect("it can be written");
    let before = desk.corrections().len();
    let args = format!("review card-complaints --import {}", file.display());
    has(
        &desk.fails(4, &format!("{args} --as rita")),
        &["you may not get secrets"],
    );
    has(
        &desk.ok(&format!("{args} --as ed"), ""),
        &[&format!("{} corrections were sent, imported by ed.", waiting.len())],
    );
    assert_eq!(desk.texts(), [""; 0], "each is decided");
    let corrections = desk.corrections();
    assert_eq!(corrections.len(), before + waiting.len());
    for correction in &corrections[before..] {
        assert_eq!(correction["by"], "Label Studio user 3, imported by ed");
        assert_eq!(
            correction["answer"], correction["category"],
            "the same model answers the same"
        );
    }
    // A file in the documented form: two labels; two annotators; a skipped task.
    let told = desk.ok("review card-complaints --import examples/review/annotated.json", "");
    has(
        &told,
        &[
            "2 corrections were sent",
            "Left out: 1 without an annotation, or skipped.",
        ],
    );
    let corrections = desk.corrections();
    let [.., one, two] = corrections.as_slice() else {
        panic!("{corrections:?}");
    };
    let (both, one) = if one.get("also").is_some() {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(
        (&both["category"], &both["also"]),
        (&json!("Fees and interest"), &json!("Account access"))
    );
    assert_eq!(one["category"], "Fraud");
    has(
        one["by"].as_str().expect("a name"),
        &["Label Studio user 10, Label Studio user 11, imported by"],
    );
    let wrong = folder.path().join("wrong.json");
    std::fs::write(&wrong, r#"[{"text": "somebody's words"}]"#).expect("it can be written");
    let told = desk.fails(2, &format!("review card-complaints --import {}", wrong.display()));
    has(&told, &["can't be imported", "export the project as JSON"]);
    assert!(!told.contains("somebody"), "{told}");
}

/// A terminal shows what complaints hold, and obeys none of it.
fn hostile_texts(desk: &Desk<'_>) {
    desk.ask(&HOSTILE);
    let page = desk.ok("review card-complaints", "s\ns\ns\ns\n");
    for part in ["<script>alert(1)</script>", "onmouseover=", "gpj.exe", "title"] {
        // Words that decided have marks.
        let plain: String = page.chars().filter(|c| !"»«›‹".contains(*c)).collect();
        assert!(plain.contains(part), "no {part:?} in:\n{plain}");
    }
    for obeyed in ['\u{1b}', '\u{7}', '\u{202e}'] {
        assert!(!page.contains(obeyed), "{obeyed:?} in:\n{page}");
    }
    let json = desk.ok("review card-complaints -o json", "");
    assert!(!json.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{json}");
    let log = desk.cluster.ok(desk.kubectl, "logs deployment/card-complaints");
    for text in PLAIN.iter().chain(&HOSTILE) {
        assert!(!log.contains(text), "a complaint in the log:\n{log}");
    }
    assert!(!log.contains("a-token-for-corrections"), "{log}");
}
