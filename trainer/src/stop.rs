//! Being told to stop.

use std::process::exit;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// What a shell reports of a process that a signal ended: 128 and the signal's number.
const ENDED_BY_SIGNAL: i32 = 128;

/// Ends the process at SIGTERM or SIGINT, whatever it is doing. As the first process of a container it would otherwise
/// ignore both and be killed half a minute later. Nothing needs tidying: what is written counts only with its last file.
pub(crate) fn on_signal() {
    let watch = |mut signals: Signals| {
        if let Some(signal) = signals.forever().next() {
            exit(ENDED_BY_SIGNAL + signal);
        }
    };
    // Without the watch a run still works, and ends half a minute late.
    let started = Signals::new([SIGTERM, SIGINT]).and_then(|signals| {
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || watch(signals))
    });
    if let Err(error) = started {
        tracing::warn!(%error, "signals can't be watched");
    }
}
