//! Views of built objects, as tables, JSON and YAML.

pub(crate) mod objects;

use jiff::Timestamp;
use serde_json::json;

use crate::{
    compare::SideBySide,
    info::{Info, State, VersionInfo},
    render::{Look, Page, data},
    view,
    why::Why,
};
use objects::{NOW, cards, fresh, objects, paused, stalled};

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn plain(page: &Page) -> String {
    let look = Look {
        colours: false,
        width: None,
        now: now(),
    };
    page.text(&look)
}

fn version<'a>(info: &'a Info, name: &str) -> &'a VersionInfo {
    info.versions
        .iter()
        .find(|version| version.name == name)
        .expect("the version")
}

#[test]
fn status_has_a_line_for_each_classifier() {
    let info = Info::of(&objects());
    insta::assert_snapshot!("status", plain(&view::classifiers(&info, false, now())));
    insta::assert_snapshot!(
        "status_of_all_namespaces",
        plain(&view::classifiers(&info, true, now()))
    );
    insta::assert_snapshot!(
        "status_of_none",
        plain(&view::classifiers(&Info::default(), true, now()))
    );
}

#[test]
fn status_of_one_is_a_page() {
    let info = Info::of(&objects());
    for classifier in &info.classifiers {
        let page = plain(&view::detail(&info, classifier, now()));
        insta::assert_snapshot!(format!("status_{}", classifier.name), page);
    }
}

#[test]
fn a_terminal_wraps_sentences_and_no_names() {
    let info = Info::of(&objects());
    let look = Look {
        colours: false,
        width: Some(90),
        now: now(),
    };
    let page = view::detail(&info, &info.classifiers[0], now()).text(&look);
    assert!(page.lines().all(|line| line.chars().count() <= 90), "{page}");
    insta::assert_snapshot!("status_cards_in_90_columns", page);
}

#[test]
fn versions_and_runs_have_a_line_each() {
    let info = Info::of(&objects());
    insta::assert_snapshot!("versions", plain(&view::versions(&info, false, now())));
    insta::assert_snapshot!("runs", plain(&view::runs(&info, false, now())));
    insta::assert_snapshot!("run_without_log", plain(&view::summary(&info.runs[0])));
}

#[test]
fn versions_are_compared_with_the_figures_of_the_same_rows_where_there_are_any() {
    let info = Info::of(&objects());
    let paired = SideBySide::of(version(&info, "cards-1"), version(&info, "cards-2"));
    insta::assert_snapshot!("compare_paired", plain(&view::compare(&paired)));
    insta::assert_snapshot!("compare_paired_json", data(&paired, false).expect("JSON"));
    let unpaired = SideBySide::of(version(&info, "cards-2"), version(&info, "cards-3"));
    insta::assert_snapshot!("compare_unpaired", plain(&view::compare(&unpaired)));
}

#[test]
fn test_rows_are_the_same_only_if_the_records_say_so() {
    let mut info = Info::of(&objects());
    let same = |info: &Info| SideBySide::of(version(info, "cards-1"), version(info, "cards-2")).same_test_rows;
    assert_eq!(same(&info), Some(true), "one data set, one split");
    let edit = |info: &mut Info, change: &dyn Fn(&mut VersionInfo)| {
        info.versions
            .iter_mut()
            .filter(|version| version.name == "cards-2")
            .for_each(change);
    };
    edit(&mut info, &|version| {
        version.lineage.as_mut().expect("a lineage").dataset.sha256 = "ff".repeat(32);
    });
    assert_eq!(same(&info), Some(false), "another data set");
    edit(&mut info, &|version| version.lineage = None);
    assert_eq!(same(&info), None, "no record of the data set");
    edit(&mut info, &|version| {
        version.evaluation.as_mut().expect("an evaluation").split = Some("v1/seed=7/testFraction=0.2".into())
    });
    assert_eq!(same(&info), Some(false), "another split");
}

fn why(name: &str) -> Why {
    let objects = objects();
    let info = Info::of(&objects);
    let version = version(&info, name);
    let spec = objects
        .classifiers
        .iter()
        .find(|classifier| classifier.metadata.name.as_deref() == Some(&version.classifier));
    let classifier = info
        .classifiers
        .iter()
        .find(|classifier| classifier.name == version.classifier);
    Why::of(spec.expect("a classifier"), classifier.expect("its facts"), version)
}

#[test]
fn why_tells_the_decision_and_the_figures_beside_the_rules() {
    for name in ["cards-1", "cards-2", "cards-3", "cards-4", "loans-1", "loans-2"] {
        insta::assert_snapshot!(format!("why_{name}"), plain(&view::why(&why(name))));
    }
    insta::assert_snapshot!("why_cards-2_yaml", data(&why("cards-2"), true).expect("YAML"));
}

#[test]
fn a_decision_is_the_operators_even_where_the_figures_say_otherwise() {
    let mut objects = objects();
    // The rule that rejected the version was relaxed since: the decision stands, and the reader is told.
    objects.classifiers[0].spec.promotion.gates.clear();
    for version in &mut objects.versions {
        if version.metadata.name.as_deref() == Some("cards-2") {
            let comparison = version.status.as_mut().and_then(|status| status.comparison.as_mut());
            comparison.expect("a comparison").difference = 0.1;
        }
    }
    let info = Info::of(&objects);
    let why = Why::of(&objects.classifiers[0], &info.classifiers[0], version(&info, "cards-2"));
    assert_eq!(why.decision.reason, "NotBetter");
    assert!(why.rules.iter().all(|rule| !rule.decisive), "{:?}", why.rules);
    assert!(
        why.notes.iter().any(|note| note.contains("have changed since")),
        "{:?}",
        why.notes
    );
}

#[test]
fn data_has_stable_names() {
    let info = Info::of(&objects());
    insta::assert_snapshot!("info_json", data(&info, false).expect("JSON"));
    insta::assert_snapshot!("classifier_yaml", data(&info.classifiers[0], true).expect("YAML"));
}

#[test]
fn a_classifier_is_ready_only_by_its_last_spec() {
    for (classifier, state, ready) in [
        (cards(), State::Ready, true),
        (paused(), State::Paused, false),
        (stalled(), State::Stalled, false),
        (fresh(), State::Unknown, false),
    ] {
        let mut objects = crate::info::Objects {
            classifiers: vec![classifier],
            ..Default::default()
        };
        let seen = Info::of(&objects).classifiers.remove(0);
        assert_eq!((seen.state, seen.is_ready()), (state, ready), "{}", seen.name);
        objects.classifiers[0].metadata.generation = Some(99);
        assert!(!Info::of(&objects).classifiers[0].is_ready(), "{}", seen.name);
    }
}

#[test]
fn no_page_carries_what_a_terminal_would_obey() {
    let mut objects = objects();
    let hostile = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";
    for version in &mut objects.versions {
        version.spec.artifact.uri = hostile.into();
        if let Some(status) = &mut version.status {
            status
                .conditions
                .iter_mut()
                .for_each(|condition| condition.message = hostile.into());
            let classes = status
                .evaluation
                .iter_mut()
                .flat_map(|evaluation| &mut evaluation.weakest_classes);
            classes.for_each(|class| class.label = hostile.into());
        }
    }
    for classifier in &mut objects.classifiers {
        if let Some(status) = &mut classifier.status {
            status.url = Some(hostile.into());
            status
                .conditions
                .iter_mut()
                .for_each(|condition| condition.reason = hostile.into());
        }
    }
    for run in &mut objects.runs {
        if let Some(progress) = run.status.as_mut().and_then(|status| status.progress.as_mut()) {
            progress.message = hostile.into();
        }
    }
    objects.unreadable.push(crate::info::Unreadable {
        kind: "ModelVersion".into(),
        namespace: "team-a".into(),
        name: "v".into(),
        error: hostile.into(),
    });
    let info = Info::of(&objects);
    let mut pages = vec![
        view::classifiers(&info, true, now()),
        view::versions(&info, true, now()),
        view::runs(&info, true, now()),
        view::compare(&SideBySide::of(&info.versions[0], &info.versions[1])),
        view::why(&Why::of(
            &objects.classifiers[0],
            &info.classifiers[0],
            &info.versions[0],
        )),
    ];
    pages.extend(
        info.classifiers
            .iter()
            .map(|classifier| view::detail(&info, classifier, now())),
    );
    pages.extend(info.runs.iter().map(view::summary));
    let mut replaced = 0;
    for page in &pages {
        let text = plain(page);
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
            "{text:?}"
        );
        replaced += text.matches('\u{fffd}').count();
        let look = Look {
            colours: true,
            width: Some(100),
            now: now(),
        };
        let sequences = page.text(&look);
        let ours = without_tones(&sequences);
        assert!(!ours.contains('\u{1b}') && !ours.contains('\u{9b}'), "{sequences:?}");
    }
    assert!(replaced > 100, "the hostile text is on the pages: {replaced}");
}

/// The text without the escape sequences of our own tones.
fn without_tones(text: &str) -> String {
    let tones = [
        "\u{1b}[0m",
        "\u{1b}[1m",
        "\u{1b}[2m",
        "\u{1b}[31m",
        "\u{1b}[32m",
        "\u{1b}[33m",
    ];
    tones.iter().fold(text.to_owned(), |text, tone| text.replace(tone, ""))
}

#[test]
fn an_object_of_another_release_is_named_and_hides_no_other() {
    let listed = serde_json::from_value(json!([
        { "metadata": { "name": "odd", "namespace": "team-a" }, "spec": { "classifierRef": { "name": "cards" }, "artifact": 7 } },
    ]))
    .expect("guarded objects");
    let mut objects = objects();
    let before = objects.versions.len();
    objects.add_versions(listed);
    assert_eq!(objects.versions.len(), before);
    let info = Info::of(&objects);
    let page = plain(&view::versions(&info, false, now()));
    assert!(page.contains("ModelVersion team-a/odd can't be read"), "{page}");
    assert!(page.contains("cards-1"), "{page}");
}
