//! Signatures of models in the format of [OpenSSF model signing] 1.x, and the provenance of a training.
//!
//! | file | content |
//! |---|---|
//! | `model.sig` | a Sigstore bundle 0.3 whose DSSE envelope holds an in-toto statement: the digests of a version's files ([`Manifest`]) |
//! | `provenance.intoto.json` | a bundle of the same form, with a [SLSA provenance] of the model: who trained it, from which bytes, with which settings ([`Provenance`]) |
//!
//! Keys are ECDSA P-256 ([`SigningKey`], [`PublicKey`]). Signatures are deterministic (RFC 6979), so the same statement and
//! key give the same bytes. [`open`] verifies a bundle, [`verify_model`] also that it is about a given model.
//!
//! The PyPI package `model-signing` verifies what this crate signs, and this crate verifies what it signs with a P-256 key.
//! Other curves, certificates, keyless signatures, shards and the format before 1.0 are refused, each with its own message.
//!
//! The crate is pure: no file, no network, no clock. No message and no `Debug` output holds a part of a private key.
//!
//! [OpenSSF model signing]: https://github.com/ossf/model-signing-spec
//! [SLSA provenance]: https://slsa.dev/spec/v1.1/provenance
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bundle;
mod key;
mod manifest;
mod provenance;
mod statement;

pub use bundle::{MAX_BYTES, Opened, SignatureError, open, sign};
pub use key::{KeyError, MAX_KEY_BYTES, PublicKey, SigningKey};
pub use manifest::{Manifest, comes_afterwards, verify_model};
pub use provenance::{Provenance, Software};
