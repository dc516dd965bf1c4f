//! Signatures: a signed version is promoted, one whose signature was replaced is not, and keys are rotated.

use complaint_api::{ComplaintClassifier, ModelVersion, Stage, condition};
use k8s_openapi::{
    ByteString,
    api::{batch::v1::Job, core::v1::Secret},
};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, fails, poor_features, run, train, until_champion, until_stage},
    traffic::Traffic,
};

/// A new key in the Secret `name`. Returns its public key.
async fn apply_key(world: &World, name: &str) -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let private = ByteString(key.serialize_pem().into_bytes());
    let manifest = json!({ "metadata": { "name": name }, "data": { "signing.key": private } });
    world.apply::<Secret>(manifest).await.expect("a Secret is accepted");
    key.public_key_pem()
}

fn signing(secret: &str) -> Value {
    json!({ "keySecretRef": { "name": secret, "key": "signing.key" } })
}

fn required(keys: &[&str]) -> Value {
    json!({ "publicKeys": keys, "policy": "Required" })
}

/// Signs a version by hand, with the key of a Secret: the Job that docs/signatures.md shows.
async fn sign(world: &World, name: &str, version: &ModelVersion, secret: &str) {
    let trained = world.api::<Job>().get("cards-1-train").await.expect("its Job is there");
    let pod = trained.spec.expect("a spec").template.spec.expect("a pod");
    let sha256 = &version.spec.artifact.sha256;
    let folder = format!("/var/lib/complaint-store/{}/cards/{sha256}", world.namespace);
    let mut container = json!({
        "name": "sign", "image": pod.containers[0].image, "imagePullPolicy": pod.containers[0].image_pull_policy,
        "args": ["sign", "--folder", folder, "--signing-key", "/keys/signing.key"],
        "volumeMounts": [{ "name": "store", "mountPath": "/var/lib/complaint-store" },
                         { "name": "keys", "mountPath": "/keys", "readOnly": true }],
    });
    container["securityContext"] = json!(pod.containers[0].security_context);
    let manifest = json!({ "metadata": { "name": name }, "spec": { "backoffLimit": 0, "template": { "spec": {
        "restartPolicy": "Never", "containers": [container], "securityContext": pod.security_context,
        "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
            "labelSelector": { "matchLabels": { "complaints.dev/classifier": "cards" } },
            "topologyKey": "kubernetes.io/hostname" }] } },
        "volumes": [{ "name": "store", "persistentVolumeClaim": { "claimName": "cards-artifacts" } },
                    { "name": "keys", "secret": { "secretName": secret, "defaultMode": 0o400 } }],
    } } } });
    world.apply::<Job>(manifest).await.expect("a Job is accepted");
    world
        .until::<Job>(name, "complete", |job| {
            job.status.as_ref().and_then(|status| status.succeeded) == Some(1)
        })
        .await;
}

/// Waits until `Progressing` is false with this reason.
async fn until_held_up(world: &World, reason: &str) -> ComplaintClassifier {
    world
        .until::<ComplaintClassifier>("cards", reason, |classifier| {
            let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|condition| {
                condition.type_ == condition::PROGRESSING && condition.status == "False" && condition.reason == reason
            })
        })
        .await
}

fn champion(classifier: &ComplaintClassifier) -> Option<&str> {
    let champion = classifier.status.as_ref()?.champion.as_ref()?;
    Some(&champion.name)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_version_with_a_valid_signature_takes_over_and_keys_are_rotated() {
    let world = World::open("signatures").await;
    apply_sample(&world).await;
    let ours = apply_key(&world, "ours").await;
    let foreign = apply_key(&world, "foreign").await;
    let spec = json!({ "signing": signing("ours"), "verification": required(&[&ours]) });
    apply_classifier(&world, "cards", spec).await;

    // A training signs, and the server of its version demands that.
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;

    // Somebody replaces the signature of the next version before it is promoted.
    let patch = async |spec: Value| {
        world
            .patch::<ComplaintClassifier>("cards", json!({ "spec": spec }))
            .await
    };
    patch(json!({ "promotion": { "policy": "Manual" } })).await;
    train(&world, run("cards-2", "sample", json!({}))).await;
    let second = until_stage(&world, "cards-2", Stage::Candidate).await;
    sign(&world, "forge", &second, "foreign").await;
    let traffic = Traffic::start(&world, "cards");
    patch(json!({ "promotion": { "policy": "Automatic" } })).await;
    let rejected = until_stage(&world, "cards-2", Stage::Rejected).await;
    let rejection = rejected
        .status
        .as_ref()
        .and_then(|status| status.rejection())
        .expect("it is rejected");
    assert_eq!(rejection.reason, "SignatureInvalid", "{}", rejection.message);
    assert!(
        rejection.message.contains("none of the public keys"),
        "{}",
        rejection.message
    );
    let event = world.event("cards", "VersionRejected").await;
    assert!(
        event.contains("cards-2") && event.contains("SignatureInvalid"),
        "{event}"
    );
    let serving = until_champion(&world, "cards", "cards-1").await;
    assert_eq!(champion(&serving), Some("cards-1"));

    // Signed by the right key again, a pin brings it back.
    sign(&world, "mend", &second, "ours").await;
    patch(json!({ "promotion": { "modelVersion": "cards-2" } })).await;
    until_champion(&world, "cards", "cards-2").await;

    // A rotation in the wrong order: no key verifies the champion. Its pods go on, and so does the record.
    patch(json!({ "verification": required(&[&foreign]) })).await;
    let held = until_held_up(&world, "SignatureInvalid").await;
    assert_eq!(champion(&held), Some("cards-2"));
    let available = condition::is_true(
        &held.status.as_ref().expect("a status").conditions,
        condition::AVAILABLE,
    );
    assert!(available, "{:?}", held.status);
    // In the right order: both keys, the signature by the new one, then the new one alone.
    patch(json!({ "verification": required(&[&ours, &foreign]) })).await;
    until_champion(&world, "cards", "cards-2").await;
    sign(&world, "rotate", &second, "foreign").await;
    patch(json!({ "verification": required(&[&foreign]), "signing": signing("foreign") })).await;
    let rotated = world
        .until::<ComplaintClassifier>("cards", "served with the new key alone", |classifier| {
            let status = classifier.status.as_ref();
            status.is_some_and(|status| {
                status.observed_generation == classifier.metadata.generation
                    && condition::is_true(&status.conditions, condition::READY)
            })
        })
        .await;
    assert_eq!(champion(&rotated), Some("cards-2"));
    traffic.stop().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_without_its_key_says_which_is_missing() {
    let world = World::open("no-key").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({ "signing": signing("nowhere") })).await;
    let (reason, message) = fails(&world, run("cards-1", "sample", poor_features(40))).await;
    assert_eq!(reason, "InvalidConfiguration");
    for part in ["signing.keySecretRef", "signing.key", "kubectl create secret"] {
        assert!(message.contains(part), "{message}");
    }
    // A Secret whose key is not one is told without its content.
    let marked = "bWFya2VkIG1hdGVyaWFs";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{marked}\n-----END PRIVATE KEY-----\n");
    let manifest = json!({ "metadata": { "name": "nowhere" }, "stringData": { "signing.key": pem } });
    world.apply::<Secret>(manifest).await.expect("a Secret is accepted");
    let (reason, message) = fails(&world, run("cards-2", "sample", poor_features(40))).await;
    assert_eq!(reason, "InvalidConfiguration");
    assert!(message.contains("openssl") && !message.contains(marked), "{message}");
    world.close().await;
}
