//! The manifests in `crds/` are what the code generates.

use std::{collections::BTreeSet, path::Path};

#[test]
fn the_manifests_are_in_step_with_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
    let generated = complaint_operator::cli::crd_manifests().expect("CRDs are YAML");
    for (name, text) in &generated {
        let path = folder.join(name);
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            &stored,
            text,
            "{} differs from the code: run `cargo run --bin complaint-operator -- crds --out crds`",
            path.display()
        );
    }
    let stored: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("crds/ exists")
        .map(|entry| {
            entry
                .expect("a readable entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(
        stored,
        generated.into_iter().map(|(name, _)| name).collect(),
        "crds/ holds other files"
    );
}
