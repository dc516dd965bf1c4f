//! What the API server rejects of `spec.signing` and `spec.verification`.

use serde_json::{Value, json};

use crate::{refusal, served};

const P384: &str = "-----BEGIN PUBLIC KEY-----\n\
    MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEG1oKPkGmuYOFRrXzYNYNaZrIpDY+5YuM\n\
    y6CA4WkoyLfs2CqjfR+nqOL4vAIGJYfSl5RUvTOJ0GbdJvF9GIdJ7QTK0n7ZJ7vE\n\
    SXk6Mlh5uvmkm8F5dZsT5pUm7F9mvIUz\n-----END PUBLIC KEY-----\n";

#[tokio::test]
async fn keys_are_checked_when_they_are_applied() {
    let (_sandbox, client) = served().await;
    let pair = rcgen::KeyPair::generate().expect("a key");
    let (public, private) = (pair.public_key_pem(), pair.serialize_pem());
    let verification =
        |keys: &[&str], policy: &str| json!({ "verification": { "publicKeys": keys, "policy": policy } });
    let signing = |name: &str, key: &str| json!({ "signing": { "keySecretRef": { "name": name, "key": key } } });
    let (needed, other) = (Some("need a key"), Some("openssl ecparam -name prime256v1"));
    let cut: String = public.lines().take(2).collect();
    let cases: Vec<(Value, Option<&str>)> = vec![
        (verification(&[&public], "Required"), None),
        (verification(&[public.trim()], "IfSigned"), None),
        (verification(&[&public.replace('\n', "\r\n")], "Required"), None),
        (verification(&[public.as_str(); 8], "Required"), None),
        (verification(&[], "Ignore"), None),
        (json!({ "verification": { "publicKeys": [public] } }), None),
        (json!({ "verification": { "policy": "Ignore" } }), None),
        (json!({ "verification": {} }), needed),
        (verification(&[], "Required"), needed),
        (verification(&[], "IfSigned"), needed),
        (
            verification(&[public.as_str(); 9], "Required"),
            Some("must have at most 8 items"),
        ),
        (verification(&[&public], "Maybe"), Some("policy")),
        (verification(&[""], "Required"), Some("publicKeys")),
        (verification(&["signing.pub"], "Required"), other),
        (verification(&[&private], "Required"), other),
        (verification(&[P384], "Required"), other),
        (verification(&[&cut], "Required"), other),
        (
            verification(&[&public, &format!("{public}{public}")], "Required"),
            other,
        ),
        (verification(&[&public, P384], "Ignore"), other),
        (
            json!({ "verification": { "publicKey": public } }),
            Some("unknown field"),
        ),
        (signing("signing-key", "signing.key"), None),
        (signing("", "signing.key"), Some("name")),
        (signing("Signing Key", "signing.key"), Some("name")),
        (signing("signing-key", "../key"), Some("key")),
        (json!({ "signing": {} }), Some("keySecretRef")),
        (
            json!({ "signing": { "keySecretRef": { "name": "signing-key" } } }),
            Some("key"),
        ),
    ];
    for (spec, told) in cases {
        match (refusal(&client, "ComplaintClassifier", "Strict", &spec).await, told) {
            (None, None) => {}
            (Some((_, message)), Some(told)) => {
                assert!(message.contains(told), "{spec}: {message}");
            }
            (refused, told) => panic!("{spec}: {refused:?}, expected {told:?}"),
        }
    }
}
