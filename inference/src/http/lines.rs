//! Splits a byte stream that arrives in arbitrary pieces into lines.

use bytes::{Buf, Bytes, BytesMut};

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The complete line.
    Whole(Bytes),
    /// The line exceeded the limit and was dropped.
    TooLong,
    /// There was no memory for the line, so it was dropped ([`Lines::refuse`]).
    Refused,
}

/// Splits pieces into lines. Keeps at most one unfinished line of `limit` bytes, in addition to the last piece.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    /// The unfinished line from earlier pieces.
    begun: BytesMut,
    /// The bytes that are not split yet.
    piece: Bytes,
    /// The current line exceeds the limit. Everything up to its end is dropped.
    skipping: bool,
    /// The current line is skipped because there is no memory for it.
    refused: bool,
    /// No more pieces will follow. The rest is a line.
    finished: bool,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: BytesMut::new(),
            piece: Bytes::new(),
            skipping: false,
            refused: false,
            finished: false,
        }
    }

    /// Adds a piece. The caller must have taken all lines of the previous piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        debug_assert!(self.piece.is_empty(), "lines of the previous piece are still there");
        self.piece = piece;
    }

    /// Ends the input. The remaining bytes are the last line.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Length of the unfinished line that is kept.
    pub(super) fn begun(&self) -> usize {
        self.begun.len()
    }

    /// Drops the unfinished line, up to its end.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
        self.skipping = true;
        self.begun = BytesMut::new();
    }

    /// The next complete line.
    pub(super) fn next(&mut self) -> Option<Line> {
        let end = self.piece.iter().position(|&byte| byte == b'\n');
        let part = self.piece.split_to(end.unwrap_or(self.piece.len()));
        if self.skipping || self.begun.len() + part.len() > self.limit {
            self.skipping = true;
            self.begun.clear();
        }
        match end {
            Some(_) => {
                self.piece.advance(1);
                Some(self.take(part))
            }
            None => {
                if !self.skipping {
                    self.begun.extend_from_slice(&part);
                }
                let left = self.finished && (self.skipping || !self.begun.is_empty());
                left.then(|| self.take(Bytes::new()))
            }
        }
    }

    fn take(&mut self, part: Bytes) -> Line {
        let refused = std::mem::take(&mut self.refused);
        if std::mem::take(&mut self.skipping) {
            return if refused { Line::Refused } else { Line::TooLong };
        }
        if self.begun.is_empty() {
            return Line::Whole(part);
        }
        self.begun.extend_from_slice(&part);
        Line::Whole(self.begun.split().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(input: &[u8], piece: usize, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(limit);
        let mut out = Vec::new();
        for chunk in input.chunks(piece) {
            lines.push(Bytes::copy_from_slice(chunk));
            out.extend(std::iter::from_fn(|| lines.next()));
        }
        lines.finish();
        out.extend(std::iter::from_fn(|| lines.next()));
        out
    }

    #[test]
    fn pieces_do_not_matter() {
        let whole = |text: &'static str| Line::Whole(Bytes::from_static(text.as_bytes()));
        let input = b"a\n\nlonger than ten\nbc\nexactlyten\nlast";
        let expected = vec![
            whole("a"),
            whole(""),
            Line::TooLong,
            whole("bc"),
            whole("exactlyten"),
            whole("last"),
        ];
        for piece in 1..=input.len() {
            assert_eq!(split(input, piece, 10), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_refused_line_is_dropped_up_to_its_end() {
        let mut lines = Lines::new(10);
        lines.push(Bytes::from_static(b"abc"));
        assert_eq!((lines.next(), lines.begun()), (None, 3));
        lines.refuse();
        assert_eq!(lines.begun(), 0);
        lines.push(Bytes::from_static(b"def\nnext\n"));
        let rest: Vec<Line> = std::iter::from_fn(|| lines.next()).collect();
        assert_eq!(rest, [Line::Refused, Line::Whole(Bytes::from_static(b"next"))]);
    }

    #[test]
    fn an_end_of_line_at_the_end_starts_no_line() {
        assert_eq!(split(b"a\n", 5, 10).len(), 1);
        assert_eq!(split(b"", 5, 10), vec![]);
        assert_eq!(split(b"much too long", 3, 4), vec![Line::TooLong]);
    }
}
