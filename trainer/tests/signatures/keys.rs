//! Keys that can't be used, and what nobody is told of a key.

use complaint_harness::{Case, tests};

use crate::folder::{Pair, command, files};
use crate::support::{Ended, Job, csv, rows};

pub fn tests() -> Vec<Case> {
    tests![a_bad_key_ends_a_training_before_it_begins]
}

fn a_bad_key_ends_a_training_before_it_begins() {
    let job = Job::new();
    let data = job.file("data.csv", csv(&rows()));
    let marked = "bWFya2VkIGtleSBtYXRlcmlhbA==";
    let private = |body: &str| format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let absent = job.path("absent/signing.key");
    let cases = [
        (
            absent,
            "does not exist. Name an existing file; in a cluster, create the Secret",
        ),
        (
            job.file("empty.key", ""),
            "has no private key in PEM. Make a private key with `openssl ecparam",
        ),
        (
            job.file("marked.key", private(marked)),
            "not for ECDSA with the curve P-256",
        ),
        (job.file("text.key", format!("{marked}\n")), "has no private key"),
        (
            job.file("p384.key", p384.serialize_pem()),
            "not for ECDSA with the curve P-256 (prime256v1)",
        ),
        (job.file("public.key", p384.public_key_pem()), "has no private key"),
        (
            job.file("encrypted.key", private(marked).replace("PRIVATE", "ENCRYPTED PRIVATE")),
            "openssl pkcs8 -in encrypted.key",
        ),
    ];
    for (path, words) in cases {
        let path = path.to_str().unwrap();
        let ended = job.run_with(&data, &["--signing-key", path], "2");
        ended.fails(64, "InvalidConfiguration", &["signing.keySecretRef", path, words]);
        assert!(!ended.stdout.contains("Loading"), "{}", ended.stdout);
        tells_nothing(&ended, marked);
        let output = command("sign", job.directory.path(), &["--signing-key", path]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(!told.contains(marked) && told.contains(words), "{told}");
    }
    assert!(!job.path("store").exists());
    // A good key is not told either, whatever happens.
    let pair = Pair::new(&job, "signing");
    let secret = std::fs::read_to_string(&pair.private).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    let key = pair.private.to_str().unwrap();
    let ended = job.run_with(&data, &["--signing-key", key], "2");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    tells_nothing(&ended, secret);
    for file in files(&job.path("store")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{}", file.display());
    }
    let failed = job.run_with(&job.file("bad.csv", "a,b\n1,2\n"), &["--signing-key", key], "2");
    assert_eq!(failed.code, 65, "{}", failed.stderr);
    tells_nothing(&failed, secret);
}

fn tells_nothing(ended: &Ended, secret: &str) {
    for text in [&ended.stdout, &ended.stderr, &ended.message.to_string()] {
        assert!(!text.contains(secret), "{text}");
    }
}
