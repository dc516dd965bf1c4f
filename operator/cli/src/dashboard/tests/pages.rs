//! Pages of built objects.

use complaint_contract::captured::{CapturedKind, CapturedList, CapturedRow, DecidingWord, ServedAnswer};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    board,
    html::{Tag, addresses, lines, read},
};
use crate::{
    compare::SideBySide,
    dashboard::{
        board::{Board, Health, Problem},
        pages::{self, Page, review::Place},
        row::{Drift, Level},
    },
    info::{Objects, Unreadable},
    tests::objects::{NOW, cards, drifted, objects},
    why::Why,
};

fn frame() -> Page {
    Page {
        now: NOW.parse().expect("a time"),
        revision: 7,
        shown: "all namespaces".into(),
        notice: None,
        health: Health::Live,
        reviews: false,
        unreadable: Vec::new(),
    }
}

fn problem() -> Problem {
    Problem {
        since: "2026-11-28T11:55:00Z".parse::<Timestamp>().expect("a time"),
        message:
            "the API server does not answer (watch modelversions.complaints.dev in all namespaces): connection refused"
                .into(),
    }
}

/// Every page about these objects, with a name.
fn all(frame: &Page, board: &Board) -> Vec<(String, String)> {
    let rows = board.rows();
    let mut all = vec![(
        "fleet".to_owned(),
        pages::fleet::page(frame, &rows, &Default::default()),
    )];
    for row in &rows {
        let (namespace, name) = (&row.namespace, &row.name);
        let shelf = board.shelf(namespace, name).expect("what a row is about");
        let info = &shelf.info;
        all.push((
            format!("classifier_{name}"),
            pages::classifier::page(frame, namespace, name, info),
        ));
        all.push((
            format!("versions_{name}"),
            pages::versions::page(frame, namespace, name, info),
        ));
        for version in &info.versions {
            let why = shelf
                .spec
                .as_ref()
                .map(|spec| Why::of(spec, &info.classifiers[0], version));
            all.push((
                format!("version_{}", version.name),
                pages::version::page(frame, info, version, why.as_ref()),
            ));
        }
        for run in &info.runs {
            all.push((format!("run_{}", run.name), pages::run::page(frame, info, run)));
        }
        for pair in info.versions.windows(2) {
            let both = SideBySide::of(&pair[1], &pair[0]);
            let page = pages::compare::page(frame, namespace, name, &both);
            all.push((format!("compare_{}_{}", pair[1].name, pair[0].name), page));
        }
    }
    all.into_iter().map(|(name, page)| (name, page.into_string())).collect()
}

#[test]
fn pages_are_as_before() {
    let board = board(objects());
    let pages = all(&frame(), &board);
    for name in [
        "fleet",
        "classifier_cards",
        "classifier_loans",
        "classifier_fees",
        "classifier_new",
        "versions_cards",
        "version_cards-1",
        "version_cards-2",
        "version_cards-4",
        "run_cards-29891520",
        "run_cards-2",
        "compare_cards-1_cards-2",
        "compare_cards-3_cards-4",
    ] {
        let (_, page) = pages.iter().find(|(of, _)| of == name).expect("the page");
        insta::assert_snapshot!(format!("page_{name}"), lines(page));
    }
}

#[test]
fn production_is_shown_beside_its_limits() {
    let mut objects = objects();
    objects.classifiers[0] = drifted();
    let board = board(objects);
    let shelf = board.shelf("team-a", "cards").expect("the classifier");
    let page = pages::classifier::page(&frame(), "team-a", "cards", &shelf.info).into_string();
    insta::assert_snapshot!("page_classifier_drifted", lines(&page));
}

#[test]
fn problems_are_told() {
    let mut page = frame();
    insta::assert_snapshot!("page_not_found", lines(&pages::problem::not_found(&page).into_string()));
    page.health = Health::Stale(problem());
    page.notice =
        Some("You may not list modelversions.complaints.dev in all namespaces: only namespace a is shown.".into());
    page.unreadable = vec![Unreadable {
        kind: "ModelVersion".into(),
        namespace: "a".into(),
        name: "v".into(),
        error: "missing field `spec`".into(),
    }];
    let rows = board(objects()).rows();
    let stale = pages::fleet::page(&page, &rows, &Default::default()).into_string();
    for said in [
        "may be old",
        "2026-11-28 11:55:00 UTC",
        "5m ago",
        "connection refused",
        "only namespace a",
        "missing field",
    ] {
        assert!(stale.contains(said), "no {said:?} in {stale}");
    }
    page.health = Health::Starting(None);
    insta::assert_snapshot!("page_starting", lines(&pages::problem::starting(&page).into_string()));
    page.health = Health::Starting(Some(problem()));
    insta::assert_snapshot!(
        "page_unreachable",
        lines(&pages::problem::starting(&page).into_string())
    );
}

/// Pages can be read by a screen reader: one first heading, headings without gaps, captions and scopes, names of landmarks.
#[test]
fn pages_have_a_structure_that_can_be_heard() {
    let mut objects = objects();
    objects.classifiers.push(drifted());
    for (name, page) in all(&frame(), &board(objects)) {
        let (tags, _) = read(&page);
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        let has = |tag: &Tag, attribute: &str| tag.attributes.iter().any(|(name, _)| name == attribute);
        assert_eq!((count("h1"), count("main")), (1, 1), "{name}");
        assert_eq!(count("table"), count("caption"), "{name}: every table has a caption");
        let mut level = 1;
        for tag in &tags {
            let heading = tag.name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok());
            if let Some(next) = heading {
                assert!(next <= level + 1, "{name}: h{next} after h{level}");
                level = next;
            }
            match tag.name.as_str() {
                "th" => assert!(has(tag, "scope"), "{name}: a heading of a table says what it is of"),
                "svg" => assert!(has(tag, "aria-hidden") && has(tag, "width"), "{name}: {tag:?}"),
                "nav" | "form" => assert!(has(tag, "aria-label"), "{name}: {tag:?}"),
                "html" => assert!(has(tag, "lang"), "{name}"),
                _ => {}
            }
            assert!(
                !has(tag, "style") && !tag.attributes.iter().any(|(name, _)| name.starts_with("on")),
                "{name}: {tag:?}"
            );
        }
        let mut ids: Vec<&str> = tags
            .iter()
            .flat_map(|tag| &tag.attributes)
            .filter(|(name, _)| name == "id")
            .map(|(_, id)| id.as_str())
            .collect();
        let before = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), before, "{name}: an id is there once");
        for address in addresses(&tags) {
            assert!(
                address.starts_with('/') && !address.starts_with("//") || address.starts_with('#'),
                "{name}: {address}"
            );
        }
    }
}

/// Strings by which pages were broken into before.
const HOSTILE: [&str; 8] = [
    "<script>owned()</script>",
    "\"><img src=x onerror=owned()>",
    "' onmouseover='owned()",
    "javascript:owned()",
    "</title></textarea></style><svg onload=owned()>",
    "&lt;b&gt;&#60;script&#62;",
    "a\u{202e}b\u{0}c\u{1b}[2J\u{2028}d",
    "//evil.example.org/\\..\\..?a=b&c=d#e",
];

/// The places of all texts of an object, as JSON pointers.
fn places(object: &Value, at: &str, found: &mut Vec<String>) {
    match object {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(
                    value,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::String(_) => found.push(at.to_owned()),
        _ => {}
    }
}

/// The object with every text replaced that its type allows to be any text; how many there were is counted.
fn replaced<K: Serialize + DeserializeOwned>(object: &K, text: &str, count: &mut usize) -> Value {
    let mut value = serde_json::to_value(object).expect("an object is JSON");
    let mut all = Vec::new();
    places(&value, "", &mut all);
    for place in all {
        // What a condition is of decides what a page shows.
        let decides = place.contains("/conditions/") && (place.ends_with("/type") || place.ends_with("/status"));
        if decides {
            continue;
        }
        let slot = value.pointer_mut(&place).expect("its place");
        let before = std::mem::replace(slot, text.into());
        if K::deserialize(&value).is_err() {
            *value.pointer_mut(&place).expect("its place") = before;
        } else {
            *count += 1;
        }
    }
    value
}

/// These objects with every text replaced, names and namespaces too. The objects of each kind keep names of their own.
fn with(text: &str) -> Objects {
    let mut count = 0;
    let mut objects = objects();
    objects.classifiers[0] = drifted();
    let changed = Objects {
        classifiers: each(&objects.classifiers, text, &mut count),
        versions: each(&objects.versions, text, &mut count),
        runs: each(&objects.runs, text, &mut count),
        unreadable: Vec::new(),
    };
    assert!(count > 200, "only {count} texts");
    changed
}

fn each<K: Serialize + DeserializeOwned>(objects: &[K], text: &str, count: &mut usize) -> Vec<K> {
    let change = |(place, object): (usize, &K)| {
        let mut value = replaced(object, text, count);
        value["metadata"]["name"] = format!("{text}{place}").into();
        value["metadata"]["namespace"] = text.into();
        // Versions and runs belong to the first classifier, which tells all it can.
        if let Some(name) = value.pointer_mut("/spec/classifierRef/name") {
            *name = format!("{text}0").into();
        }
        serde_json::from_value(value).expect("the object is still one")
    };
    objects.iter().enumerate().map(change).collect()
}

/// Tags and names of attributes, but no values.
fn shape(page: &str) -> Vec<(String, Vec<String>)> {
    let (tags, _) = read(page);
    tags.into_iter()
        .map(|tag| (tag.name, tag.attributes.into_iter().map(|(name, _)| name).collect()))
        .collect()
}

/// Captured answers in which every text is this one; a complaint has one line.
fn review(text: &str) -> CapturedList {
    let line = text.replace(['\n', '\r'], " ");
    let row = |second: &str| CapturedRow {
        id: text.into(),
        time: text.into(),
        text: format!("{line} and {line}"),
        category: text.into(),
        probability: 0.5,
        margin: 0.1,
        second: Some(second.into()),
        needs_review: true,
        drawn: true,
        digest: complaint_contract::Sha256Digest::of_bytes(b"a model"),
        served: ServedAnswer {
            category: text.into(),
            probability: 0.5,
            second: text.into(),
            words: vec![
                DecidingWord {
                    contribution: 1.0,
                    ranges: vec![[0, 3]],
                },
                DecidingWord {
                    contribution: -1.0,
                    ranges: vec![[4, 6]],
                },
            ],
        },
    };
    CapturedList {
        rows: vec![row(&format!("{text}2")), row(&format!("{text}3"))],
        waiting: 2,
        complete: false,
        categories: vec![text.into(), format!("{text}2"), format!("{text}3")],
        new_categories: false,
        model_digest: text.into(),
    }
}

#[test]
fn no_text_of_an_object_makes_an_element_an_attribute_or_an_address() {
    let page = |text: &str| {
        let mut frame = frame();
        frame.notice = Some(text.into());
        frame.shown = text.into();
        frame.health = Health::Stale(Problem {
            message: text.into(),
            ..problem()
        });
        frame.unreadable = vec![Unreadable {
            kind: "ModelVersion".into(),
            namespace: text.into(),
            name: text.into(),
            error: text.into(),
        }];
        let mut pages = all(&frame, &board(with(text)));
        let list = review(text);
        let place = Place {
            namespace: text,
            classifier: text,
            which: CapturedKind::All,
            number: 0,
        };
        pages.push((
            "review".into(),
            pages::review::page(&frame, &place, &list, text).into_string(),
        ));
        pages.push(("forbidden".into(), pages::problem::forbidden(text, text).into_string()));
        pages.push((
            "unanswered".into(),
            pages::problem::unanswered(frame.now, text).into_string(),
        ));
        pages
    };
    let harmless = page("Harmless");
    assert!(harmless.len() > 20, "{}", harmless.len());
    for text in HOSTILE {
        let pages = page(text);
        assert_eq!(pages.len(), harmless.len(), "{text:?}");
        for ((name, page), (_, expected)) in pages.iter().zip(&harmless) {
            assert_eq!(shape(page), shape(expected), "{text:?} in {name}");
            let (tags, words) = read(page);
            for address in addresses(&tags) {
                let own = address.starts_with('/') && !address.starts_with("//") && !address.contains('\\');
                assert!(own || address == "#main", "{text:?} in {name}: {address:?}");
            }
            assert!(
                !page
                    .chars()
                    .any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}')),
                "{text:?} in {name}: a character that nobody sees"
            );
            assert!(
                !words.contains('>') && !words.contains('"'),
                "{text:?} in {name}: {words}"
            );
            assert!(
                words.contains("owned") || !text.contains("owned"),
                "{text:?} is not in {name}"
            );
        }
    }
}

#[test]
fn what_needs_somebody_comes_first() {
    let mut objects = objects();
    objects.classifiers[0] = drifted();
    let mut rows = board(objects).rows();
    rows.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let shown: Vec<(&str, Option<Level>)> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.matters.first().map(|matter| matter.level)))
        .collect();
    assert_eq!(
        shown,
        [
            ("cards", Some(Level::Act)),
            ("fees", Some(Level::Act)),
            ("new", Some(Level::Look)),
            ("loans", Some(Level::Know)),
        ]
    );
    assert_eq!(rows[0].drift, Drift::Yes("EstimatedAccuracyLow".into()));
    let said: Vec<&str> = rows[0].matters.iter().map(|matter| matter.title.as_str()).collect();
    assert!(said.contains(&"cards-4 waits for you: NotEvaluated"), "{said:?}");
    assert!(
        !said.iter().any(|said| said.starts_with("cards-2 ")),
        "a rejected version needs nobody: {said:?}"
    );
    // One that serves and has nothing to tell comes last.
    let mut quiet = cards();
    quiet.metadata.name = Some("aaa".into());
    quiet.spec.monitoring = None;
    let mut rows = board(Objects {
        classifiers: vec![quiet, drifted()],
        ..Objects::default()
    })
    .rows();
    rows.sort_by(|a, b| a.rank().cmp(&b.rank()));
    assert_eq!(
        rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["cards", "aaa"]
    );
}
