//! Comparison and hashes of Pod templates.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

/// The label that distinguishes Pods of different templates.
pub const HASH: &str = "pod-template-hash";

/// Characters of a hash: no vowels and no look-alikes, so that hashes are never words.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A hash of a template. `collisions` is the number of earlier collisions with other templates.
pub fn hash(template: &PodTemplateSpec, collisions: i32) -> String {
    let text = serde_json::to_string(&without_hash(template)).unwrap_or_default();
    let seed = fnv1a(0x811c_9dc5, text.as_bytes());
    let hash = if collisions > 0 {
        fnv1a(seed, collisions.to_string().as_bytes())
    } else {
        seed
    };
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}

fn fnv1a(seed: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(seed, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Whether the ReplicaSet has this template.
pub fn made_from(set: &ReplicaSet, template: &PodTemplateSpec) -> bool {
    let made = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    made.is_some_and(|made| without_hash(made) == without_hash(template))
}

/// The template as JSON without the hash label, for comparison.
fn without_hash(template: &PodTemplateSpec) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
        labels.remove(HASH);
    }
    serde_json::to_value(template).unwrap_or_default()
}
