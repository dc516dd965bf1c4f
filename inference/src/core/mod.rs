//! The server without its transport: it loads models, answers texts, counts requests, and enforces limits. Nothing here
//! depends on HTTP.
//!
//! * [`engine`]: text in, ranked categories out.
//! * [`source`]: which model to serve, from which [`location`]; [`loading`]: from a file or an address to an engine,
//!   with a digest check first and a [`cache`]; [`verification`]: the signature beside it.
//! * [`app`]: the state that all requests share; [`serving`]: one request's view of it.
//! * [`collection`]: corrections and captured answers, on their way to the store.
//! * [`limits`]: limits on client requests; [`memory`]: how many bytes the server holds at once; [`refusal`]: why the
//!   core refuses a request.
//! * [`statistics`]: what the model answers, counted by time. [`metrics`]: the Prometheus metrics. [`tokens`]: the accepted bearer tokens.

pub mod app;
pub mod cache;
pub mod collection;
pub mod engine;
pub mod limits;
pub mod loading;
pub mod location;
pub mod memory;
pub mod metrics;
pub mod refusal;
pub mod review;
pub mod serving;
pub mod source;
pub mod statistics;
pub mod tokens;
pub mod verification;
