//! Properties of the split, on data sets from proptest.

use complaint_contract::{DatasetFormat, DatasetSettings};
use complaint_trainer::dataset::{Collector, Dataset, Field, Record};
use complaint_trainer::split::{split, split_key};
use proptest::prelude::*;

fn dataset(rows: &[(String, u8)]) -> Option<Dataset> {
    let config = DatasetSettings {
        format: DatasetFormat::Csv,
        text_field: "text".into(),
        label_fields: vec!["label".into()],
        split_field: None,
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
        let split = split(&dataset, fraction, seed);
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
            let split = split(dataset, 0.3, seed);
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
        let split = split(&dataset, 0.3, seed);
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
}
