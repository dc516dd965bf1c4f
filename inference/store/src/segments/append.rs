//! Appends to segments.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use complaint_contract::segments::segment_path;
use flate2::{Compression, write::GzEncoder};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::MEMBER_BYTES;
use crate::directory;
use crate::error::{Fault, StoreError};
use crate::store::{Place, Store, parse};

/// A segment on a volume ends at this size, or with its day.
const SEGMENT_BYTES: u64 = 64 << 20;
/// Length of `2026-11-29` in a time of RFC 3339.
const DAY: usize = 10;

/// Rows in the form in which a segment holds them.
#[derive(Debug, Clone)]
pub struct Member(Bytes);

impl Member {
    /// Compresses whole JSON lines, at most [`MEMBER_BYTES`]. Takes some milliseconds a megabyte: not on a thread that answers.
    ///
    /// # Panics
    /// If there are more bytes.
    #[must_use]
    pub fn pack(lines: &[u8]) -> Self {
        assert!(lines.len() <= MEMBER_BYTES, "more bytes than a reader takes");
        let mut packed = GzEncoder::new(Vec::with_capacity(lines.len() / 2), Compression::fast());
        let written = packed.write_all(lines).and_then(|()| packed.finish());
        Self(written.expect("memory takes them").into())
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Appends rows of one kind to a folder of a store. On a volume, it adds them to a segment of the day, which nobody else writes
/// to; in a bucket, each append makes an object.
#[derive(Debug)]
pub struct Appender {
    store: Store,
    folder: String,
    instance: String,
    /// Number of the last segment.
    number: u64,
    segment_bytes: u64,
    limit: Duration,
    place: OnVolume,
}

/// What an append on a volume needs of the one before.
#[derive(Debug)]
enum OnVolume {
    /// There is no segment to add to.
    Closed,
    Open(Segment),
    /// The system has not returned from an append that took too long.
    Stuck(JoinHandle<()>),
}

/// A segment that can take more.
#[derive(Debug)]
struct Segment {
    day: String,
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Appender {
    /// Appends to `folder` of the store: a [`Kind`](complaint_contract::segments::Kind)'s. `instance` must be this process's alone.
    /// An append that takes longer than `limit` fails.
    #[must_use]
    pub fn new(store: Store, folder: impl Into<String>, instance: impl Into<String>, limit: Duration) -> Self {
        Self {
            store,
            folder: folder.into(),
            instance: instance.into(),
            number: 0,
            segment_bytes: SEGMENT_BYTES,
            limit,
            place: OnVolume::Closed,
        }
    }

    /// Appends a member; `now` decides about its day. When this returns, the rows outlive the process and the machine: the file
    /// and the folders that were made for it have been flushed to disk, or the bucket has taken the object.
    ///
    /// # Errors
    /// [`StoreError`]. The rows may be in the store nevertheless: readers take the last of two rows with the same id. The next
    /// append begins another segment.
    pub async fn append(&mut self, now: SystemTime, member: Member) -> Result<(), StoreError> {
        let mut day = humantime::format_rfc3339_seconds(now).to_string();
        day.truncate(DAY);
        let took_too_long = Fault::TimedOut {
            seconds: self.limit.as_secs().max(1),
            fix: "Check the network between this pod and the store",
        };
        let root = match &self.store.0 {
            Place::Directory(root) => root.clone(),
            Place::Bucket(_) => {
                let path = self.next_path(&day);
                return match timeout(self.limit, self.store.write(&path, member.0)).await {
                    Ok(written) => written,
                    Err(_) => Err(took_too_long.when("writing", path)),
                };
            }
        };
        let known = match std::mem::replace(&mut self.place, OnVolume::Closed) {
            OnVolume::Stuck(stuck) if !stuck.is_finished() => {
                self.place = OnVolume::Stuck(stuck);
                return Err(took_too_long.when("writing below", root.display().to_string()));
            }
            OnVolume::Open(segment) if segment.takes(&day, &member, self.segment_bytes) => Some(segment),
            _ => None,
        };
        let path = match &known {
            Some(segment) => segment.path.clone(),
            None => directory::file(&root, &parse(&self.next_path(&day))?),
        };
        let (send, appended) = tokio::sync::oneshot::channel();
        let at = path.clone();
        let working = spawn_blocking(move || {
            // Nobody waits any more when it took too long.
            let _ = send.send(append(&root, at, day, known, &member));
        });
        match timeout(self.limit, appended).await {
            Ok(Ok(Ok(segment))) => {
                self.place = OnVolume::Open(segment);
                Ok(())
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => {
                Err(Fault::Sink("the runtime is shutting down".into()).when("writing", path.display().to_string()))
            }
            Err(_) => {
                self.place = OnVolume::Stuck(working);
                Err(took_too_long.when("writing", path.display().to_string()))
            }
        }
    }

    fn next_path(&mut self, day: &str) -> String {
        self.number += 1;
        format!("{}/{}", self.folder, segment_path(day, &self.instance, self.number))
    }
}

impl Segment {
    fn takes(&self, day: &str, member: &Member, most: u64) -> bool {
        self.day == day && self.bytes + member.size() <= most
    }
}

/// Appends on a volume. A segment that could not take a member is given up: its end may be torn.
fn append(
    root: &Path,
    path: PathBuf,
    day: String,
    known: Option<Segment>,
    member: &Member,
) -> Result<Segment, StoreError> {
    let mut segment = match known {
        Some(segment) => segment,
        None => Segment {
            day,
            file: directory::create(&path)?,
            path,
            bytes: 0,
        },
    };
    let is_new = segment.bytes == 0;
    directory::append(&mut segment.file, &segment.path, &member.0)?;
    if is_new {
        directory::sync_parents(root, &segment.path)?;
    }
    segment.bytes += member.size();
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::segments::members;

    const LIMIT: Duration = Duration::from_secs(20);

    fn appender(root: &Path) -> Appender {
        Appender::new(Store::directory(root), "default/cards/feedback", "00ff", LIMIT)
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// The segments by their path below the folder, with their lines.
    fn segments(root: &Path) -> Vec<(String, String)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let entries = runtime
            .block_on(Store::directory(root).list("default/cards/feedback"))
            .unwrap();
        let lines = |path: &str| {
            let bytes = std::fs::read(root.join(path)).unwrap();
            let mut members = members(&bytes);
            let lines: Vec<u8> = members.by_ref().flatten().collect();
            (String::from_utf8(lines).unwrap(), members.is_torn())
        };
        let segment = |path: String| {
            let (lines, is_torn) = lines(&path);
            let name = path.strip_prefix("default/cards/feedback/").unwrap();
            (
                if is_torn {
                    format!("{name} torn")
                } else {
                    name.to_owned()
                },
                lines,
            )
        };
        entries.into_iter().map(|entry| segment(entry.path)).collect()
    }

    fn segment(appender: &mut Appender) -> &mut Segment {
        match &mut appender.place {
            OnVolume::Open(segment) => segment,
            other => panic!("the segment is not open: {other:?}"),
        }
    }

    fn named(segments: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, lines): &(&str, &str)| ((*name).to_owned(), (*lines).to_owned());
        segments.iter().map(owned).collect()
    }

    async fn append(appender: &mut Appender, seconds: u64, lines: &str) -> Result<(), StoreError> {
        appender.append(at(seconds), Member::pack(lines.as_bytes())).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_segment_has_one_day_and_a_size() {
        let root = tempfile::tempdir().unwrap();
        let mut appender = appender(root.path());
        append(&mut appender, 86_399, "1\n").await.unwrap();
        append(&mut appender, 86_399, "2\n").await.unwrap();
        append(&mut appender, 86_400, "3\n").await.unwrap();
        appender.segment_bytes = 2 * Member::pack(b"4\n").size();
        append(&mut appender, 86_401, "4\n").await.unwrap();
        append(&mut appender, 86_402, "5\n").await.unwrap();
        let path = root.path().to_owned();
        let found = spawn_blocking(move || segments(&path)).await.unwrap();
        let expected = [
            ("1970-01-01/00ff-000001.jsonl.gz", "1\n2\n"),
            ("1970-01-02/00ff-000002.jsonl.gz", "3\n4\n"),
            ("1970-01-02/00ff-000003.jsonl.gz", "5\n"),
        ];
        assert_eq!(found, named(&expected));
        let file = root
            .path()
            .join("default/cards/feedback/1970-01-01/00ff-000001.jsonl.gz");
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "texts of complaints are not for everybody");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_segment_that_failed_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        let mut appender = appender(root.path());
        append(&mut appender, 0, "1\n").await.unwrap();
        // The system refuses to write to this one, as to a full disk.
        segment(&mut appender).file = File::open("/dev/full").unwrap();
        let error = append(&mut appender, 1, "2\n").await.unwrap_err();
        assert!(error.to_string().contains("Check that its volume"), "{error}");
        append(&mut appender, 2, "3\n").await.unwrap();
        let path = root.path().to_owned();
        let found = spawn_blocking(move || segments(&path)).await.unwrap();
        let expected = [
            ("1970-01-01/00ff-000001.jsonl.gz", "1\n"),
            ("1970-01-01/00ff-000002.jsonl.gz", "3\n"),
        ];
        assert_eq!(found, named(&expected));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_that_is_missing_is_told_and_taken_when_it_is_back() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("store");
        std::fs::write(&place, "a file").unwrap();
        let mut appender = appender(&place);
        let error = append(&mut appender, 0, "1\n").await.unwrap_err();
        assert!(error.to_string().contains("making the directory"), "{error}");
        std::fs::remove_file(&place).unwrap();
        append(&mut appender, 0, "1\n").await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_volume_that_hangs_holds_one_thread() {
        let root = tempfile::tempdir().unwrap();
        let mut appender = appender(root.path());
        appender.limit = Duration::from_millis(50);
        append(&mut appender, 0, "1\n").await.unwrap();
        // Nobody reads from the pipe: a write of more than it holds waits.
        let (reader, writer) = std::io::pipe().unwrap();
        segment(&mut appender).file = std::os::fd::OwnedFd::from(writer).into();
        let long: String = (0..200_000_u64)
            .map(|n| format!("{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect();
        for _ in 0..3 {
            let error = append(&mut appender, 1, &long).await.unwrap_err();
            assert!(matches!(error.fault, Fault::TimedOut { .. }), "{error}");
            assert!(matches!(appender.place, OnVolume::Stuck(_)));
        }
        assert_eq!(appender.number, 1, "no other segment was begun");
        drop(reader);
        let OnVolume::Stuck(stuck) = &appender.place else {
            panic!("the append is not finished");
        };
        while !stuck.is_finished() {
            tokio::task::yield_now().await;
        }
        append(&mut appender, 2, "2\n").await.unwrap();
        assert_eq!(appender.number, 2);
    }
}
