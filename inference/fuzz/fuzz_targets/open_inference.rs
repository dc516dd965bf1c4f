//! Open Inference Protocol: JSON tensors and the binary extension. The first two bytes are the length of the JSON part
//! that the header announces; `ffff`: no such header.
#![no_main]

use complaint_inference_fuzz::post;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((length, body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let length = u16::from_be_bytes(*length);
    let announced = length.to_string();
    let mut headers = vec![("content-type", "application/json")];
    if length != u16::MAX {
        headers.push(("inference-header-content-length", &announced));
    }
    post("/v2/models/cards/infer", &headers, body);
});
