//! Whose turn it is, with many namespaces and a thousand classifiers.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::{Standing, Starts, Waiting, in_order};
use crate::cache::Key;

fn waiting(namespace: &str, name: &str, since: i64) -> Waiting {
    Waiting {
        key: Key::new(namespace, name),
        since: Some(Timestamp::from_second(since).expect("a time")),
    }
}

fn names(keys: &[Key]) -> Vec<String> {
    keys.iter()
        .map(|key| format!("{}/{}", key.namespace, key.name))
        .collect()
}

#[test]
fn each_namespace_has_its_turn_and_in_it_the_oldest_run() {
    let runs = vec![
        waiting("a", "a-3", 3),
        waiting("a", "a-1", 1),
        waiting("a", "a-2", 2),
        waiting("b", "b-9", 9),
        waiting("c", "c-5", 5),
        waiting("c", "c-4", 4),
    ];
    let none = Starts::new();
    assert_eq!(
        names(&in_order(runs.clone(), &none)),
        ["a/a-1", "c/c-4", "b/b-9", "a/a-2", "c/c-5", "a/a-3"]
    );
    let starts = HashMap::from([("a".into(), (10, 1)), ("c".into(), (10, 0))]);
    assert_eq!(
        names(&in_order(runs, &starts)),
        ["b/b-9", "c/c-4", "a/a-1", "c/c-5", "a/a-2", "a/a-3"],
        "the one that never started, then by the last start"
    );
}

#[test]
fn only_free_places_are_given() {
    let standing = |holding: usize| Standing {
        holding: (0..holding).map(|n| Key::new("x", &n.to_string())).collect(),
        waiting: (0..5).map(|n| waiting("a", &n.to_string(), n)).collect(),
        ..Standing::default()
    };
    let given = [0, 1, 2, 3, 7].map(|holding| standing(holding).next(3).len());
    assert_eq!(given, [3, 2, 1, 0, 0]);
}

/// A night on which a thousand classifiers train, `most` at once; each training takes one step per place that it holds.
#[test]
fn a_thousand_classifiers_all_train_and_no_namespace_waits_for_another_to_end() {
    let sizes = [("big", 900), ("medium", 90), ("small", 9), ("single", 1)];
    for most in [1, 3, 20] {
        let mut standing = Standing::default();
        for (namespace, size) in sizes {
            for number in 0..size {
                // The big one came first.
                let since = if namespace == "big" { 0 } else { 100 };
                standing
                    .waiting
                    .push(waiting(namespace, &format!("{number:03}"), since));
            }
        }
        let (mut step, mut trained) = (0, Vec::new());
        while !standing.waiting.is_empty() {
            let next = standing.clone().next(most);
            assert!(standing.holding.len() + next.len() <= most);
            assert_eq!(next.len(), most.min(standing.waiting.len()), "no place stays free");
            for key in next {
                step += 1;
                standing.starts.insert(key.namespace.clone(), (step, 0));
                standing.waiting.retain(|waiting| waiting.key != key);
                trained.push(key);
            }
            standing.holding.clear();
        }
        assert_eq!(trained.iter().collect::<HashSet<_>>().len(), 1000);
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        trained.iter().enumerate().for_each(|(place, key)| {
            last.insert(&key.namespace, place);
        });
        assert!(last["single"] < 4 + most, "{last:?}");
        assert!(last["small"] < 4 * 9 + most, "{last:?}");
        assert!(last["medium"] < 3 * 90 + 20 + most, "{last:?}");
    }
}

/// One namespace has a training that never ends and another one always has work.
#[test]
fn nobody_starves_beside_a_namespace_that_always_has_work() {
    let mut standing = Standing::default();
    standing.holding.insert(Key::new("stuck", "for-ever"));
    standing.starts.insert("stuck".into(), (0, 0));
    standing.waiting.push(waiting("stuck", "second", 50));
    for round in 0..100 {
        standing.waiting.push(waiting("busy", &format!("{round:03}"), round));
        let next = standing.clone().next(2);
        assert_eq!(next.len(), 1);
        standing.starts.insert(next[0].namespace.clone(), (round + 1, 0));
        standing.waiting.retain(|waiting| waiting.key != next[0]);
        if &*next[0].name == "second" {
            assert!(round <= 1, "{round}");
            return;
        }
    }
    panic!("it never had its turn");
}
