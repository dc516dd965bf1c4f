//! Reads segments.

use std::io::{BufRead, Read};

use flate2::bufread::GzDecoder;

use super::MEMBER_BYTES;

/// The whole members of a segment, in order, unpacked: an iterator over JSON lines, many at a time.
///
/// ```
/// # use std::io::Write;
/// # use flate2::{Compression, write::GzEncoder};
/// # let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
/// # packed.write_all(b"{\"text\": \"a\"}\n{\"text\": \"b\"}\n").unwrap();
/// # let mut segment = packed.finish().unwrap();
/// segment.extend(b"\x1f\x8b and no more");
/// let mut members = complaint_store::segments::members(&segment);
/// for member in &mut members {
///     let lines = member.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
///     assert_eq!(lines.count(), 2);
/// }
/// assert!(members.is_torn());
/// ```
#[derive(Debug)]
pub struct Members<R> {
    /// `None` at the end.
    rest: Option<R>,
    most: usize,
    is_torn: bool,
}

/// The members of a segment. Each has at most [`MEMBER_BYTES`]; a larger one counts as torn.
#[must_use]
pub fn members(segment: &[u8]) -> Members<&[u8]> {
    members_of(segment, MEMBER_BYTES)
}

/// The members of a segment that is read as it is unpacked, so that one member is in memory at a time. Each has at most `most` bytes;
/// a larger one counts as torn, and so does whatever can't be read.
pub fn members_of<R: BufRead>(segment: R, most: usize) -> Members<R> {
    Members {
        rest: Some(segment),
        most,
        is_torn: false,
    }
}

impl<R> Members<R> {
    /// Whether the members ended before the segment's bytes did: the rest is the beginning of a member, or damaged. Known
    /// when the iterator has ended.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }
}

impl<R: BufRead> Iterator for Members<R> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut rest = self.rest.take()?;
        match rest.fill_buf() {
            Ok([]) => return None,
            Ok(_) => {}
            Err(_) => {
                self.is_torn = true;
                return None;
            }
        }
        let mut member = GzDecoder::new(rest).take(self.most as u64 + 1);
        let mut lines = Vec::new();
        // The decoder compares length and checksum when the member ends.
        self.is_torn = member.read_to_end(&mut lines).is_err() || lines.len() > self.most;
        if self.is_torn {
            return None;
        }
        self.rest = Some(member.into_inner().into_inner());
        Some(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn member(lines: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(lines).unwrap();
        packed.finish().unwrap()
    }

    fn read(segment: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let mut members = members(segment);
        let whole = members.by_ref().collect();
        (whole, members.is_torn())
    }

    #[test]
    fn a_segment_is_read_up_to_the_tear() {
        let (first, second) = (member(b"1\n2\n"), member(b"3\n"));
        let both = [&first[..], &second[..]].concat();
        assert_eq!(read(b""), (vec![], false));
        assert_eq!(read(&both), (vec![b"1\n2\n".to_vec(), b"3\n".to_vec()], false));
        // Wherever the writing stopped, what was whole is kept.
        for length in 1..both.len() {
            let (whole, is_torn) = read(&both[..length]);
            let expected = usize::from(length >= first.len());
            assert_eq!((whole.len(), is_torn), (expected, length != first.len()), "{length}");
        }
        for garbage in [&b"\0\0\0\0"[..], b"{}\n", b"\x1f\x8b\x08", &second[..second.len() - 1]] {
            assert_eq!(
                read(&[&both[..], garbage].concat()),
                (vec![b"1\n2\n".to_vec(), b"3\n".to_vec()], true)
            );
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let (first, second) = (member(b"{\"text\":\"a\"}\n"), member(b"{\"text\":\"b\"}\n"));
        for place in 10..second.len() {
            let mut changed = second.clone();
            changed[place] ^= 0x40;
            let (whole, is_torn) = read(&[&first[..], &changed[..]].concat());
            // The last bits of a compressed byte may mean nothing.
            let is_same = whole.get(1).is_some_and(|lines| lines == b"{\"text\":\"b\"}\n");
            assert!(is_torn != is_same && whole.len() == 1 + usize::from(is_same), "{place}");
        }
    }

    #[test]
    fn a_member_that_would_fill_the_memory_is_not_unpacked() {
        let segment = member(&vec![b'a'; MEMBER_BYTES + 1]);
        assert!(segment.len() < 1 << 20);
        assert_eq!(read(&segment), (vec![], true));
        let small = member(b"1234\n");
        assert_eq!(members_of(&small[..], 5).count(), 1);
        let mut over = members_of(&small[..], 4);
        assert_eq!((over.next(), over.is_torn()), (None, true));
    }
}
