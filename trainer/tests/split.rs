//! Properties of the split, on data sets from proptest.

use complaint_contract::{DatasetFormat, DatasetSettings, EvaluationSettings, SplitBy};
use complaint_trainer::dataset::{Collector, Dataset, Field, Record};
use complaint_trainer::split::{split, split_key};
use proptest::prelude::*;

fn dataset(rows: &[(String, u8)]) -> Option<Dataset> {
    let config = DatasetSettings {
        format: DatasetFormat::Csv,
        text_field: "text".into(),
        label_fields: vec!["label".into()],
        label_levels: Vec::new(),
        split_field: None,
        time_field: Some("time".into()),
        min_samples_per_class: 1,
        label_map: Default::default(),
        filter: Default::default(),
        sha256: None,
    };
    let mut collector = Collector::new(&config, "test");
    for (number, (text, label)) in rows.iter().enumerate() {
        let label = label.to_string();
        let record = Record {
            number: number as u64 + 1,
            text: Field::Text(text),
            label: Field::Text(&label),
            split: None,
            time: None,
            selected: true,
        };
        collector.push(&record).unwrap();
    }
    collector.finish(complaint_model::Sha256Digest::of_bytes(b"")).ok()
}

fn texts() -> impl Strategy<Value = Vec<(String, u8)>> {
    let text = proptest::collection::vec("[a-e]{1,3}", 1..12).prop_map(|words| words.join(" "));
    proptest::collection::vec((text, 0_u8..4), 2..80)
}

proptest! {
    #[test]
    fn every_row_has_one_side_and_twins_share_it(rows in texts(), seed in any::<u64>(), fraction in 0.05..0.6_f64) {
        let Some(dataset) = dataset(&rows) else { return Ok(()) };
        let split = split(&dataset, &EvaluationSettings::by_hash(fraction, seed));
        let mut all: Vec<u32> = split.train.iter().chain(&split.test).copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..dataset.rows.len() as u32).collect::<Vec<_>>());
        for &train in &split.train {
            prop_assert!(split.test.iter().all(|&test| split.keys[train as usize] != split.keys[test as usize]));
        }
    }

    #[test]
    fn a_rows_side_does_not_depend_on_other_rows_order(rows in texts(), seed in any::<u64>()) {
        let Some(forward) = dataset(&rows) else { return Ok(()) };
        let backward: Vec<_> = rows.iter().rev().cloned().collect();
        let backward = dataset(&backward).expect("the same rows");
        let held_out = |dataset: &Dataset| {
            let split = split(dataset, &EvaluationSettings::by_hash(0.3, seed));
            let mut texts: Vec<String> = split.test.iter().map(|&row| dataset.text(&dataset.rows[row as usize]).to_owned()).collect();
            texts.sort();
            texts
        };
        prop_assert_eq!(held_out(&forward), held_out(&backward));
    }

    #[test]
    fn a_class_with_two_groups_is_on_both_sides(rows in texts(), seed in any::<u64>()) {
        // One label per text, so that moving one class's group never moves another's.
        let rows: Vec<(String, u8)> = rows.into_iter().map(|(text, _)| { let label = (split_key(&text, 9) % 3) as u8; (text, label) }).collect();
        let Some(dataset) = dataset(&rows) else { return Ok(()) };
        let split = split(&dataset, &EvaluationSettings::by_hash(0.3, seed));
        for class in 0..dataset.labels.len() as u32 {
            let of = |side: &[u32]| side.iter().filter(|&&row| dataset.rows[row as usize].label == class).count();
            let shared = |row: usize| (0..dataset.rows.len()).any(|other| dataset.rows[other].label != class && split.keys[other] == split.keys[row]);
            if (0..dataset.rows.len()).any(|row| dataset.rows[row].label == class && shared(row)) {
                continue;
            }
            prop_assert!(of(&split.train) > 0, "every class is trained");
            let mut keys: Vec<u64> = dataset.rows.iter().zip(&split.keys).filter(|(row, _)| row.label == class).map(|(_, key)| *key).collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert!(keys.len() < 2 || of(&split.test) > 0, "a class with two groups is tested");
        }
    }

    #[test]
    fn any_text_has_a_key(text in "\\PC{0,60}", seed in any::<u64>()) {
        prop_assert_eq!(split_key(&text, seed), split_key(&text, seed));
    }

    #[test]
    fn by_time_the_newest_rows_are_held_out_and_no_near_copy_of_an_older_one(
        rows in texts(), times in proptest::collection::vec(proptest::option::weighted(0.9, 0_i64..1_000), 80), fraction in 0.1..0.6_f64
    ) {
        let Some(mut dataset) = dataset(&rows) else { return Ok(()) };
        dataset.rows.iter_mut().zip(&times).for_each(|(row, time)| row.time = *time);
        let evaluation = EvaluationSettings { split: SplitBy::Time, ..EvaluationSettings::by_hash(fraction, 42) };
        let split = split(&dataset, &evaluation);
        let time = |row: u32| dataset.rows[row as usize].time;
        let key = |row: u32| split.keys[row as usize];
        prop_assert!(split.train.iter().all(|train| split.test.iter().all(|test| key(*train) != key(*test))));
        // A row without a time is held out only where its class would have no test row at all.
        let class = |row: u32| dataset.rows[row as usize].label;
        for test in split.test.iter().filter(|test| time(**test).is_none()) {
            let group: Vec<u32> = (0..dataset.rows.len() as u32).filter(|row| key(*row) == key(*test)).collect();
            let alone = |label: u32| split.test.iter().all(|other| class(*other) != label || group.contains(other));
            prop_assert!(group.iter().any(|row| alone(class(*row))));
        }
    }
}

#[test]
fn by_time_the_newest_fifth_is_held_out() {
    // A hundred different complaints, two classes, one each day; the last is a near copy of the first.
    let text = |day: usize| {
        (0..6)
            .map(|word| {
                format!(
                    "{}{}",
                    ["fee", "card", "loan", "late", "bill", "fraud"][word],
                    "abcdefghij".chars().nth((day / 10 + word) % 10).unwrap()
                ) + &"x".repeat(day % 10)
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut rows: Vec<(String, u8)> = (0..100).map(|day| (text(day), (day % 2) as u8)).collect();
    rows[99] = (format!("{} 17", rows[0].0), 0);
    rows[99].1 = rows[0].1;
    let mut dataset = dataset(&rows).expect("rows");
    assert_eq!(dataset.rows.len(), 100);
    dataset
        .rows
        .iter_mut()
        .for_each(|row| row.time = Some(row.number as i64 * 86_400));
    dataset.rows[50].time = None;
    let evaluation = EvaluationSettings {
        split: SplitBy::Time,
        ..EvaluationSettings::by_hash(0.2, 42)
    };
    let held_out = split(&dataset, &evaluation);
    assert_eq!(held_out.keys[0], held_out.keys[99]);
    assert_eq!(held_out.test, (79..99).collect::<Vec<u32>>());
    // Another seed draws nothing.
    let other = split(&dataset, &EvaluationSettings { seed: 7, ..evaluation });
    assert_eq!(other.test, held_out.test);
}
