//! The server as its clients meet it: real HTTP over a real listener, with a small model built for the tests.

mod access;
mod browser;
mod client;
mod clients;
mod documentation;
mod hostile;
mod limits;
mod model;
mod openapi;
mod page;
mod page_in_browser;
mod predict;
mod probes;
mod process;
mod protocols;
mod reload;
mod remote;
mod running;
mod shutdown;
mod started;
mod stream;
