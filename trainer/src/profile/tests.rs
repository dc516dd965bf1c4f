use complaint_contract::{DatasetFormat, DatasetSettings};
use complaint_report::{Contradiction, Duplicate, NearTwins, SuspicionReason};
use proptest::prelude::*;

use super::*;
use crate::dataset::{Collector, Field, Record};
use crate::split::split;

fn dataset(rows: &[(&str, &str)]) -> Dataset {
    let config = DatasetSettings {
        format: DatasetFormat::Csv,
        text_field: "text".into(),
        label_fields: vec!["label".into()],
        label_levels: Vec::new(),
        split_field: None,
        time_field: None,
        min_samples_per_class: 1,
        label_map: Default::default(),
        filter: Default::default(),
        sha256: None,
    };
    let mut collector = Collector::new(&config, "test");
    for (number, (text, label)) in rows.iter().enumerate() {
        let record = Record {
            number: number as u64 + 1,
            text: Field::Text(text),
            label: Field::Text(label),
            split: None,

            time: None,
            selected: true,
        };
        collector.push(&record).unwrap();
    }
    collector
        .finish_any(complaint_model::Sha256Digest::of_bytes(b""))
        .unwrap()
}

fn profile(rows: &[(&str, &str)]) -> Profile {
    let dataset = dataset(rows);
    let split = split(&dataset, &complaint_contract::EvaluationSettings::by_hash(0.2, 42));
    let texts: Vec<&str> = dataset.rows.iter().map(|row| dataset.text(row)).collect();
    let languages = Languages::of(texts.len(), |row| texts[row]);
    let common = CommonWords::of(languages.language());
    of_rows(&dataset, &split, &languages, common, 3, |row| {
        (0..=(row % 3) as u32).collect::<Vec<_>>().into_iter()
    })
}

fn numbers(profile: &Profile, reason: SuspicionReason) -> Vec<u64> {
    let found = profile.suspicious_rows.iter().find(|found| found.reason == reason);
    found.map_or_else(Vec::new, |found| {
        found.examples.iter().map(|example| example.row).collect()
    })
}

#[test]
fn each_reason_finds_its_row_and_an_ordinary_text_has_none() {
    let plain = "I was charged for a thing that I did not buy and the bank would not give me any of it back again";
    let german = "die Bank hat mir zweimal Geld vom Konto abgebucht und niemand konnte erklären warum das                   geschehen ist obwohl wir dreimal dort angerufen haben";
    let repeated = "refund ".repeat(30);
    let long = format!("{plain} ").repeat(40);
    let rows = [
        (plain, "a"),
        ("no money", "a"),
        (german, "a"),
        (&repeated, "b"),
        ("XXXX XXXX XX/XX/2019 called me", "b"),
        ("they didnâ€™t pay my cafÃ© bill", "b"),
        (&long, "a"),
        ("another plain text about the same bank", "a"),
    ];
    let found = profile(&rows);
    assert_eq!(numbers(&found, SuspicionReason::FewWords), [2]);
    assert_eq!(numbers(&found, SuspicionReason::FewCommonWords), [3, 4]);
    assert_eq!(numbers(&found, SuspicionReason::OneWordRepeated), [4]);
    assert_eq!(numbers(&found, SuspicionReason::MostlyRedacted), [5]);
    assert_eq!(numbers(&found, SuspicionReason::BrokenCharacters), [6]);
    assert!(
        !found
            .suspicious_rows
            .iter()
            .flat_map(|found| &found.examples)
            .any(|example| example.row == 1)
    );
}

#[test]
fn a_text_far_longer_than_the_rest_is_named() {
    let texts: Vec<String> = (0..50)
        .map(|number| format!("the bank took {number} from me"))
        .collect();
    let long = "the bank took it ".repeat(20);
    let mut rows: Vec<(&str, &str)> = texts.iter().map(|text| (text.as_str(), "a")).collect();
    rows.push((&long, "b"));
    assert_eq!(numbers(&profile(&rows), SuspicionReason::FarLonger), [51]);
}

#[test]
fn copies_twins_and_contradictions_are_named_by_number() {
    let letter = "To whom it may concern I dispute the account listed below because it is not mine and I never                   opened it with your bank so please delete it from my credit report at once";
    let twin = letter.replace("at once", "within thirty days");
    let rows = [
        (letter, "a"),
        (&twin, "b"),
        ("one text", "a"),
        ("one text", "a"),
        ("said twice", "a"),
        ("said twice", "b"),
        ("quite another story about cards", "b"),
    ];
    let found = profile(&rows);
    assert_eq!((found.near_twin_groups, found.near_twin_rows), (1, 2));
    let twins = NearTwins {
        rows: 2,
        labels: 2,
        examples: vec![1, 2],
    };
    assert_eq!(found.largest_near_twin_groups, [twins]);
    assert_eq!(found.duplicate_examples, [Duplicate { first: 3, copy: 4 }]);
    let contradiction = Contradiction {
        rows: [5, 6],
        labels: ["a".into(), "b".into()],
    };
    assert_eq!(found.contradiction_examples, [contradiction]);
    assert_eq!((found.records.duplicates, found.records.contradictory), (1, 2));
}

proptest! {
    #[test]
    fn the_histogram_holds_every_text_once(words in proptest::collection::vec(0_usize..30_000, 0..200)) {
        let bins = lengths::histogram(&words, &Quantiles::of(words.clone()));
        prop_assert_eq!(bins.iter().map(|bin| bin.rows).sum::<usize>(), words.len());
        for pair in bins.windows(2) {
            prop_assert_eq!(pair[0].to, Some(pair[1].from));
        }
        prop_assert!(bins.len() <= 25);
    }

    #[test]
    fn the_vocabulary_grows_to_all_rows(rows in 1_usize..300) {
        let points = vocabulary_growth(rows, rows, |row| std::iter::once(row as u32));
        prop_assert_eq!(points.last(), Some(&VocabularyPoint { rows, words: rows }));
        prop_assert!(points.windows(2).all(|pair| pair[0].rows < pair[1].rows));
        prop_assert!(points.len() <= GROWTH_POINTS);
    }
}
