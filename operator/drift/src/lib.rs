//! What production's figures say about a classifier, without a single label: has its traffic drifted, what is the mix of
//! categories now, and how many answers are right.
//!
//! | module | what it does |
//! |---|---|
//! | [`mix`] | estimates the mix of categories from answers (expectation maximisation) |
//! | [`distance`] | distances between distributions, and how large they get by chance |
//! | [`accuracy`] | estimates accuracy and F1 scores from probabilities, with an interval |
//! | [`verdict`] | judges a window |
//!
//! All of it rests on one assumption: the mix of categories may change, and what a complaint of a category looks like does not.
//! Where the meaning of a category changes, or new kinds of complaints come, only labels tell.
//!
//! The crate is pure, and draws from generators with fixed seeds: the same figures give the same verdict.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod accuracy;
pub mod distance;
pub mod mix;
mod sample;
pub mod verdict;

pub use sample::{Row, Rows};
