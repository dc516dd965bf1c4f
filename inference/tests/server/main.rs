//! The server as its clients meet it: real HTTP over a real listener, with a small model built for the tests.

mod access;
mod bodies;
mod client;
mod coding;
mod documentation;
mod hostile;
mod limits;
mod model;
mod openapi;
mod page;
mod predict;
mod privacy;
mod probes;
mod process;
mod protocols;
mod reload;
mod remote;
mod running;
mod shutdown;
mod signatures;
mod started;
mod starved;
mod statistics;
mod stream;
mod traces;
