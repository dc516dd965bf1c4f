//! From counts to weights.

/// Maximum count of a term. Larger counts get the weight of this one.
pub(crate) const MAX_COUNT: usize = u16::MAX as usize;

/// Number of counts with a precomputed logarithm.
const TABLE: usize = 256;

/// Term frequency weighting and row normalisation. Training and serving share this code, so equal texts give equal
/// bits.
#[derive(Debug, Clone)]
pub(crate) struct Weighting {
    frequency: Vec<f32>,
    sublinear: bool,
    /// Columns from here on are character n-grams.
    word_terms: usize,
}

impl Weighting {
    pub(crate) fn new(sublinear: bool, word_terms: usize) -> Self {
        let mut weighting = Self {
            frequency: Vec::new(),
            sublinear,
            word_terms,
        };
        weighting.frequency = (0..TABLE).map(|count| weighting.compute(count)).collect();
        weighting
    }

    fn compute(&self, count: usize) -> f32 {
        let count = count.clamp(1, MAX_COUNT) as f64;
        (if self.sublinear { 1.0 + count.ln() } else { count }) as f32
    }

    /// The weight of a term that occurs `count` times in a text, before idf and normalisation.
    #[inline]
    pub(crate) fn frequency(&self, count: usize) -> f32 {
        match self.frequency.get(count) {
            Some(weight) => *weight,
            None => self.compute(count),
        }
    }

    /// Scales one row with the columns `indices` so that its word n-grams have Euclidean length 1, and its character
    /// n-grams too. (scikit-learn's union of two TF-IDF vectorisers does the same: neither kind outweighs the other.)
    #[inline]
    pub(crate) fn normalize(&self, indices: &[u32], values: &mut [f32]) {
        let words = match indices.last() {
            Some(&last) if (last as usize) < self.word_terms => indices.len(),
            _ => indices.partition_point(|&term| (term as usize) < self.word_terms),
        };
        let (words, characters) = values.split_at_mut(words);
        unit_length(words);
        unit_length(characters);
    }
}

fn unit_length(values: &mut [f32]) {
    let squares: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    if squares > 0.0 {
        let scale = (1.0 / squares.sqrt()) as f32;
        values.iter_mut().for_each(|value| *value *= scale);
    }
}
