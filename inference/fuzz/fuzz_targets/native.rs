//! The server's own API, and the page's form.
#![no_main]

use complaint_inference_fuzz::{choose, post};
use libfuzzer_sys::fuzz_target;

const ROUTES: [(&str, &str); 5] = [
    ("/predict", "application/json"),
    ("/explain", "application/json"),
    ("/predict/stream", "application/x-ndjson"),
    ("/", "application/x-www-form-urlencoded"),
    ("/predict", ""),
];

fuzz_target!(|input: &[u8]| {
    if let Some(((path, content_type), body)) = choose(input, &ROUTES) {
        post(path, &[("content-type", content_type)], &body);
    }
});
