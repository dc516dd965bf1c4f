//! Container logs: one file per run with standard output and standard error, each line with its time.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::task::JoinHandle;

/// A longer line is split into several entries, as in container runtimes.
const LONGEST_LINE: u64 = 16 * 1024;

/// The log file of one run of a container.
#[derive(Clone)]
pub struct LogFile(Arc<Mutex<File>>);

impl LogFile {
    /// Creates the file and the directories above it.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        Ok(Self(Arc::new(Mutex::new(File::create(path)?))))
    }

    /// Copies a stream into the file, line by line, until it ends.
    pub fn copy(&self, stream: impl AsyncRead + Send + Unpin + 'static) -> JoinHandle<()> {
        let log = self.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            loop {
                line.clear();
                match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => log.write(&line),
                }
            }
        })
    }

    fn write(&self, line: &[u8]) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let mut entry = format!("{:.9} ", Timestamp::now()).into_bytes();
        entry.extend_from_slice(text);
        entry.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A full disk must not stop the container; its log then has a gap.
        let _ = file.write_all(&entry);
    }
}

/// The end of a log without times: at most `lines` lines and `bytes` bytes.
pub fn tail(path: &Path, lines: usize, bytes: usize) -> String {
    let content = std::fs::read(path).unwrap_or_default();
    let content = String::from_utf8_lossy(&content);
    let all: Vec<&str> = content
        .lines()
        .map(|line| line.split_once(' ').map_or(line, |(_, text)| text))
        .collect();
    let mut text = all[all.len().saturating_sub(lines)..].join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    let mut cut = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(cut) {
        cut += 1;
    }
    text.split_off(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_carry_their_time_and_a_last_line_without_an_end_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pod/main/0.log");
        let log = LogFile::create(&path).expect("a log");
        log.copy(&b"one\ntwo words\nthree"[..]).await.expect("copied");
        let content = std::fs::read_to_string(&path).expect("the log");
        let lines: Vec<(&str, &str)> = content.lines().filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(
            lines.iter().map(|(_, text)| *text).collect::<Vec<_>>(),
            ["one", "two words", "three"]
        );
        for (time, _) in lines {
            assert!(time.parse::<Timestamp>().is_ok(), "{time}");
            assert_eq!(time.len(), "2026-01-01T00:00:00.123456789Z".len(), "{time}");
        }
        assert_eq!(tail(&path, 2, 100), "two words\nthree\n");
        assert_eq!(tail(&path, 80, 6), "three\n");
    }
}
