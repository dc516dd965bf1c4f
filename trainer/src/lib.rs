//! Trainer for complaint classifiers: data set to evaluated, content-addressed artifact
#![forbid(unsafe_code)]
#![deny(missing_docs)]
