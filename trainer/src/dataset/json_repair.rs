//! Repairs invalid JSON that Python and JavaScript write: `NaN`, `Infinity`, and halves of surrogate pairs.
//!
//! `NaN` and `Infinity` become `null`, as pandas reads them. Half of a pair becomes U+FFFD, as a decoder shows it.

use std::borrow::Cow;
use std::io::{self, Read};

/// U+FFFD, as JSON escapes it.
const REPLACEMENT: &[u8] = b"\\ufffd";
/// Length of the longest word of JSON with its sign, plus one.
const LONGEST_WORD: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Between strings.
    #[default]
    Outside,
    InString,
    /// After a backslash.
    Escape,
    /// Among the digits of `\uXXXX`.
    Digits,
}

/// Repairs JSON byte by byte.
#[derive(Debug, Default)]
struct Repair {
    place: Place,
    /// An incomplete word outside strings.
    word: Vec<u8>,
    /// The digits of an escape.
    digits: Vec<u8>,
    /// The first half of a pair, as it was written.
    half: Option<[u8; 6]>,
}

impl Repair {
    fn push(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.place {
            Place::Outside => self.outside(byte, out),
            Place::InString => self.in_string(byte, out),
            Place::Escape if byte == b'u' => self.place = Place::Digits,
            Place::Escape => {
                self.end_half(out);
                out.extend([b'\\', byte]);
                self.place = Place::InString;
            }
            Place::Digits if byte.is_ascii_hexdigit() => {
                self.digits.push(byte);
                if self.digits.len() == 4 {
                    self.end_escape(out);
                }
            }
            Place::Digits => {
                // This is not JSON; the parser reports it.
                self.end_half(out);
                out.extend(b"\\u");
                out.append(&mut self.digits);
                self.place = Place::InString;
                self.in_string(byte, out);
            }
        }
    }

    fn outside(&mut self, byte: u8, out: &mut Vec<u8>) {
        if (byte.is_ascii_alphabetic() || byte == b'-') && self.word.len() < LONGEST_WORD {
            self.word.push(byte);
            return;
        }
        self.end_word(out);
        out.push(byte);
        if byte == b'"' {
            self.place = Place::InString;
        }
    }

    fn in_string(&mut self, byte: u8, out: &mut Vec<u8>) {
        if byte == b'\\' {
            self.place = Place::Escape;
            return;
        }
        self.end_half(out);
        out.push(byte);
        if byte == b'"' {
            self.place = Place::Outside;
        }
    }

    fn end_escape(&mut self, out: &mut Vec<u8>) {
        let mut escape = *b"\\u0000";
        escape[2..].copy_from_slice(&self.digits);
        let text = std::str::from_utf8(&self.digits).unwrap_or_default();
        let unit = u16::from_str_radix(text, 16).unwrap_or_default();
        self.digits.clear();
        self.place = Place::InString;
        match (unit, self.half.take()) {
            (0xdc00..=0xdfff, Some(half)) => out.extend(half.into_iter().chain(escape)),
            (0xdc00..=0xdfff, None) => out.extend(REPLACEMENT),
            (0xd800..=0xdbff, before) => {
                if before.is_some() {
                    out.extend(REPLACEMENT);
                }
                self.half = Some(escape);
            }
            (_, before) => {
                if before.is_some() {
                    out.extend(REPLACEMENT);
                }
                out.extend(escape);
            }
        }
    }

    fn end_half(&mut self, out: &mut Vec<u8>) {
        if self.half.take().is_some() {
            out.extend(REPLACEMENT);
        }
    }

    fn end_word(&mut self, out: &mut Vec<u8>) {
        match self.word.as_slice() {
            b"NaN" | b"-NaN" | b"Infinity" | b"-Infinity" => {
                self.word.clear();
                out.extend(b"null");
            }
            _ => out.append(&mut self.word),
        }
    }

    /// Writes the bytes that are held back at the end.
    fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_word(out);
        self.end_half(out);
        match self.place {
            Place::Escape => out.push(b'\\'),
            Place::Digits => {
                out.extend(b"\\u");
                out.append(&mut self.digits);
            }
            Place::Outside | Place::InString => {}
        }
    }
}

/// Repairs a piece of JSON if necessary.
pub(super) fn repaired(json: &[u8]) -> Cow<'_, [u8]> {
    const SIGNS: [&str; 4] = ["NaN", "Infinity", "\\ud", "\\uD"];
    let is_plain = std::str::from_utf8(json).is_ok_and(|text| !SIGNS.iter().any(|sign| text.contains(sign)));
    if is_plain {
        return Cow::Borrowed(json);
    }
    let (mut repair, mut out) = (Repair::default(), Vec::with_capacity(json.len()));
    json.iter().for_each(|&byte| repair.push(byte, &mut out));
    repair.finish(&mut out);
    Cow::Owned(out)
}

/// A reader that repairs JSON.
pub(super) struct Repaired<R> {
    inner: R,
    repair: Repair,
    raw: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Repaired<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            repair: Repair::default(),
            raw: vec![0; 1 << 16],
            ready: Vec::new(),
            given: 0,
            ended: false,
        }
    }
}

impl<R: Read> Read for Repaired<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.ended {
            self.ready.clear();
            self.given = 0;
            let read = self.inner.read(&mut self.raw)?;
            for &byte in &self.raw[..read] {
                self.repair.push(byte, &mut self.ready);
            }
            if read == 0 {
                self.ended = true;
                self.repair.finish(&mut self.ready);
            }
        }
        let ready = &self.ready[self.given..];
        let given = ready.len().min(buffer.len());
        buffer[..given].copy_from_slice(&ready[..given]);
        self.given += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_becomes_json_and_all_else_stays() {
        let cases = [
            (
                r#"{"a": NaN, "b": [-Infinity,Infinity], "c": "NaN"}"#,
                r#"{"a": null, "b": [null,null], "c": "NaN"}"#,
            ),
            (r#"["\ud83d"]"#, r#"["\ufffd"]"#),
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (
                r#"["\ude00\ud83dx", "\uD83D\n\ud83d\u0041"]"#,
                r#"["\ufffd\ufffdx", "\ufffd\n\ufffd\u0041"]"#,
            ),
            (r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (
                r#"["\\ud83d", -1.5e-3, true, null, "NaN \"Infinity\""]"#,
                r#"["\\ud83d", -1.5e-3, true, null, "NaN \"Infinity\""]"#,
            ),
            (r#"["\ud8"#, r#"["\ud8"#),
            ("NaNNaN", "NaNNaN"),
        ];
        for (json, expected) in cases {
            assert_eq!(
                String::from_utf8(repaired(json.as_bytes()).into_owned()).unwrap(),
                expected
            );
            for size in [1, 3, 1000] {
                let mut reader = Repaired::new(json.as_bytes());
                let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
                loop {
                    match reader.read(&mut buffer).unwrap() {
                        0 => break,
                        read => all.extend(&buffer[..read]),
                    }
                }
                assert_eq!(String::from_utf8(all).unwrap(), expected, "{size} bytes at a time");
            }
        }
    }
}
