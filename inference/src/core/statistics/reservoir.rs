//! A uniform sample of the answers of each window (Vitter's algorithm R, ACM Transactions on Mathematical Software 11, 1985).
//!
//! Answer number `n` of a window, counted from 0, takes row `n` while there are rows, and later a random row with the
//! probability rows/(n + 1). Threads can put their rows in any order: among the answers that chose the same row, the last
//! one by number has it, as if they had come one after the other. Only an answer that gets a row takes a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use complaint_contract::statistics::{PROBABILITY_ONE, SAMPLE_BYTES, SAMPLED_ROWS, SampledRow, SampledWindow};

use crate::core::engine::Answer;

/// Windows that are sampled: this one and the one before.
const WINDOWS: usize = 2;

/// The rows of a window's sample, for that many categories.
pub(super) fn capacity(classes: usize) -> usize {
    let bytes = WINDOWS * classes.max(1) * size_of::<u16>();
    (SAMPLE_BYTES / bytes).clamp(1, SAMPLED_ROWS)
}

/// The samples of this window and the one before.
#[derive(Debug)]
pub(super) struct Reservoirs {
    classes: usize,
    capacity: usize,
    seed: u64,
    /// Window `n` is at `n % WINDOWS`.
    windows: [ArcSwapOption<Reservoir>; WINDOWS],
    beginning: Mutex<()>,
}

#[derive(Debug)]
struct Reservoir {
    number: u64,
    answers: AtomicU64,
    rows: Mutex<Rows>,
}

/// Their memory is reserved from the start, and the system gives it as it is used.
#[derive(Debug)]
pub(super) struct Rows {
    /// The number of each row's answer in the window, from 1; 0 is an empty row.
    order: Vec<u64>,
    categories: Vec<u32>,
    probabilities: Vec<u16>,
}

impl Reservoirs {
    pub(super) fn new(classes: usize, capacity: usize, seed: u64) -> Self {
        Self {
            classes,
            capacity,
            seed,
            windows: Default::default(),
            beginning: Mutex::default(),
        }
    }

    /// How many probabilities all samples have when they are full.
    pub(super) fn numbers(&self) -> usize {
        WINDOWS * self.capacity * self.classes
    }

    /// Counts an answer of this window, and gives it a row if the sample has it.
    pub(super) fn offer(&self, number: u64, answer: &Answer) {
        let window = &self.windows[(number % WINDOWS as u64) as usize];
        let present = window.load();
        match present.as_ref().filter(|reservoir| reservoir.number == number) {
            Some(reservoir) => self.offer_to(reservoir, answer),
            None => self.offer_to(&self.begin(number, window), answer),
        }
    }

    fn offer_to(&self, reservoir: &Reservoir, answer: &Answer) {
        let before = reservoir.answers.fetch_add(1, Ordering::Relaxed);
        if let Some(row) = self.row(reservoir.number, before) {
            let mut rows = reservoir.rows.lock().unwrap_or_else(PoisonError::into_inner);
            rows.put(row, before + 1, answer, self.classes);
        }
    }

    /// The sample of a window that has none yet. It takes the place of an older one.
    #[cold]
    fn begin(&self, number: u64, window: &ArcSwapOption<Reservoir>) -> Arc<Reservoir> {
        let _one_at_a_time = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = window.load_full().filter(|present| present.number == number) {
            return present;
        }
        let begun = Arc::new(Reservoir {
            number,
            answers: AtomicU64::new(0),
            rows: Mutex::new(Rows::new(self.capacity, self.classes)),
        });
        window.store(Some(Arc::clone(&begun)));
        begun
    }

    /// The row for an answer with `before` others of its window before it.
    fn row(&self, window: u64, before: u64) -> Option<usize> {
        let capacity = self.capacity as u64;
        let row = if before < capacity {
            before
        } else {
            let number = u128::from(random(random(self.seed, window), before));
            // Below `before + 1`; the multiplication is as uniform as a division, and faster.
            ((number * (u128::from(before) + 1)) >> u64::BITS) as u64
        };
        (row < capacity).then_some(row as usize)
    }

    /// The samples of window `number` and of the one before it, older first.
    pub(super) fn read(&self, number: u64) -> Vec<SampledWindow> {
        let mut windows: Vec<Arc<Reservoir>> = self.windows.iter().filter_map(ArcSwapOption::load_full).collect();
        windows.retain(|window| window.number == number || window.number + 1 == number);
        windows.sort_by_key(|window| window.number);
        windows.iter().map(|window| window.read(self.classes)).collect()
    }
}

impl Reservoir {
    fn read(&self, classes: usize) -> SampledWindow {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        SampledWindow {
            number: self.number,
            answers: self.answers.load(Ordering::Relaxed),
            rows: rows.read(classes).collect(),
        }
    }
}

impl Rows {
    pub(super) fn new(rows: usize, classes: usize) -> Self {
        Self {
            order: vec![0; rows],
            categories: vec![0; rows],
            probabilities: vec![0; rows * classes],
        }
    }

    pub(super) fn read(&self, classes: usize) -> impl Iterator<Item = SampledRow> {
        let taken = (0..self.order.len()).filter(|&row| self.order[row] > 0);
        taken.map(move |row| SampledRow {
            answer: self.categories[row],
            probabilities: self.probabilities[row * classes..][..classes].to_vec(),
        })
    }

    /// Gives row `row` to the answer with this number, unless a later one has it.
    pub(super) fn put(&mut self, row: usize, order: u64, answer: &Answer, classes: usize) {
        if self.order[row] > order {
            return;
        }
        self.order[row] = order;
        self.categories[row] = answer.ranking[0].category as u32;
        let probabilities = &mut self.probabilities[row * classes..][..classes];
        for ranked in &answer.ranking {
            // Numbers that don't fit become the nearest one that does.
            probabilities[ranked.category] = (ranked.estimating * f32::from(PROBABILITY_ONE)).round() as u16;
        }
    }
}

/// Number `index` of a sequence of random numbers (SplitMix64 by Steele, Lea and Flood, which can begin anywhere).
fn random(seed: u64, index: u64) -> u64 {
    let mut number = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
