//! Signatures: whatever the bytes, verifying them ends in an answer, and never in a model that was not signed. The first byte
//! chooses: 0, the input is the file; 1, it is a signed statement; 2, it is a text with keys; otherwise, it is a list of changes to
//! a good file (place, new byte), which gets further in.
#![no_main]

use std::cell::OnceCell;

use complaint_model::Sha256Digest;
use complaint_signature::{Manifest, Provenance, PublicKey, SigningKey, open, sign, verify_model};
use libfuzzer_sys::fuzz_target;

const KEY: &[u8] = include_bytes!("../../signature/tests/data/sec1.key");
const MODEL: &str = "model.safetensors";

struct Good {
    key: SigningKey,
    statement: Vec<u8>,
    file: Vec<u8>,
}

impl Good {
    fn new() -> Self {
        let key = SigningKey::from_pem(KEY).expect("a key");
        let statement = Manifest::new("cards", [(MODEL.to_owned(), digest(b"weights"))], []).to_statement();
        let file = sign(&statement, &key);
        Self { key, statement, file }
    }
}

thread_local! {
    static GOOD: OnceCell<Good> = const { OnceCell::new() };
}

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::of_bytes(bytes)
}

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    GOOD.with(|good| {
        let good = good.get_or_init(Good::new);
        let keys = [good.key.public().clone()];
        let file = match first {
            0 => rest.to_vec(),
            1 => sign(rest, &good.key),
            2 => {
                let _ = SigningKey::from_pem(rest);
                let _ = PublicKey::all_from_pem(rest);
                return;
            }
            _ => {
                let mut file = good.file.clone();
                for change in rest.chunks_exact(3) {
                    let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % file.len();
                    file[place] = change[2];
                }
                file
            }
        };
        if let Ok(opened) = open(&file, &keys) {
            match first {
                // A seed may be a good file about something else.
                0 => {}
                1 => assert_eq!(opened.statement, rest),
                _ => assert_eq!(opened.statement, good.statement),
            }
            let _ = Manifest::of_statement(&opened.statement);
            let _ = Provenance::of_statement(&opened.statement);
        }
        if *first != 1 {
            assert!(verify_model(&file, &keys, MODEL, digest(b"other")).is_err());
        }
    });
});
