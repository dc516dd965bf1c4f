use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use complaint_contract::statistics::{PROBABILITY_ONE, SAMPLE_BYTES, SAMPLED_ROWS, SLOTS_KEPT, SampledWindow, Slot};

use super::*;
use crate::core::engine::Ranked;

const CLASSES: usize = 3;

/// An answer of this category, with a probability that names it.
fn answer(category: usize, classes: usize) -> Answer {
    let share = category as f32 / classes as f32;
    let ranked = |category, estimating| Ranked {
        category,
        probability: 0.5,
        estimating,
    };
    let others = (0..classes).filter(|other| *other != category);
    let ranking = std::iter::once(ranked(category, share)).chain(others.map(|other| ranked(other, 0.0)));
    Answer {
        ranking: ranking.collect(),
        unknown_word_share: 0.25,
        needs_review: category == 0,
        coarser: Vec::new(),
    }
}

fn numbers(slots: &[Slot]) -> Vec<(u64, u64)> {
    slots.iter().map(|slot| (slot.number, slot.counts.answered())).collect()
}

fn window(text: &str) -> Window {
    Window::parse(text).unwrap()
}

#[test]
fn windows_have_lengths_that_make_sense() {
    for (text, milliseconds) in [("10s", 10_000), ("24h", 86_400_000), ("30d", 30 * 86_400_000)] {
        assert_eq!(window(text), Window { milliseconds }, "{text}");
    }
    for text in ["9s", "0s", "32d", "-24h", "a day", ""] {
        assert!(Window::parse(text).is_err(), "{text}");
    }
}

#[test]
fn slots_and_windows_begin_at_the_same_times_everywhere() {
    let day = window("24h");
    for (now, slot, number) in [
        (0, 0, 0),
        (3_599_999, 0, 0),
        (3_600_000, 1, 0),
        (86_399_999, 23, 0),
        (86_400_000, 24, 1),
        (1_795_910_400_000, 498_864, 20_786),
    ] {
        assert_eq!((day.slot(now), day.number(now)), (slot, number), "{now}");
    }
    // A 24th of this one is no whole number of milliseconds. Every slot still belongs to the window that it began in.
    let odd = window("10.001s");
    for now in (0..1_000_000).step_by(7) {
        assert_eq!(odd.slot(now) / SLOTS_PER_WINDOW, odd.number(now), "{now}");
    }
}

#[test]
fn threads_lose_nothing_while_slots_change_and_others_read() {
    const THREADS: u64 = 8;
    const EACH: u64 = 20_000;
    let ring = Ring::new(CLASSES);
    let (clock, by_slot) = (AtomicU64::new(100), [const { AtomicU64::new(0) }; 64]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let counting: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (ring, clock, by_slot) = (&ring, &clock, &by_slot);
                scope.spawn(move || {
                    for number in 0..EACH {
                        if (number + thread * 100) % 4_000 == 0 {
                            clock.fetch_add(1, Ordering::Relaxed);
                        }
                        // Now and then a thread is late, or its clock goes back.
                        let slot = clock.load(Ordering::Relaxed) - u64::from(number % 1_000 == 3);
                        by_slot[(slot - 99) as usize].fetch_add(1, Ordering::Relaxed);
                        ring.count(slot, |counts| add(counts, &answer((number % 3) as usize, CLASSES)));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut before = 0;
            while !done.load(Ordering::Relaxed) {
                let (total, slots) = ring.read(clock.load(Ordering::Relaxed));
                assert!(total.answered() >= before, "counts never fall");
                assert!(slots.is_sorted_by_key(|slot| slot.number));
                before = total.answered();
            }
        });
        for thread in counting {
            thread.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let (total, slots) = ring.read(clock.load(Ordering::Relaxed));
    assert_eq!(total.answered(), THREADS * EACH);
    assert_eq!(total.needs_review, total.answers[0]);
    let expected = total.answers[2] as f64 * f64::from(2.0_f32 / 3.0);
    assert!((total.won_probability[2] - expected).abs() < 1e-6 * expected);
    let counted = by_slot.iter().map(|count| count.load(Ordering::Relaxed));
    let counted = (99..).zip(counted).filter(|(_, count)| *count > 0);
    assert_eq!(numbers(&slots), counted.collect::<Vec<_>>());
}

#[test]
fn more_threads_than_places_lose_nothing() {
    let ring = Ring::new(CLASSES);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| (0..50).for_each(|_| ring.count(7, |counts| counts.requests += 1)));
        }
    });
    assert_eq!(ring.total(7).requests, 200 * 50);
}

#[test]
fn clocks_go_back_and_servers_are_idle_for_long() {
    let ring = Ring::new(CLASSES);
    let count = |slot| ring.count(slot, |counts| add(counts, &answer(1, CLASSES)));
    let seen = |now| {
        let (total, slots) = ring.read(now);
        (total.answered(), numbers(&slots))
    };
    [1_000, 1_001, 990, 1_001].into_iter().for_each(count);
    assert_eq!(seen(1_001), (4, vec![(990, 1), (1_000, 1), (1_001, 2)]));
    assert_eq!(
        seen(1_000),
        (4, vec![(990, 1), (1_000, 1)]),
        "a slot to come is not told"
    );
    assert_eq!(seen(990 + SLOTS_KEPT - 1).1.len(), 3, "two windows are told");
    assert_eq!(seen(990 + SLOTS_KEPT).1.len(), 2);
    // Nobody asks or reads for three windows.
    assert_eq!(seen(1_001 + 3 * SLOTS_PER_WINDOW), (4, vec![]));
    count(1_100);
    assert_eq!(seen(1_100), (5, vec![(1_100, 1)]));
    // The clock was a year ahead.
    (0..60).for_each(|past| count(500 + past));
    let (total, slots) = seen(559);
    assert_eq!(total, 65);
    let expected: Vec<(u64, u64)> = (512..560).map(|slot| (slot, 1)).collect();
    assert_eq!(slots, expected, "the last two windows of the clock as it is");
}

#[test]
fn memory_does_not_grow_with_time() {
    let ring = Ring::new(CLASSES);
    (0..100_000).for_each(|slot| ring.count(slot, |counts| counts.requests += 1));
    let (total, slots) = ring.read(99_999);
    assert_eq!((total.requests, slots.len() as u64), (100_000, SLOTS_KEPT));
    assert!(ring.slots_in_memory() < 2 * SLOTS_KEPT as usize);
}

fn drawn(reservoirs: &Reservoirs, window: u64, answers: usize) -> Vec<SampledWindow> {
    (0..answers).for_each(|number| reservoirs.offer(window, &answer(number, answers)));
    reservoirs.read(window)
}

#[test]
fn every_answer_of_a_window_has_the_same_chance() {
    const ANSWERS: usize = 100;
    const ROWS: usize = 20;
    const DRAWS: usize = 5_000;
    let mut counts = [0_u32; ANSWERS];
    for seed in 0..DRAWS as u64 {
        let windows = drawn(&Reservoirs::new(ANSWERS, ROWS, seed), seed, ANSWERS);
        assert_eq!((windows[0].answers, windows[0].rows.len()), (ANSWERS as u64, ROWS));
        windows[0].rows.iter().for_each(|row| counts[row.answer as usize] += 1);
    }
    let (share, expected) = (ROWS as f64 / ANSWERS as f64, (DRAWS * ROWS / ANSWERS) as f64);
    let square = |count: &u32| (f64::from(*count) - expected).powi(2) / (expected * (1.0 - share));
    let distance: f64 = counts.iter().map(square).sum();
    // About chi-squared with 99 degrees of freedom: mean 99, standard deviation 14.
    assert!((40.0..160.0).contains(&distance), "{distance}: {counts:?}");
}

#[test]
fn threads_fill_a_sample_with_whole_rows() {
    const ANSWERS: usize = 40;
    const THREADS: usize = 8;
    let (reservoirs, together) = (Reservoirs::new(ANSWERS, 500, 7), Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (reservoirs, together) = (&reservoirs, &together);
            scope.spawn(move || {
                for window in 0..20 {
                    together.wait();
                    (0..500).for_each(|number| reservoirs.offer(window, &answer((number + thread) % ANSWERS, ANSWERS)));
                }
            });
        }
    });
    let windows = reservoirs.read(19);
    let sizes = windows
        .iter()
        .map(|window| (window.number, window.answers, window.rows.len()));
    assert_eq!(sizes.collect::<Vec<_>>(), [(18, 4_000, 500), (19, 4_000, 500)]);
    for row in windows.iter().flat_map(|window| &window.rows) {
        let share = f64::from(row.answer) / ANSWERS as f64;
        for (category, &probability) in row.probabilities.iter().enumerate() {
            let expected = if category == row.answer as usize { share } else { 0.0 };
            let real = f64::from(probability) / f64::from(PROBABILITY_ONE);
            assert!((real - expected).abs() < 1e-4, "{row:?}");
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_which_thread_is_first() {
    let first = Reservoirs::new(2, 4, 11);
    drawn(&first, 5, 2);
    let windows = first.read(5);
    assert_eq!(windows[0].rows.iter().map(|row| row.answer).collect::<Vec<_>>(), [0, 1]);
    // A late thread's answer leaves the row to one that came after it.
    let mut rows = reservoir::Rows::new(1, 2);
    rows.put(0, 9, &answer(1, 2), 2);
    rows.put(0, 3, &answer(0, 2), 2);
    assert_eq!(rows.read(2).map(|row| row.answer).collect::<Vec<_>>(), [1]);
}

#[test]
fn samples_are_of_this_window_and_the_one_before() {
    let reservoirs = Reservoirs::new(2, 4, 1);
    let told = |number| -> Vec<(u64, u64)> {
        let windows = reservoirs.read(number);
        windows.iter().map(|window| (window.number, window.answers)).collect()
    };
    drawn(&reservoirs, 10, 2);
    assert_eq!(told(10), [(10, 2)]);
    assert_eq!(told(11), [(10, 2)]);
    drawn(&reservoirs, 11, 1);
    // A clock goes back over the border for a moment.
    drawn(&reservoirs, 10, 1);
    drawn(&reservoirs, 11, 1);
    assert_eq!(told(11), [(10, 3), (11, 2)]);
    assert_eq!(told(10), [(10, 3)]);
    drawn(&reservoirs, 12, 1);
    assert_eq!(told(12), [(11, 2), (12, 1)]);
    assert!(told(14).is_empty());
}

#[test]
fn samples_are_bounded_in_rows_and_bytes() {
    for classes in [0, 1, 2, 10, 200, 524, 525, 1_000, 10_000, 10_000_000] {
        let rows = reservoir::capacity(classes);
        assert!((1..=SAMPLED_ROWS).contains(&rows), "{classes}");
        assert!(rows == 1 || 2 * rows * classes * 2 <= SAMPLE_BYTES, "{classes}");
    }
    assert_eq!((reservoir::capacity(20), reservoir::capacity(1_000)), (2_000, 1_048));
    let windows = drawn(&Reservoirs::new(2, 0, 1), 3, 2);
    assert_eq!(
        (windows[0].answers, windows[0].rows.len()),
        (2, 0),
        "no estimate, no rows"
    );
}
