//! What is signed, what is verified, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use complaint_contract::Sha256Digest;
use complaint_signature::{
    MAX_BYTES, Manifest, Provenance, PublicKey, SignatureError, SigningKey, Software, open, sign, verify_model,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const MODEL: &str = "model.safetensors";

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("data/", $name))
    };
}

fn key() -> SigningKey {
    SigningKey::from_pem(data!("sec1.key").as_bytes()).unwrap()
}

fn other_key() -> SigningKey {
    SigningKey::from_pem(rcgen::KeyPair::generate().unwrap().serialize_pem().as_bytes()).unwrap()
}

fn public(keys: &[&SigningKey]) -> Vec<PublicKey> {
    keys.iter().map(|key| key.public().clone()).collect()
}

fn digest(text: &str) -> Sha256Digest {
    Sha256Digest::of_bytes(text.as_bytes())
}

fn manifest() -> Manifest {
    let files = [
        ("report.json", "{}"),
        (MODEL, "weights"),
        ("results/cards-1.json", "{}"),
    ];
    Manifest::new("abc", files.map(|(name, text)| (name.to_owned(), digest(text))), [])
}

fn signature() -> Vec<u8> {
    sign(&manifest().to_statement(), &key())
}

fn verified(signature: &[u8]) -> Result<Sha256Digest, SignatureError> {
    verify_model(signature, &public(&[&key()]), MODEL, digest("weights")).map(|opened| opened.key)
}

/// The signature with a change of its JSON.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(&signature()).unwrap();
    change(&mut bundle);
    serde_json::to_vec(&bundle).unwrap()
}

/// A good signature of this statement.
fn signed(statement: &Value) -> Vec<u8> {
    sign(&serde_json::to_vec(statement).unwrap(), &key())
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let bundle: Value = serde_json::from_slice(&signature()).unwrap();
    let envelope = &bundle["dsseEnvelope"];
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let root = Sha256Digest::of_bytes(&[*digest("weights").as_bytes(), *digest("{}").as_bytes()].concat());
    assert_eq!(
        serde_json::from_slice::<Value>(&payload).unwrap(),
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "abc", "digest": { "sha256": root } }],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {
                "serialization": { "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                                   "ignore_paths": ["model.sig", "provenance.intoto.json", "results"] },
                "resources": [
                    { "name": MODEL, "algorithm": "sha256", "digest": digest("weights") },
                    { "name": "report.json", "algorithm": "sha256", "digest": digest("{}") },
                ],
            },
        })
    );
    let sig = &envelope["signatures"][0]["sig"];
    assert_eq!(
        bundle,
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": key().public().id() }, "tlogEntries": [] },
            "dsseEnvelope": { "payload": envelope["payload"], "payloadType": "application/vnd.in-toto+json",
                              "signatures": [{ "sig": sig, "keyid": "" }] },
        })
    );
    assert_eq!(signature(), signature(), "the same input gives the same bytes");
}

#[test]
fn what_model_signing_signed_is_verified() {
    for signature in [data!("reference-folder.sig"), data!("reference-file.sig")] {
        assert_eq!(verified(signature.as_bytes()), Ok(key().public().id()), "{signature}");
        let other = verify_model(signature.as_bytes(), &public(&[&key()]), MODEL, digest("other"));
        assert!(matches!(other, Err(SignatureError::OtherDigest { .. })), "{other:?}");
    }
    assert!(matches!(
        verified(data!("reference-p384.sig").as_bytes()),
        Err(SignatureError::UnknownKey { key: Some(_) })
    ));
}

#[test]
fn keys_can_be_rotated() {
    let (old, new) = (key(), other_key());
    let by = |key: &SigningKey| sign(&manifest().to_statement(), key);
    let check = |signature: &[u8], keys: &[&SigningKey]| {
        verify_model(signature, &public(keys), MODEL, digest("weights")).map(|opened| opened.key)
    };
    assert_eq!(check(&by(&old), &[&old, &new]), Ok(old.public().id()));
    assert_eq!(check(&by(&new), &[&old, &new]), Ok(new.public().id()));
    assert_eq!(check(&by(&new), &[&new]), Ok(new.public().id()));
    let unknown = SignatureError::UnknownKey {
        key: Some(old.public().id()),
    };
    assert_eq!(check(&by(&old), &[&new]), Err(unknown.clone()));
    assert!(unknown.to_string().contains(&old.public().id().to_string()));
    assert_eq!(check(&by(&old), &[]), Err(unknown));
}

#[test]
fn a_signature_is_for_one_model() {
    let keys = public(&[&key()]);
    let of = |file: &str, text: &str| verify_model(&signature(), &keys, file, digest(text)).err();
    assert_eq!(of(MODEL, "weights"), None);
    assert_eq!(of("report.json", "{}"), None);
    assert!(matches!(of(MODEL, "Weights"), Some(SignatureError::OtherDigest { .. })));
    assert!(matches!(
        of("results/cards-1.json", "{}"),
        Some(SignatureError::NotCovered { .. })
    ));
    assert!(matches!(
        of("other.safetensors", "weights"),
        Some(SignatureError::NotCovered { .. })
    ));
}

#[test]
fn every_other_file_is_refused() {
    let forged = |found: Result<_, SignatureError>| matches!(found, Err(SignatureError::Forged { .. }));
    let no_bundle = |found: Result<_, SignatureError>| matches!(found, Err(SignatureError::NoBundle { .. }));
    let envelope =
        |field: &'static str, value: Value| verified(&changed(|bundle| bundle["dsseEnvelope"][field] = value));

    // Another text under the same signature, and another signature over the same text.
    let other = Manifest::new("abc", [(MODEL.to_owned(), digest("evil"))], []).to_statement();
    assert!(forged(envelope("payload", json!(STANDARD.encode(&other)))));
    let foreign: Value = serde_json::from_slice(&sign(&other, &key())).unwrap();
    assert!(forged(envelope(
        "signatures",
        foreign["dsseEnvelope"]["signatures"].clone()
    )));
    for sig in ["", "AAAA", "MAA="] {
        assert!(
            forged(envelope("signatures", json!([{ "sig": sig, "keyid": "" }]))),
            "{sig}"
        );
    }
    // The name of our key on a signature of another.
    let mut stranger: Value = serde_json::from_slice(&sign(&manifest().to_statement(), &other_key())).unwrap();
    stranger["verificationMaterial"]["publicKey"]["hint"] = json!(key().public().id());
    assert!(forged(verified(stranger.to_string().as_bytes())));
    // The first signers named no key.
    let unnamed = |bundle: &mut Value| bundle["verificationMaterial"]["publicKey"] = json!({ "keyDetails": "x" });
    assert_eq!(verified(&changed(unnamed)), Ok(key().public().id()));
    unnamed(&mut stranger);
    assert_eq!(
        verified(stranger.to_string().as_bytes()),
        Err(SignatureError::UnknownKey { key: None })
    );
    let by_certificate =
        changed(|bundle| bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "" } }));
    assert_eq!(verified(&by_certificate), Err(SignatureError::NoKey));
    let named = changed(|bundle| bundle["verificationMaterial"]["publicKey"]["hint"] = json!("a secret"));
    let told = verified(&named).unwrap_err().to_string();
    assert!(told.contains("an unnamed key") && !told.contains("secret"), "{told}");

    for (field, value) in [
        ("payloadType", json!("text/plain")),
        ("payload", json!("not base64!")),
        ("signatures", json!([])),
        ("signatures", json!([{ "sig": "%" }])),
        (
            "signatures",
            json!([
                foreign["dsseEnvelope"]["signatures"][0],
                foreign["dsseEnvelope"]["signatures"][0]
            ]),
        ),
    ] {
        assert!(no_bundle(envelope(field, value.clone())), "{field}: {value}");
    }
    let media_type =
        changed(|bundle| bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1"));
    assert!(no_bundle(verified(&media_type)));
    let whole = signature();
    for cut in 0..whole.len() - 1 {
        assert!(no_bundle(verified(&whole[..cut])), "cut at {cut}");
    }
    for garbage in [&b"{}"[..], b"[]", b"null", b"\xff\xfe", b"\x00", b"garbage"] {
        assert!(no_bundle(verified(garbage)));
    }
    let huge = vec![b' '; MAX_BYTES as usize + 1];
    assert_eq!(verified(&huge), Err(SignatureError::TooLarge));
}

#[test]
fn only_a_statement_about_a_models_files_counts() {
    let good: Value = serde_json::from_slice(&manifest().to_statement()).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut statement = good.clone();
        *statement.pointer_mut(pointer).unwrap() = value;
        verified(&signed(&statement)).unwrap_err()
    };
    let resource = |name: &str, text: &str| json!({ "name": name, "algorithm": "sha256", "digest": digest(text) });
    for (pointer, value, expected) in [
        (
            "/_type",
            json!("https://in-toto.io/Statement/v0.1"),
            SignatureError::NoStatement,
        ),
        (
            "/predicateType",
            json!("https://slsa.dev/provenance/v1"),
            SignatureError::OtherStatement,
        ),
        (
            "/predicateType",
            json!("https://model_signing/Digests/v0.1"),
            SignatureError::OtherStatement,
        ),
        ("/subject", json!([]), SignatureError::NoStatement),
        (
            "/subject/0/digest",
            json!({ "sha256": "0".repeat(64) }),
            SignatureError::Inconsistent,
        ),
        ("/subject/0/digest", json!({}), SignatureError::Inconsistent),
        ("/predicate", json!({}), SignatureError::NoStatement),
        (
            "/predicate/serialization/method",
            json!("shards"),
            SignatureError::OtherDigests,
        ),
        (
            "/predicate/serialization/hash_type",
            json!("blake3"),
            SignatureError::OtherDigests,
        ),
        (
            "/predicate/resources/0/algorithm",
            json!("blake2"),
            SignatureError::OtherDigests,
        ),
        (
            "/predicate/resources/0/digest",
            json!("12"),
            SignatureError::OtherDigests,
        ),
        (
            "/predicate/resources/0/digest",
            json!(digest("evil")),
            SignatureError::Inconsistent,
        ),
        ("/predicate/resources", json!([]), SignatureError::Inconsistent),
        (
            "/predicate/resources",
            json!([resource(MODEL, "weights"), resource(MODEL, "evil")]),
            SignatureError::Inconsistent,
        ),
    ] {
        assert_eq!(with(pointer, value.clone()), expected, "{pointer}: {value}");
    }
    assert_eq!(verified(&signed(&json!("a text"))), Err(SignatureError::NoStatement));
}

fn provenance() -> Provenance {
    Provenance {
        model: digest("weights"),
        report: digest("{}"),
        dataset: digest("data"),
        holdout: Some(digest("holdout")),
        feedback: Some(digest("corrections")),
        word_vectors: Some(digest("vectors")),
        settings: json!({ "search": { "folds": 5 } }),
        chosen: json!({ "algorithm": "LinearSvm" }),
        software: Software {
            trainer: "0.1.0".into(),
            architecture: "x86_64".into(),
            operating_system: "linux".into(),
        },
        run: Some("uid".into()),
    }
}

#[test]
fn a_provenance_is_what_slsa_asks_for() {
    let statement = provenance().to_statement();
    assert_eq!(
        serde_json::from_slice::<Value>(&statement).unwrap(),
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": MODEL, "digest": { "sha256": digest("weights") } }],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://complaints.dev/training/v1",
                    "externalParameters": { "search": { "folds": 5 } },
                    "internalParameters": {
                        "chosen": { "algorithm": "LinearSvm" },
                        "software": { "trainer": "0.1.0", "architecture": "x86_64", "operatingSystem": "linux" },
                    },
                    "resolvedDependencies": [
                        { "name": "dataset", "digest": { "sha256": digest("data") } },
                        { "name": "holdout", "digest": { "sha256": digest("holdout") } },
                        { "name": "feedback", "digest": { "sha256": digest("corrections") } },
                        { "name": "word-vectors", "digest": { "sha256": digest("vectors") } },
                    ],
                },
                "runDetails": {
                    "builder": { "id": "https://complaints.dev/complaint-trainer", "version": { "complaint-trainer": "0.1.0" } },
                    "metadata": { "invocationId": "uid" },
                    "byproducts": [{ "name": "report.json", "digest": { "sha256": digest("{}") } }],
                },
            },
        })
    );
    let opened = open(&sign(&statement, &key()), &public(&[&key()])).unwrap();
    assert_eq!(Provenance::of_statement(&opened.statement), Ok(provenance()));
    // A provenance is no signature of a model, and the other way round.
    assert_eq!(verified(&sign(&statement, &key())), Err(SignatureError::OtherStatement));
    let other = Provenance::of_statement(&manifest().to_statement());
    assert_eq!(other, Err(SignatureError::OtherStatement));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_never_changes_what_is_verified(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = signature();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(opened) = open(&bytes, &public(&[&key()])) {
            prop_assert_eq!(opened.statement, manifest().to_statement());
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verified(&bytes).is_err());
        let _ = Manifest::of_statement(&bytes);
        let _ = Provenance::of_statement(&bytes);
        let _ = PublicKey::all_from_pem(&bytes);
        let _ = SigningKey::from_pem(&bytes);
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written(
        files in prop::collection::btree_map("[a-c.é \"\\\\]{1,6}(/[a-c.]{1,3})?", "[a-z]{0,4}", 0..8),
        name in ".{0,20}",
    ) {
        let files = files.into_iter().map(|(name, text)| (name, digest(&text)));
        let written = Manifest::new(&name, files, []);
        prop_assert_eq!(Manifest::of_statement(&written.to_statement()), Ok(written));
    }
}
