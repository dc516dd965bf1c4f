//! Termination messages: JSON that is short enough for Kubernetes.

use serde::Serialize;

/// Most bytes of a termination message. Kubernetes keeps 4,096.
pub const MESSAGE_BYTES: usize = 4000;

/// The JSON of a message.
pub(crate) fn to_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("strings, numbers and lists are JSON")
}

/// The JSON of a message. Where it would pass [`MESSAGE_BYTES`], optional parts are left out whole, in this order.
pub(crate) fn parts_left_out<T: Clone + Serialize>(message: &T, leave_out: &[fn(&mut T)]) -> String {
    let mut short = message.clone();
    let mut json = to_json(&short);
    for leave_out in leave_out {
        if json.len() > MESSAGE_BYTES {
            leave_out(&mut short);
            json = to_json(&short);
        }
    }
    json
}
