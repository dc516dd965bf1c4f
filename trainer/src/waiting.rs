//! Runs asynchronous input and output in a program that computes on threads.

use std::future::Future;
use std::io;

/// Runs `work` on this thread until it is done.
///
/// # Errors
/// If the system has no file descriptor left for the runtime.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
