//! What the server does, apart from how it is asked: models are loaded, texts answered, requests counted, bounded and
//! refused. Nothing here knows HTTP.
//!
//! * [`engine`]: text in, ranked categories out.
//! * [`source`]: which model to serve, from which [`location`]; [`loading`]: from a file or an address to an engine,
//!   digest first, with [`cache`].
//! * [`app`]: what all requests share; [`serving`]: one request's view of it.
//! * [`limits`]: what a client may ask for; [`memory`]: how much of it is held at once; [`refusal`]: why the core does
//!   not answer.
//! * [`metrics`]: what is counted. [`tokens`]: who may ask.

pub mod app;
pub mod cache;
pub mod engine;
pub mod limits;
pub mod loading;
pub mod location;
pub mod memory;
pub mod metrics;
pub mod refusal;
pub mod serving;
pub mod source;
pub mod tokens;
