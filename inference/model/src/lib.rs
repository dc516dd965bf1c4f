//! Text pipeline, vectoriser, linear model and artifact file shared by training and serving
#![forbid(unsafe_code)]
#![deny(missing_docs)]
