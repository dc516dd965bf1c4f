//! Read, write, list, delete: the same in a directory and in a bucket of a real S3 server.

use std::process::ExitCode;

use bytes::Bytes;
use complaint_harness::{S3Server, Weed, tests};
use complaint_store::layout::{MODEL, RECORD};
use complaint_store::{Added, Address, Bounds, Fault, ObjectAddress, Purpose, Reach, Store, read};

const FOLDER: &str = "default/cards/abc";

fn files(model: &'static str) -> [(&'static str, Bytes); 2] {
    [
        (MODEL, Bytes::from_static(model.as_bytes())),
        (RECORD, Bytes::from_static(b"record")),
    ]
}

async fn paths(store: &Store, folder: &str) -> Vec<(String, u64)> {
    let entries = store.list(folder).await.unwrap();
    entries.into_iter().map(|entry| (entry.path, entry.size)).collect()
}

async fn text(store: &Store, path: &str) -> Option<String> {
    let bytes = store.read(path).await.unwrap()?;
    Some(String::from_utf8(bytes.into()).unwrap())
}

/// What holds for every store.
async fn keeps_its_promises(store: &Store) {
    let [model, record] = [MODEL, RECORD].map(|name| format!("{FOLDER}/{name}"));
    assert_eq!(text(store, &model).await, None);
    assert_eq!(paths(store, FOLDER).await, []);

    // A folder is written once, and again when its last file is missing.
    assert_eq!(store.add(FOLDER, &files("first")).await.unwrap(), Added::Now);
    assert_eq!(store.add(FOLDER, &files("second")).await.unwrap(), Added::Before);
    assert_eq!(text(store, &model).await.as_deref(), Some("first"));
    store.delete(&record).await.unwrap();
    assert_eq!(store.add(FOLDER, &files("second")).await.unwrap(), Added::Now);
    assert_eq!(text(store, &model).await.as_deref(), Some("second"));
    store.replace(FOLDER, &files("third")).await.unwrap();
    assert_eq!(text(store, &model).await.as_deref(), Some("third"));

    // One file is replaced as a whole; names are any text.
    let champion = "default/cards/ü 20%.json";
    for content in ["long content", "short"] {
        store.write(champion, Bytes::from(content)).await.unwrap();
        assert_eq!(text(store, champion).await.as_deref(), Some(content));
    }
    store.write("default/cards-2/other", Bytes::new()).await.unwrap();
    let cards = [(model.clone(), 5), (record.clone(), 6), (champion.to_owned(), 5)];
    assert_eq!(paths(store, "default/cards").await, cards);
    assert_eq!(paths(store, "").await.len(), 4);

    // Programs that change one file at the same time lose nothing.
    let changed = "default/cards/changed";
    let add = |letter: &'static str| async move {
        let written = store.update(changed, |before| {
            let before = before.map_or_else(String::new, |bytes| String::from_utf8(bytes.into()).unwrap());
            (!before.contains(letter)).then(|| Bytes::from(before + letter))
        });
        written.await.unwrap()
    };
    assert_eq!(futures::join!(add("a"), add("b"), add("c")), (true, true, true));
    assert!(!add("b").await, "what is there is not written again");
    let mut letters: Vec<char> = text(store, changed).await.unwrap().chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'b', 'c']);
    store.delete(changed).await.unwrap();

    // Deleting takes a folder and nothing beside it, as often as one likes.
    for _ in 0..2 {
        store.delete(FOLDER).await.unwrap();
        assert_eq!(paths(store, "default/cards").await, cards[2..]);
    }
    assert_eq!(
        paths(store, "default/cards-2").await,
        [("default/cards-2/other".to_owned(), 0)]
    );
    for (folder, words) in [("", "whole store"), ("..", "reading the path ..")] {
        let error = store.delete(folder).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

async fn a_directory() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::directory(root.path().join("not/yet"));
    keeps_its_promises(&store).await;
    assert_eq!(store.address(), None);

    // What a program that was killed left behind is not listed, and goes with its folder.
    store.add(FOLDER, &files("x")).await.unwrap();
    let folder = root.path().join("not/yet").join(FOLDER);
    std::fs::write(folder.join(".partial-1"), "half").unwrap();
    assert_eq!(paths(&store, FOLDER).await.len(), 2);
    store.delete(FOLDER).await.unwrap();
    assert!(!folder.exists());

    // A link goes, and what it leads to stays.
    let outside = root.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join(RECORD), "of another").unwrap();
    std::os::unix::fs::symlink(&outside, &folder).unwrap();
    store.delete(FOLDER).await.unwrap();
    assert!(outside.join(RECORD).exists() && std::fs::symlink_metadata(&folder).is_err());

    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::directory(&file).write("a/b", Bytes::new()).await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(file.to_str().unwrap()) && message.contains("volume"),
        "{message}"
    );
}

fn a_bucket(weed: Weed) {
    let server = S3Server::start(&weed);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for prefix in ["", "/a b/c"] {
        server.put("models", "made", b"");
        runtime.block_on(async {
            let store = server.store(&format!("models{prefix}"));
            store.delete("made").await.unwrap();
            keeps_its_promises(&store).await;
            assert_eq!(store.address().unwrap(), format!("s3://models{prefix}"));
            store.delete("default").await.unwrap();
        });
    }
    runtime.block_on(async {
        let mut variables = server
            .variables()
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        variables[2].1 = "another".into();
        let error = Store::open_with("s3://models/a", variables, Reach::Anywhere)
            .unwrap()
            .list("b")
            .await
            .unwrap_err();
        assert!(matches!(error.fault, Fault::Denied { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains("s3://models/a/b") && message.contains("artifacts.secretRef"),
            "{message}"
        );
    });
}

async fn a_provider_that_is_not_compiled_in_is_named() {
    let address = Address::Object(ObjectAddress::parse("gs://complaints/cards.csv").unwrap());
    let outcome = read(&address, Purpose::DataSet, &Bounds::FILE).await;
    if cfg!(not(feature = "gcp")) {
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("gs:// addresses"), "{message}");
    }
}

fn main() -> ExitCode {
    complaint_harness::run([tests![
        a_directory,
        a_bucket,
        a_provider_that_is_not_compiled_in_is_named,
    ]])
}
