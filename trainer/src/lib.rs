//! Trains an evaluated, content-addressed model from labelled complaints.
//!
//! A training is a sequence of steps, one module each:
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | reads and checks `run.json` |
//! | [`dataset`] | reads labelled rows from a file or address; leaves out copies and rare labels |
//! | [`feedback`] | reads corrections from a store, and makes them training rows |
//! | [`mod@split`] | chooses the held-out rows and the fold of each training row |
//! | [`mod@search`] | runs trials on folds |
//! | [`solve`] | fits the models |
//! | [`word_vectors`] | reads word vectors, and makes columns of them, and scores of words |
//! | [`ensemble`] | averages the best trials |
//! | [`calibration`] | turns scores into probabilities that match observed frequencies |
//! | [`mod@audit`] | finds training rows whose label is probably wrong, and categories that are confused |
//! | [`vector_scaling`], [`reference`](mod@reference) | probabilities for estimates without labels; the held-out rows' figures that belong to the model |
//! | [`mod@evaluate`], [`mod@compare`] | evaluates on the held-out rows; compares newcomer and champion |
//! | [`adapt`] | moves a finished model's intercepts towards another mix of categories |
//! | [`training`] | runs all of the above in order |
//! | [`language`] | tells the languages of the rows |
//! | [`profile`] | describes the data set |
//! | [`training::compare_again`] | compares two finished models on the rows that a training held out, read again |
//! | [`result`], [`store`] | the files of a training and their locations; the report is [`complaint_report`]'s |
//! | [`signing`] | the signature of these files, and the provenance of the model |
//! | `mlflow` | logs finished versions to an MLflow tracking server |
//!
//! [`main_from`] is the whole program, so another binary can include the trainer.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod adapt;
mod answers;
pub mod audit;
pub mod calibration;
mod cli;
mod commands;
pub mod compare;
pub mod config;
pub mod dataset;
pub mod ensemble;
pub mod error;
pub mod evaluate;
pub mod feedback;
pub mod language;
mod level_answers;
mod likelihood;
pub mod metrics;
mod mlflow;
pub mod profile;
pub mod progress;
mod promotions;
mod record;
pub mod reference;
pub mod result;
mod review;
pub mod rng;
pub mod search;
pub mod signing;
pub mod solve;
pub mod split;
mod stop;
pub mod store;
mod stored_result;
mod terminal;
mod trace;
pub mod training;
pub mod vector_scaling;
mod waiting;
pub mod word_vectors;

pub use cli::main_from;
