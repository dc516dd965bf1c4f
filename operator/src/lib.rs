//! Controllers that train, promote and serve complaint classifiers
#![forbid(unsafe_code)]
#![deny(missing_docs)]
