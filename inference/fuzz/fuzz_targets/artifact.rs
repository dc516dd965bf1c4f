//! Model files: whatever the bytes, opening them ends in a model that answers or in an error. The first byte chooses:
//! even, the input is the file; odd, it is a list of changes to a good file (place, new byte), which gets further in.
#![no_main]

use std::cell::OnceCell;

use complaint_inference_fuzz::model;
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static GOOD: OnceCell<Vec<u8>> = const { OnceCell::new() };
}

fn file(input: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = input.split_first()?;
    if first % 2 == 0 {
        return Some(rest.to_vec());
    }
    let mut file = GOOD.with(|good| good.get_or_init(|| model::scored_file().0).clone());
    for change in rest.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % file.len();
        file[place] = change[2];
    }
    Some(file)
}

fuzz_target!(|input: &[u8]| {
    let Some(file) = file(input) else { return };
    if let Ok(artifact) = Artifact::from_bytes(&file) {
        let predictor = Predictor::new(artifact);
        let mut scratch = Scratch::default();
        for text in [model::CARDS, model::LOANS, "", "don\u{2019}t", "Theft by a lender"] {
            let class = predictor.predict(text, &mut scratch).class;
            assert!(class < predictor.labels().len());
            assert_eq!(predictor.explain(text, &mut scratch).class, class);
        }
    }
});
