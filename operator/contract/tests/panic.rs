//! The hook belongs to the whole process, so this test has one of its own.

use std::sync::{Arc, Mutex};

#[test]
fn a_panic_tells_its_place_and_nothing_else() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    complaint_contract::hide_panic_messages(move |place| sink.lock().unwrap().push(place.to_owned()));
    let text = String::from("my neighbour Mrs. Grey, café");
    let ended = std::panic::catch_unwind(|| text[..text.len() - 1].len());
    assert!(ended.is_err());
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("panic.rs:") && !told[0].contains("Grey"), "{told:?}");
    assert_eq!(complaint_contract::last_panic().as_ref(), told.first());
}
