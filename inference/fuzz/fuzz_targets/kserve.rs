//! KServe v1.
#![no_main]

use complaint_inference_fuzz::{choose, post};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let routes = ["/v1/models/cards:predict", "/v1/models/cards:explain"];
    if let Some((path, body)) = choose(input, &routes) {
        post(path, &[("content-type", "application/json")], &body);
    }
});
