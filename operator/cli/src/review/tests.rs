//! Reviews without a cluster.

use complaint_contract::Sha256Digest;
use complaint_contract::captured::{CapturedList, CapturedRow, DecidingWord, ServedAnswer};
use serde_json::{Value, json};

use super::{
    action::{Action, Typed, of_key, of_line},
    desk::{Row, batches, first},
    label_studio::{Left, read, tasks},
    page,
    session::{Decided, Session},
};
use crate::render::Look;

fn word(contribution: f64, ranges: &[[usize; 2]]) -> DecidingWord {
    DecidingWord {
        contribution,
        ranges: ranges.to_vec(),
    }
}

fn row(text: &str, category: &str, second: Option<&str>, words: Vec<DecidingWord>) -> CapturedRow {
    CapturedRow {
        id: Sha256Digest::of_bytes(text.as_bytes()).to_string(),
        time: "2026-11-29T09:30:00.000Z".into(),
        text: text.into(),
        category: category.into(),
        probability: 0.52,
        margin: 0.06,
        second: second.map(str::to_owned),
        needs_review: true,
        drawn: false,
        digest: Sha256Digest::of_bytes(b"model"),
        served: ServedAnswer {
            category: "Cards".into(),
            probability: 0.52,
            second: "Loans".into(),
            words,
        },
    }
}

fn list() -> CapturedList {
    CapturedList {
        rows: vec![
            row(
                "my card\nand my loan",
                "Cards",
                Some("Loans"),
                vec![word(0.8, &[[3, 7]]), word(-0.7, &[[15, 19]])],
            ),
            row("\u{1b}[2J<script>alert(1)</script>", "Fees", Some("Cards"), vec![]),
            row("a fee", "Cards", None, vec![]),
        ],
        waiting: 17,
        complete: true,
        categories: ["Cards", "Loans", "Fees"].map(String::from).to_vec(),
        new_categories: false,
        model_digest: "sha256:00".into(),
    }
}

fn plain(page: &crate::render::Page) -> String {
    page.text(&Look {
        colours: false,
        width: None,
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// Applies lines, and tells what was sent.
fn play(lines: &str) -> (Vec<String>, Session) {
    let mut session = Session::new(list());
    let mut said = Vec::new();
    for line in lines.split_whitespace() {
        let Typed::Action(action) = of_line(line) else {
            panic!("{line}");
        };
        match session.apply(&action) {
            Ok(Some(Decided { text, choice, .. })) => {
                let begin: String = text.chars().take(2).filter(|c| !c.is_control()).collect();
                said.push(format!("{begin}: {}", page::said(&choice)));
            }
            Ok(None) => {}
            Err(problem) => said.push(problem.split([':', '.', ';']).next().unwrap_or_default().to_owned()),
        }
    }
    (said, session)
}

#[test]
fn a_decision_is_sent_with_the_next_one_or_at_the_end() {
    for (lines, expected) in [
        ("y", vec![]),
        ("y q", vec!["my: Cards"]),
        ("q", vec![]),
        ("t o 2 q", vec!["my: Cards and Loans", "[: Cards", "a : Loans"]),
        // Skipping sends nothing, and keeps what may be undone.
        ("y s u o q", vec!["my: Loans"]),
        ("s s s b y q", vec!["a : Cards"]),
        // Decided again before it was sent, and after.
        ("y b o q", vec!["my: Loans"]),
        ("y y b b o q", vec!["my: Cards", "[: Fees", "my: Loans"]),
        ("y u q", vec![]),
        ("u", vec!["Nothing to undo"]),
        ("y y u u", vec!["my: Cards", "Nothing to undo"]),
        ("b", vec!["This is the first text"]),
        ("4", vec!["There is no category 4"]),
        ("0", vec!["There is no category 0"]),
        ("Fees q", vec!["my: Fees"]),
        (
            "fees",
            vec!["There is no such key or category, and new ones are not taken here (serving"],
        ),
        ("s s t", vec!["This answer has no second category"]),
        ("s s s y", vec!["There is no text left"]),
    ] {
        assert_eq!(play(lines).0, expected, "{lines}");
    }
    let mut other = list();
    other.rows[0].category = "Cheques".into();
    let refused = Session::new(other).apply(&Action::Answer);
    assert!(refused.is_err_and(|problem| problem.contains("has no category Cheques")));
    let (_, session) = play("y y u");
    assert_eq!((session.undecided(), session.pending()), (2, false));
    assert_eq!(
        session.shown().map(|(number, ..)| number),
        Some(2),
        "the text is shown again"
    );
    let (_, session) = play("y b o u");
    assert_eq!(session.undecided(), 3, "as it was before both");
}

#[test]
fn keys_and_lines_mean_the_same() {
    for (key, action) in [
        ('y', Action::Answer),
        ('O', Action::Second),
        ('t', Action::Both),
        ('?', Action::Help),
    ] {
        assert_eq!(of_key(key), Some(action.clone()));
        assert_eq!(of_line(&format!(" {key}\r\n")), Typed::Action(action));
    }
    assert_eq!(of_key('x'), None);
    assert_eq!(of_line("x"), Typed::Action(Action::Name("x".into())));
    assert_eq!(of_line("12\n"), Typed::Action(Action::Number(12)));
    assert!(matches!(of_line(" \n"), Typed::Unknown(_)));
}

#[test]
fn a_text_is_shown_with_both_categories_and_the_words_that_decided() {
    let (_, mut session) = play("");
    let mut shown = plain(&page::head(&session, "jane\u{1b}[2J", true));
    shown.push_str(&plain(&page::text(&session)));
    for action in [Action::Both, Action::Skip, Action::Skip] {
        session.apply(&action).expect("it can be done");
        shown.push_str(&plain(&page::text(&session)));
    }
    session.apply(&Action::Undo).expect("it can be done");
    shown.push_str(&page::end(&session, 1, 2, true, "jane"));
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    insta::assert_snapshot!("review", shown);
}

#[test]
fn marks_are_whole_characters_and_never_nested() {
    let text = "für die Karte";
    let marked = |words: &[DecidingWord]| {
        let mut page = crate::render::Page::default();
        page::marked(text, words).into_iter().for_each(|line| page.line(line));
        plain(&page)
    };
    assert_eq!(
        marked(&[word(1.0, &[[0, 3]]), word(-0.5, &[[8, 13]])]),
        "»für« die ›Karte‹\n"
    );
    assert_eq!(
        marked(&[word(1.0, &[[0, 7]]), word(1.0, &[[4, 13]])]),
        "»für die«» Karte«\n"
    );
    assert_eq!(marked(&[word(1.0, &[[9, 99], [99, 100], [5, 4]])]), "für die K»arte«\n");
}

#[test]
fn a_token_file_and_requests_have_bounds() {
    assert_eq!(first(b"# reviewers\n\n  one \ntwo"), Some(&b"one"[..]));
    assert_eq!(first(b"#\n"), None);
    let rows = |count: usize, bytes: usize| {
        let row = Row {
            id: None,
            text: "a".repeat(bytes),
            category: "Cards".into(),
            also: None,
            by: "jane".into(),
        };
        vec![row; count]
    };
    let sizes = |rows: &[Row]| batches(rows).iter().map(|batch| batch.len()).collect::<Vec<_>>();
    assert_eq!(sizes(&rows(250, 10)), [100, 100, 50]);
    assert_eq!(sizes(&rows(7, 64 << 10)), [3, 3, 1]);
    assert_eq!(sizes(&rows(2, 600 << 10)), [1, 1]);
    assert!(sizes(&[]).is_empty());
}

/// An annotation as Label Studio exports it.
fn annotation(by: Value, updated_at: &str, choices: &[&str]) -> Value {
    json!({
        "id": 1001, "completed_by": by, "was_cancelled": false, "ground_truth": false,
        "created_at": "2026-11-29T10:00:00.000000Z", "updated_at": updated_at, "lead_time": 4.288, "task": 1,
        "result": [{ "id": "Dx_aB91ISN", "from_name": "category", "to_name": "text", "type": "choices", "origin": "manual",
                     "value": { "choices": choices } }],
    })
}

fn imported(tasks: &Value) -> super::label_studio::Read {
    let known = |category: &str| ["Cards", "Loans", "Fees"].contains(&category);
    read(tasks.to_string().as_bytes(), known, "rita").expect("an export")
}

#[test]
fn tasks_go_to_label_studio_and_come_back_as_corrections() {
    let mut tasks = tasks(&list());
    insta::assert_json_snapshot!("label_studio_tasks", tasks);
    // What Label Studio adds to each.
    for (number, task) in tasks.as_array_mut().expect("a list").iter_mut().enumerate() {
        task["id"] = json!(number + 1);
        task["project"] = json!(83);
        task["created_at"] = json!("2026-11-29T09:52:49.513742Z");
        task["annotations"] = json!([]);
        task["drafts"] = json!([]);
        task["total_annotations"] = json!(1);
    }
    let user = json!({ "id": 10, "email": "jane@example.com", "first_name": "", "last_name": "" });
    tasks[0]["annotations"] = json!([annotation(user, "2026-11-29T10:16:08.728378Z", &["Loans", "Cards"])]);
    tasks[1]["annotations"] = json!([annotation(json!(7), "2026-11-29T10:17:08.728378Z", &["Fees"])]);
    let read = imported(&tasks);
    assert_eq!(
        read.left,
        Left {
            open: 1,
            ..Left::default()
        }
    );
    let row = |text: &str, category: &str, also: Option<&str>, by: &str| Row {
        id: None,
        text: text.into(),
        category: category.into(),
        also: also.map(str::to_owned),
        by: by.into(),
    };
    let expected = [
        row(
            "my card\nand my loan",
            "Loans",
            Some("Cards"),
            "jane@example.com, imported by rita",
        ),
        row(
            "\u{1b}[2J<script>alert(1)</script>",
            "Fees",
            None,
            "Label Studio user 7, imported by rita",
        ),
    ];
    assert_eq!(read.rows, expected);
}

#[test]
fn several_annotators_decide_by_most_and_each_by_the_last_word() {
    let at = |minute: u32| format!("2026-11-29T10:{minute:02}:00.000000Z");
    let by = |who: u32, minute: u32, choices: &[&str]| annotation(json!(who), &at(minute), choices);
    let mut skipped = by(3, 9, &["Loans"]);
    skipped["was_cancelled"] = json!(true);
    let decided = |annotations: Vec<Value>| {
        let read = imported(&json!([{ "id": 1, "data": { "text": "a text" }, "annotations": annotations }]));
        let rows: Vec<String> = read
            .rows
            .iter()
            .map(|row| {
                format!(
                    "{}{}",
                    row.category,
                    row.also.as_ref().map(|also| format!("+{also}")).unwrap_or_default()
                )
            })
            .collect();
        (rows.join(" "), read.left)
    };
    let left = |change: fn(&mut Left)| {
        let mut left = Left::default();
        change(&mut left);
        (String::new(), left)
    };
    let done = |choice: &str| (choice.to_owned(), Left::default());
    assert_eq!(
        decided(vec![by(1, 1, &["Cards"]), by(2, 2, &["Cards"]), by(3, 3, &["Loans"])]),
        done("Cards")
    );
    assert_eq!(
        decided(vec![by(1, 1, &["Cards"]), by(2, 2, &["Loans"])]),
        left(|left| left.disagreed = 1)
    );
    assert_eq!(
        decided(vec![by(1, 5, &["Cards"]), by(1, 2, &["Loans"])]),
        done("Cards"),
        "the later one"
    );
    assert_eq!(
        decided(vec![
            by(1, 1, &["Cards", "Loans"]),
            by(2, 2, &["Loans", "Cards"]),
            by(3, 3, &["Fees"])
        ]),
        done("Cards+Loans")
    );
    assert_eq!(decided(vec![skipped.clone()]), left(|left| left.open = 1));
    assert_eq!(decided(vec![skipped.clone(), by(1, 1, &["Fees"])]), done("Fees"));
    // Whoever skips takes the own word back.
    assert_eq!(decided(vec![by(3, 1, &["Fees"]), skipped]), left(|left| left.open = 1));
    assert_eq!(decided(vec![]), left(|left| left.open = 1));
    assert_eq!(decided(vec![by(1, 1, &[])]), left(|left| left.unclear = 1));
    assert_eq!(
        decided(vec![by(1, 1, &["Cards", "Loans", "Fees"])]),
        left(|left| left.unclear = 1)
    );
    assert_eq!(decided(vec![by(1, 1, &["Cheques"])]), left(|left| left.unknown = 1));
    let mut other = by(1, 1, &["Fees"]);
    other["result"][0]["from_name"] = json!("label");
    assert_eq!(decided(vec![other.clone()]), done("Fees"), "the only question");
    let mut both = by(1, 1, &["Cards"]);
    both["result"]
        .as_array_mut()
        .expect("a list")
        .push(other["result"][0].clone());
    assert_eq!(decided(vec![both]), done("Cards"), "the question with our name");
}

#[test]
fn a_file_that_is_no_export_is_refused_and_not_repeated() {
    for file in [
        &br#"{"text": "somebody's words"}"#[..],
        b"somebody's words",
        br#"[{"text": "somebody's words", "category": "Cards"}]"#,
        br#"[{"data": "somebody's words"}]"#,
    ] {
        let problem = read(file, |_| true, "rita").expect_err("no export");
        assert!(
            problem.contains("no list of tasks") && !problem.contains("somebody"),
            "{problem}"
        );
    }
    let long = "a".repeat((64 << 10) + 1);
    let read =
        imported(&json!([{ "data": { "text": " " } }, { "data": { "text": long } }, { "data": { "image": "a.jpg" } }]));
    assert_eq!(
        read.left,
        Left {
            unusable: 3,
            ..Left::default()
        }
    );
}
