//! Panics without their words.

use std::sync::{Mutex, PoisonError};

/// Where the last panic happened.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Replaces the process's panic hook. The default one prints the panic's words, which can quote a complaint (slicing a string
/// does); this one hands only the place in the source to `tell`.
pub fn hide_panic_messages(tell: impl Fn(&str) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tell(&place);
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }));
}

/// Where the last panic happened, as `file:line:column`, once [`hide_panic_messages`] was called.
pub fn last_panic() -> Option<String> {
    PLACE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
