//! Text pipeline, vectoriser, linear model and artifact file shared by training and serving.
//!
//! The trainer writes a model with this crate, and the inference server reads it. The crate is pure: no runtime, no
//! network, no Kubernetes. The modules in the order in which a text passes through them:
//!
//! | module | what it does |
//! |---|---|
//! | [`pipeline`] | the configuration: which steps run, with checked ranges |
//! | [`text`] | raw text → words → normalised tokens |
//! | [`vectorize`] | tokens → n-grams → sublinear TF-IDF rows ([`sparse::CsrMatrix`]) |
//! | [`model`] | rows → scores → calibrated probabilities |
//! | [`word_scores`] | scores that words add by their vectors, in a model that was trained with word vectors |
//! | [`estimate`] | scores → probabilities for estimates without labels |
//! | [`levels`], [`level_models`] | categories of coarser levels, and their probabilities |
//! | [`thresholds`] | what a threshold on a class's answers gives, for answers left to people |
//! | [`artifact`] | all of the above in one `safetensors` file, checked in full when it is read |
//! | [`predict`] | the serving path: text → prediction with one table look-up per known word |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod artifact;
pub mod corpus;
pub mod estimate;
mod intern;
pub mod level_models;
pub mod levels;
pub mod model;
pub mod pipeline;
pub mod predict;
pub mod sparse;
pub mod text;
pub mod thresholds;
pub mod vectorize;
pub mod word_scores;

pub use artifact::{Artifact, ArtifactBuilder, ArtifactError};
pub use complaint_contract::{Algorithm, Language, Normalizer, Parameters, Sha256Digest};
pub use estimate::Estimate;
pub use level_models::LevelModels;
pub use levels::Levels;
pub use model::LinearModel;
pub use pipeline::{Features, Preprocessing};
pub use predict::Predictor;
pub use thresholds::OperatingPoints;
