//! HTTP inference server for complaint classifiers
#![forbid(unsafe_code)]
#![deny(missing_docs)]
