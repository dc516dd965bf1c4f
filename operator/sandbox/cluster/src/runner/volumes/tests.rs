use super::*;
use serde_json::{Value, json};

fn pod(volumes: Value) -> Pod {
    let pod = json!({ "metadata": { "name": "p", "namespace": "ns", "labels": { "a": "b" } },
                      "spec": { "containers": [], "volumes": volumes } });
    serde_json::from_value(pod).expect("a Pod")
}

fn sources() -> Sources {
    let data = BTreeMap::from([("a".to_string(), b"1".to_vec()), ("b".to_string(), vec![0xff, 0])]);
    Sources::from([
        ((Holder::ConfigMap, "cm".into()), Some(data)),
        ((Holder::Secret, "none".into()), None),
    ])
}

fn made(volumes: Value) -> (tempfile::TempDir, Result<HashMap<String, PathBuf>, VolumeError>) {
    let directory = tempfile::tempdir().expect("a directory");
    let made = make(
        &pod(volumes),
        &sources(),
        &directory.path().join("v"),
        &directory.path().join("claims"),
    );
    (directory, made)
}

#[test]
fn configuration_becomes_files_that_nobody_may_write() {
    let (directory, made) = made(json!([
        { "name": "all", "configMap": { "name": "cm" } },
        { "name": "some", "configMap": { "name": "cm", "items": [{ "key": "b", "path": "x/y", "mode": 0o600 }] } },
        { "name": "maybe", "secret": { "secretName": "none", "optional": true } },
        { "name": "fields", "downwardAPI": { "items": [{ "path": "l", "fieldRef": { "fieldPath": "metadata.labels" } }] } },
        { "name": "both", "projected": { "sources": [{ "configMap": { "name": "cm" } }] } },
    ]));
    let made = made.expect("volumes");
    let read = |volume: &str, path: &str| fs::read(made[volume].join(path)).expect("a file");
    assert_eq!(read("all", "a"), b"1");
    assert_eq!(read("some", "x/y"), [0xff, 0]);
    assert_eq!(read("fields", "l"), b"a=\"b\"");
    assert_eq!(read("both", "a"), b"1");
    assert_eq!(fs::read_dir(&made["maybe"]).expect("a directory").count(), 0);
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&made["some"].join("x/y")), mode(&made["all"])), (0o400, 0o555));
    remove(&directory.path().join("v")).expect("removed");
}

#[test]
fn claims_are_shared_by_name_and_scratch_space_is_not() {
    let (directory, made) = made(json!([
        { "name": "store", "persistentVolumeClaim": { "claimName": "models" } }, { "name": "tmp", "emptyDir": {} },
    ]));
    let made = made.expect("volumes");
    assert_eq!(made["store"], directory.path().join("claims/ns/models"));
    assert_eq!(made["tmp"], directory.path().join("v/tmp"));
    fs::write(made["store"].join("x"), "kept").expect("writable");
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    for (volume, expected) in [
        (
            json!({ "name": "v", "secret": { "secretName": "none" } }),
            "secret \"none\" not found",
        ),
        (
            json!({ "name": "v", "configMap": { "name": "cm", "items": [{ "key": "k", "path": "p" }] } }),
            "config key: k",
        ),
        (
            json!({ "name": "v", "configMap": { "name": "cm", "items": [{ "key": "a", "path": "../p" }] } }),
            "leaves the volume",
        ),
        (
            json!({ "name": "v", "nfs": { "server": "s", "path": "/" } }),
            "no volumes of kind nfs",
        ),
    ] {
        let error = made(json!([volume])).1.expect_err("no volume").to_string();
        assert!(error.contains("volume \"v\"") && error.contains(expected), "{error}");
    }
}
