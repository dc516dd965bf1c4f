//! Compression by the file's suffix, and the members of archives.

use std::io::{Read, Seek};
use std::path::Path;

use complaint_contract::DatasetFormat;
use zip::ZipArchive;

use super::signature::{GZIP, Kind, ZIP, ZSTANDARD};
use crate::config::format_of_suffix;

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

    /// The kind of files with this packing.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some(GZIP),
            Self::Zstandard => Some(ZSTANDARD),
            Self::Zip => Some(ZIP),
        }
    }
}

/// Maximum number of members in a message.
const LISTED: usize = 5;

/// The one member with data and the format that its suffix suggests.
///
/// # Errors
/// What is wrong with the archive: no data, more than one file with data, an encrypted file, or an unsupported
/// compression method.
pub(super) fn data_member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
) -> Result<(usize, Option<DatasetFormat>), String> {
    let names: Vec<String> = (0..archive.len())
        .map(|index| match archive.name_for_index(index) {
            Some(Ok(name)) => name.to_string(),
            _ => String::new(),
        })
        .collect();
    let files: Vec<usize> = (0..names.len())
        .filter(|&index| !is_left_behind(&names[index]))
        .collect();
    let format = |index: usize| format_of_suffix(&names[index]);
    let data: Vec<usize> = files.iter().copied().filter(|&index| format(index).is_some()).collect();
    let member = match (data.as_slice(), files.as_slice()) {
        ([one], _) | ([], [one]) => *one,
        ([], _) => return Err("the archive has no .csv, .json or .jsonl file. Pack the file to read alone".into()),
        (several, _) => {
            let mut listed: Vec<String> = several
                .iter()
                .take(LISTED)
                .map(|&index| names[index].escape_debug().to_string())
                .collect();
            if several.len() > LISTED {
                listed.push(format!("and {} more", several.len() - LISTED));
            }
            return Err(format!(
                "the archive has {} files with data: {}. Join them, or pack the one to read alone",
                several.len(),
                listed.join(", ")
            ));
        }
    };
    check_member(archive, member)?;
    Ok((member, format(member)))
}

/// Whether a member is a folder, or a file that an operating system adds to archives.
fn is_left_behind(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    file.is_empty() || file.starts_with('.') || file == "Thumbs.db" || name.starts_with("__MACOSX/")
}

/// The numbers of ZIP's methods, from its specification (APPNOTE 4.4.5).
const METHODS: [(u16, &str); 9] = [
    (1, "Shrink"),
    (6, "Implode"),
    (9, "Deflate64"),
    (12, "bzip2"),
    (14, "LZMA"),
    (93, "Zstandard"),
    (95, "xz"),
    (98, "PPMd"),
    (99, "AES"),
];

fn check_member<R: Read + Seek>(archive: &mut ZipArchive<R>, member: usize) -> Result<(), String> {
    let unreadable = |error: zip::result::ZipError| format!("its member can't be unpacked: {error}. Pack it again");
    let file = archive.by_index_raw(member).map_err(unreadable)?;
    if file.encrypted() {
        return Err("its member is encrypted. Pack it without a password".into());
    }
    #[allow(deprecated, reason = "the number of a method that is not compiled in")]
    let method = match file.compression() {
        zip::CompressionMethod::Unsupported(method) => method,
        _ => return Ok(()),
    };
    let name = METHODS
        .iter()
        .find(|(number, _)| *number == method)
        .map_or("unknown", |(_, name)| name);
    Err(format!(
        "zip method {method} ({name}) is not supported. Pack it with deflate, the default of most programs"
    ))
}
