//! Stops the process on a signal.

use std::process::exit;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Shells report a process that was ended by a signal as 128 plus the signal's number.
const ENDED_BY_SIGNAL: i32 = 128;

/// Ends the process on SIGTERM or SIGINT, whatever it is doing. The first process of a container ignores both by
/// default and would be killed half a minute later. Nothing needs cleaning up: a run's files count only once the last
/// one is written.
pub(crate) fn on_signal() {
    let watch = |mut signals: Signals| {
        if let Some(signal) = signals.forever().next() {
            exit(ENDED_BY_SIGNAL + signal);
        }
    };
    // If this fails, a run still works, but is killed half a minute later.
    let started = Signals::new([SIGTERM, SIGINT]).and_then(|signals| {
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || watch(signals))
    });
    if let Err(error) = started {
        tracing::warn!(%error, "can't watch for signals");
    }
}
