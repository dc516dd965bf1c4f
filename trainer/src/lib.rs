//! From labelled complaints to an evaluated, content-addressed model.
//!
//! A training is a line of steps, one module each:
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | reads and checks `run.json` |
//! | [`dataset`] | file or address → labelled rows, copies and rare labels left out |
//! | [`mod@split`] | which rows are held out, which fold a row belongs to |
//! | [`mod@search`] | trials on folds |
//! | [`solve`] | the models |
//! | [`ensemble`] | averaging the best trials |
//! | [`calibration`] | scores → probabilities that mean what they say |
//! | [`mod@evaluate`], [`mod@compare`] | the held-out rows; newcomer against champion |
//! | [`training`] | all of the above in order |
//! | [`profile`] | what the data set is like |
//! | [`report`], [`result`], [`store`] | what is written, and where |
//!
//! [`main_from`] is the whole program, so that another binary can run as the trainer.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod calibration;
mod cli;
mod commands;
pub mod compare;
pub mod config;
pub mod dataset;
pub mod ensemble;
pub mod error;
pub mod evaluate;
mod html;
pub mod metrics;
pub mod profile;
pub mod progress;
mod record;
pub mod report;
pub mod result;
pub mod rng;
pub mod search;
pub mod solve;
pub mod split;
mod stop;
pub mod store;
pub mod training;

pub use cli::main_from;
