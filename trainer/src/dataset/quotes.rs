//! Checks the quotation marks of CSV strictly.
//!
//! The CSV reader accepts any input: if a closing quotation mark is missing, a text swallows the rows after it. So
//! every byte also passes a second, smaller reader that knows only fields and quotation marks (RFC 4180). It rejects
//! everything that would make rows disappear.

use std::cell::Cell;
use std::io::{self, Read};

use memchr::memchr3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a record. Empty lines are not records.
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    /// After a quotation mark inside a quoted field.
    QuoteInQuoted,
}

/// What is wrong with a quotation mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unquoted {
    /// The file ends inside a quoted field.
    Open,
    /// Text follows a field's closing quotation mark.
    Trailing,
    /// A semicolon, tab or vertical bar follows the closing quotation mark, in a file whose header has no comma.
    Delimiter(char),
}

/// The position of a reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of the record, from 1; 0 is the header.
    pub(super) row: u64,
    /// The line on which the record begins, from 1.
    pub(super) line: u64,
    /// The fault at this position.
    pub(super) fault: Option<Unquoted>,
}

/// Passes CSV on, and fails at a misplaced quotation mark.
pub(super) struct Quotes<'r> {
    inner: &'r mut dyn Read,
    position: &'r Cell<Position>,
    place: Place,
    line: u64,
    after_return: bool,
    /// Number of complete records.
    records: u64,
    begins: u64,
    /// Whether the header has a comma between fields.
    has_commas: bool,
}

impl<'r> Quotes<'r> {
    /// Updates `position` while reading.
    pub(super) fn new(inner: &'r mut dyn Read, position: &'r Cell<Position>) -> Self {
        Self {
            inner,
            position,
            place: Place::RecordStart,
            line: 1,
            after_return: false,
            records: 0,
            begins: 1,
            has_commas: false,
        }
    }

    fn push_all(&mut self, mut bytes: &[u8]) -> Result<(), Unquoted> {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = rest;
            if self.place == Place::Quoted && !matches!(first, b'"' | b'\n' | b'\r') {
                // Most of a file is text in quotation marks.
                let notable = memchr3(b'"', b'\n', b'\r', rest);
                bytes = &rest[notable.unwrap_or(rest.len())..];
                self.after_return = false;
            } else {
                self.push(first)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, byte: u8) -> Result<(), Unquoted> {
        let ends_line = matches!(byte, b'\n' | b'\r');
        if self.place == Place::RecordStart && !ends_line {
            self.begins = self.line;
        }
        self.place = match (self.place, byte) {
            (Place::Quoted, b'"') => Place::QuoteInQuoted,
            (Place::Quoted, _) => Place::Quoted,
            (Place::QuoteInQuoted, b'"') => Place::Quoted,
            (Place::RecordStart, b'\n' | b'\r') => Place::RecordStart,
            (_, b'\n' | b'\r') => {
                self.records += 1;
                Place::RecordStart
            }
            (_, b',') => {
                self.has_commas |= self.records == 0;
                Place::FieldStart
            }
            (Place::RecordStart | Place::FieldStart, b'"') => Place::Quoted,
            (Place::QuoteInQuoted, b';' | b'\t' | b'|') if !self.has_commas => {
                return Err(Unquoted::Delimiter(char::from(byte)));
            }
            (Place::QuoteInQuoted, _) => return Err(Unquoted::Trailing),
            _ => Place::Plain,
        };
        if ends_line && !(byte == b'\n' && self.after_return) {
            self.line += 1;
        }
        self.after_return = byte == b'\r';
        Ok(())
    }

    fn tell(&self, fault: Option<Unquoted>) {
        self.position.set(Position {
            row: self.records,
            line: self.begins,
            fault,
        });
    }
}

impl Read for Quotes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|_| self.tell(None))?;
        let checked = match read {
            0 if self.place == Place::Quoted && !buffer.is_empty() => Err(Unquoted::Open),
            _ => self.push_all(&buffer[..read]),
        };
        checked.map_err(|fault| {
            self.tell(Some(fault));
            io::Error::new(io::ErrorKind::InvalidData, "a quotation mark is missing")
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(), Position> {
        let all = read_in_pieces(text, usize::MAX);
        for most in [1, 2, 3, 7] {
            assert_eq!(read_in_pieces(text, most), all, "{text} in pieces of {most}");
        }
        all
    }

    fn read_in_pieces(text: &str, most: usize) -> Result<(), Position> {
        let position = Cell::new(Position::default());
        let mut bytes = text.as_bytes();
        let mut quotes = Quotes::new(&mut bytes, &position);
        let mut piece = vec![0; most.min(text.len() + 1)];
        loop {
            match quotes.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(position.get()),
            }
        }
    }

    #[test]
    fn marks_are_where_they_may_be() {
        for good in [
            "a,b\n1,\"x\"\n",
            "a,b\r\n\"1\",\"x, \"\"y\"\"\nz\"",
            "a\n\n\n\"\"\n",
            "a,b\n5' 6\" tall,x\n",
            "",
        ] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
        let fault = |row, line, fault| {
            Err(Position {
                row,
                line,
                fault: Some(fault),
            })
        };
        assert_eq!(read("a,b\n1,\"x\n2,y\n"), fault(1, 2, Unquoted::Open));
        assert_eq!(
            read("a,b\r\n\r\n1,\"x\ny\"\r\n2,\"x\r\n3,\"y\"\r\n"),
            fault(2, 5, Unquoted::Trailing)
        );
        assert_eq!(read("a,b\n1,\"x \"y\" z\"\n"), fault(1, 2, Unquoted::Trailing));
        assert_eq!(read("a,\"b\n"), fault(0, 1, Unquoted::Open));
        assert_eq!(read("a;b\n\"1\";\"x\"\n"), fault(1, 2, Unquoted::Delimiter(';')));
        assert_eq!(read("a,b\n1,\"x \"y\"; z\"\n"), fault(1, 2, Unquoted::Trailing));
    }
}
