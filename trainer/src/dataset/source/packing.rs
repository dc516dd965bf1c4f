//! Compression, by the file's suffix.

use std::io::{Read, Seek};
use std::path::Path;

/// How the bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstandard,
    Zip,
}

impl Packing {
    pub(super) fn of(name: &str) -> Self {
        let suffix = Path::new(name)
            .extension()
            .and_then(|suffix| suffix.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        match suffix.as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstandard,
            "zip" => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// The one member with data: the first CSV or JSON, or the only file.
pub(super) fn data_member<R: Read + Seek>(archive: &mut zip::ZipArchive<R>) -> Result<usize, String> {
    let name = |index: usize| {
        archive
            .name_for_index(index)
            .and_then(Result::ok)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let files: Vec<usize> = (0..archive.len())
        .filter(|&index| !name(index).ends_with('/'))
        .collect();
    let is_data = |index: &usize| {
        let name = name(*index);
        !name.starts_with("__macosx/")
            && [".csv", ".json", ".jsonl", ".ndjson"]
                .iter()
                .any(|suffix| name.ends_with(suffix))
    };
    match (files.iter().copied().find(is_data), files.as_slice()) {
        (Some(index), _) => Ok(index),
        (None, [only]) => Ok(*only),
        (None, _) => Err("the archive has no .csv, .json or .jsonl file".into()),
    }
}
