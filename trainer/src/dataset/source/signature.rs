//! Recognises kinds of files by their first bytes. One table covers every file with a wrong name or packing.

/// A kind of bytes that is neither CSV nor JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// The kind, as the rest of a sentence.
    pub(super) name: &'static str,
    /// How to fix it, as a sentence without its full stop.
    pub(super) fix: &'static str,
    begins: &'static [u8],
    /// Offset of the signature.
    at: usize,
}

const fn kind(begins: &'static [u8], name: &'static str, fix: &'static str) -> Kind {
    Kind {
        name,
        fix,
        begins,
        at: 0,
    }
}

const REPACK: &str = "Unpack it, or pack it with gzip, zstd or zip";
const EXPORT: &str = "Export it as CSV or as one JSON object per line, in UTF-8";

pub(super) const GZIP: Kind = kind(b"\x1f\x8b", "a gzip file", "Name it with the suffix .gz, or unpack it");
pub(super) const ZSTANDARD: Kind = kind(
    b"\x28\xb5\x2f\xfd",
    "a Zstandard file",
    "Name it with the suffix .zst, or unpack it",
);
pub(super) const ZIP: Kind = kind(
    b"PK\x03\x04",
    "a ZIP archive",
    "Name it with the suffix .zip, or unpack it",
);
/// Archives that are workbooks. Their members distinguish them from other archives.
pub(super) const EXCEL: Kind = kind(
    b"PK\x03\x04",
    "an Excel workbook",
    "Save the sheet as CSV UTF-8, with commas between the fields",
);
pub(super) const OPEN_DOCUMENT: Kind = kind(
    b"PK\x03\x04",
    "an OpenDocument file",
    "Save the sheet as CSV in UTF-8, with commas between the fields",
);
pub(super) const WORD: Kind = kind(b"PK\x03\x04", "a Word document", EXPORT);

/// All kinds that are recognised.
const KINDS: [Kind; 23] = [
    GZIP,
    ZSTANDARD,
    ZIP,
    kind(b"PK\x05\x06", "an empty ZIP archive", "Pack the data set into it"),
    kind(b"\xfd7zXZ\x00", "an xz file", REPACK),
    kind(b"BZh", "a bzip2 file", REPACK),
    kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", REPACK),
    kind(b"Rar!\x1a\x07", "a RAR archive", REPACK),
    kind(b"\x04\x22\x4d\x18", "an LZ4 file", REPACK),
    kind(b"\x1f\x9d", "a file of compress", REPACK),
    kind(b"LZIP", "an lzip file", REPACK),
    kind(b"\xff\x06\x00\x00sNaPpY", "a Snappy file", REPACK),
    Kind {
        at: 257,
        ..kind(b"ustar", "a tar archive", "Give the one file in it")
    },
    kind(b"PAR1", "a Parquet file", EXPORT),
    kind(b"ORC\x00", "an ORC file", EXPORT),
    kind(b"Obj\x01", "an Avro file", EXPORT),
    kind(b"ARROW1", "an Arrow file", EXPORT),
    kind(b"FEA1", "a Feather file", EXPORT),
    kind(b"\x89HDF", "an HDF5 file", EXPORT),
    kind(b"SQLite format 3\x00", "an SQLite database", EXPORT),
    kind(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Excel workbook of before 2007, or another old Office document",
        "Save the sheet as CSV UTF-8, with commas between the fields",
    ),
    kind(b"%PDF-", "a PDF document", EXPORT),
    kind(b"\x80\x04\x95", "a Python pickle", EXPORT),
];

impl Kind {
    /// The kind of a file that begins with these bytes.
    pub(super) fn of(begin: &[u8]) -> Option<Self> {
        let mark = |kind: &Self| begin.get(kind.at..).is_some_and(|rest| rest.starts_with(kind.begins));
        // `BZh` may begin a text. In bzip2, a digit and the digits of π follow.
        let is_text = |kind: &Self| kind.begins == b"BZh" && begin.get(4..10) != Some(b"\x31\x41\x59\x26\x53\x59");
        let is_column = |kind: &Self| matches!(kind.begins, b"LZIP") && begin.get(4).is_none_or(|version| *version > 1);
        KINDS
            .into_iter()
            .find(|kind| mark(kind) && !is_text(kind) && !is_column(kind))
    }

    /// The kind of an archive by the names of its members.
    pub(super) fn of_members(mut names: impl Iterator<Item = impl AsRef<str>>) -> Option<Self> {
        names.find_map(|name| match name.as_ref() {
            name if name.starts_with("xl/") => Some(EXCEL),
            name if name.starts_with("word/") => Some(WORD),
            "mimetype" | "META-INF/manifest.xml" => Some(OPEN_DOCUMENT),
            _ => None,
        })
    }
}

/// An encoding that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    /// With a byte order mark.
    Utf16,
    Utf16LittleEndian,
    Utf16BigEndian,
    Utf32,
}

impl Wide {
    /// The encoding's name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf16 | Self::Utf16LittleEndian | Self::Utf16BigEndian => "UTF-16",
            Self::Utf32 => "UTF-32",
        }
    }

    /// The command that converts it.
    pub(super) fn fix(self) -> &'static str {
        match self {
            Self::Utf16 => "`iconv -f UTF-16 -t UTF-8`",
            Self::Utf16LittleEndian => {
                "`iconv -f UTF-16 -t UTF-8` (it has no byte order mark: if need be, `-f UTF-16LE`)"
            }
            Self::Utf16BigEndian => "`iconv -f UTF-16 -t UTF-8` (it has no byte order mark: if need be, `-f UTF-16BE`)",
            Self::Utf32 => "`iconv -f UTF-32 -t UTF-8`",
        }
    }

    /// The encoding of a text that begins with these bytes, by byte order mark or by the position of zeros: in UTF-16,
    /// every second byte of ASCII text is zero.
    pub(super) fn of(begin: &[u8]) -> Option<Self> {
        const ENOUGH: usize = 4;
        match begin {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some(Self::Utf32),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(Self::Utf16),
            _ => {}
        }
        let pairs = begin.len() / 2;
        let zeros = |offset: usize| begin.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
        let (first, second) = (zeros(0), zeros(1));
        match () {
            () if pairs < ENOUGH => None,
            () if 4 * second >= pairs && first == 0 => Some(Self::Utf16LittleEndian),
            () if 4 * first >= pairs && second == 0 => Some(Self::Utf16BigEndian),
            () if 4 * (first + second) >= 5 * pairs => Some(Self::Utf32),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let cases: [(&[u8], Option<&str>); 10] = [
            (b"\x1f\x8b\x08\x00", Some("a gzip file")),
            (b"PK\x03\x04\x14", Some("a ZIP archive")),
            (b"\xfd7zXZ\x00\x00", Some("an xz file")),
            (b"BZh91AY&SY", Some("a bzip2 file")),
            (b"BZhello,text", None),
            (b"7z\xbc\xaf\x27\x1c", Some("a 7z archive")),
            (b"PAR1\x15", Some("a Parquet file")),
            (b"id,text,label\n", None),
            (b"[{\"text\"", None),
            (b"", None),
        ];
        for (begin, name) in cases {
            assert_eq!(Kind::of(begin).map(|kind| kind.name), name, "{begin:?}");
        }
        let members = |names: &[&'static str]| Kind::of_members(names.iter().copied()).map(|kind| kind.name);
        assert_eq!(
            members(&["[Content_Types].xml", "xl/workbook.xml"]),
            Some("an Excel workbook")
        );
        assert_eq!(members(&["mimetype", "content.xml"]), Some("an OpenDocument file"));
        assert_eq!(members(&["complaints.csv"]), None);
    }

    #[test]
    fn wide_encodings_are_known_by_mark_or_zeros() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        let text = "id,text,label\n1,café,Card";
        assert_eq!(
            Wide::of(&wide(&format!("\u{feff}{text}"), u16::to_le_bytes)),
            Some(Wide::Utf16)
        );
        assert_eq!(Wide::of(&wide(text, u16::to_le_bytes)), Some(Wide::Utf16LittleEndian));
        assert_eq!(Wide::of(&wide(text, u16::to_be_bytes)), Some(Wide::Utf16BigEndian));
        let longest: Vec<u8> = text
            .chars()
            .flat_map(|letter| u32::from(letter).to_le_bytes())
            .collect();
        assert_eq!(Wide::of(&longest), Some(Wide::Utf32));
        assert_eq!(Wide::of(text.as_bytes()), None);
    }
}
