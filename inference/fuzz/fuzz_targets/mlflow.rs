//! MLflow's scoring protocol, JSON and CSV.
#![no_main]

use complaint_inference_fuzz::{choose, post};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some((content_type, body)) = choose(input, &["application/json", "text/csv"]) {
        post("/invocations", &[("content-type", content_type)], &body);
    }
});
