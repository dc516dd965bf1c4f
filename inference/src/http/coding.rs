//! Decodes compressed request bodies (`content-encoding`) within the limits of uncompressed ones.

use std::io::{self, Read, Write};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write;

use super::error::ApiError;
use crate::core::memory::{Held, Memory};
use crate::core::refusal::shorten;

/// The supported codings, for the header `accept-encoding` of a refusal.
pub(super) const SUPPORTED: HeaderValue = HeaderValue::from_static("gzip, deflate");

/// A body's coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without the wrapper, which some clients send under the same name.
    Deflate,
}

impl Coding {
    /// The coding of a request's body. `None` if it is not compressed.
    ///
    /// # Errors
    /// [`ApiError::UnsupportedContentEncoding`] for any other coding, and for more than one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(first) = codings.next() else {
            return Ok(None);
        };
        let found = first.to_str().unwrap_or("?").trim().to_ascii_lowercase();
        match (found.as_str(), codings.next()) {
            ("" | "identity", None) => Ok(None),
            ("gzip" | "x-gzip", None) => Ok(Some(Self::Gzip)),
            ("deflate", None) => Ok(Some(Self::Deflate)),
            _ => Err(ApiError::UnsupportedContentEncoding { found: shorten(&found) }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// Decodes a whole body to at most `limit` bytes. `held` grows with the decoded bytes.
    ///
    /// # Errors
    /// If the decoded body is too large, the body is damaged, or other requests hold too much memory.
    pub(super) fn decode(self, body: &[u8], limit: usize, memory: &Memory, held: &mut Held) -> Result<Bytes, ApiError> {
        match self {
            Self::Gzip => self.read(MultiGzDecoder::new(body), body.len(), limit, memory, held),
            Self::Deflate if has_zlib_header(body) => {
                self.read(ZlibDecoder::new(body), body.len(), limit, memory, held)
            }
            Self::Deflate => self.read(DeflateDecoder::new(body), body.len(), limit, memory, held),
        }
    }

    fn read(
        self,
        mut decoder: impl Read,
        encoded: usize,
        limit: usize,
        memory: &Memory,
        held: &mut Held,
    ) -> Result<Bytes, ApiError> {
        const PIECE: usize = 16 << 10;
        let mut decoded = vec![0; PIECE.min(limit + 1)];
        let mut length = 0;
        loop {
            match decoder.read(&mut decoded[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.damaged()),
            }
            if length > limit {
                return Err(ApiError::BodyTooLarge { limit });
            }
            if length == decoded.len() {
                let room = (length * 2).min(limit + 1);
                memory.grow(held, encoded + room)?;
                decoded.resize(room, 0);
            }
        }
        decoded.truncate(length);
        Ok(decoded.into())
    }

    fn damaged(self) -> ApiError {
        let name = self.name();
        ApiError::InvalidRequest(format!(
            "the body can't be decoded as {name}: it is damaged or cut off. Send it whole, or without content-encoding"
        ))
    }
}

/// Whether a `deflate` body has the header of RFC 1950: its first two bytes, as one number, are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(*body, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(first) << 8 | u16::from(second)).is_multiple_of(31))
}

/// Decodes a body in pieces.
pub(super) struct Decoder {
    coding: Coding,
    state: State,
}

enum State {
    Gzip(write::MultiGzDecoder<Vec<u8>>),
    Zlib(write::ZlibDecoder<Vec<u8>>),
    Raw(write::DeflateDecoder<Vec<u8>>),
    /// `deflate`: the first byte, which is not enough to recognise the format.
    Undecided(Vec<u8>),
}

impl Decoder {
    /// How many bytes to decode at once. They can decode to a thousand times as many.
    pub(super) const PIECE: usize = 64;

    pub(super) fn new(coding: Coding) -> Self {
        let state = match coding {
            Coding::Gzip => State::Gzip(write::MultiGzDecoder::new(Vec::new())),
            Coding::Deflate => State::Undecided(Vec::new()),
        };
        Self { coding, state }
    }

    /// Decodes one piece.
    ///
    /// # Errors
    /// If the body is damaged.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Bytes, ApiError> {
        let decoded = match &mut self.state {
            State::Undecided(start) => {
                start.extend_from_slice(piece);
                if start.len() < 2 {
                    return Ok(Bytes::new());
                }
                let start = std::mem::take(start);
                self.state = if has_zlib_header(&start) {
                    State::Zlib(write::ZlibDecoder::new(Vec::new()))
                } else {
                    State::Raw(write::DeflateDecoder::new(Vec::new()))
                };
                return self.push(&start);
            }
            State::Gzip(decoder) => decode_piece(decoder, write::MultiGzDecoder::get_mut, piece),
            State::Zlib(decoder) => decode_piece(decoder, write::ZlibDecoder::get_mut, piece),
            State::Raw(decoder) => decode_piece(decoder, write::DeflateDecoder::get_mut, piece),
        };
        decoded.map_err(|_| self.coding.damaged())
    }

    /// Ends the body and returns the rest of the decoded bytes.
    ///
    /// # Errors
    /// If the body is truncated.
    pub(super) fn finish(&mut self) -> Result<Bytes, ApiError> {
        let (ended, rest) = match &mut self.state {
            State::Gzip(decoder) => (decoder.try_finish(), std::mem::take(decoder.get_mut())),
            State::Zlib(decoder) => (decoder.try_finish(), std::mem::take(decoder.get_mut())),
            State::Raw(decoder) => (decoder.try_finish(), std::mem::take(decoder.get_mut())),
            State::Undecided(_) => (Err(io::ErrorKind::UnexpectedEof.into()), Vec::new()),
        };
        ended.map_err(|_| self.coding.damaged())?;
        Ok(rest.into())
    }
}

fn decode_piece<D: Write>(decoder: &mut D, output: fn(&mut D) -> &mut Vec<u8>, piece: &[u8]) -> io::Result<Bytes> {
    decoder.write_all(piece)?;
    decoder.flush()?;
    Ok(std::mem::take(output(decoder)).into())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = write::DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(coding: Coding, body: &[u8], limit: usize) -> Result<Bytes, ApiError> {
        coding.decode(body, limit, &Memory::new(1 << 30), &mut Held::default())
    }

    fn in_pieces(coding: Coding, body: &[u8], size: usize) -> Result<Vec<u8>, ApiError> {
        let mut decoder = Decoder::new(coding);
        let mut decoded = Vec::new();
        for piece in body.chunks(size) {
            decoded.extend_from_slice(&decoder.push(piece)?);
        }
        decoded.extend_from_slice(&decoder.finish()?);
        Ok(decoded)
    }

    fn cases(text: &[u8]) -> [(Coding, Vec<u8>); 4] {
        let (first, second) = text.split_at(text.len() / 2);
        [
            (Coding::Gzip, gzip(text)),
            (Coding::Gzip, [gzip(first), gzip(second)].concat()),
            (Coding::Deflate, zlib(text)),
            (Coding::Deflate, raw(text)),
        ]
    }

    #[test]
    fn every_coding_is_decoded_whole_and_in_pieces() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (coding, body) in cases(&text) {
            assert_eq!(whole(coding, &body, text.len()).unwrap(), text, "{coding:?}");
            for size in [1, 64, 5_000] {
                assert_eq!(
                    in_pieces(coding, &body, size).unwrap(),
                    text,
                    "{coding:?} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        for (coding, body) in cases(&vec![b' '; 50_000_000]) {
            assert!(body.len() < 100_000);
            let error = whole(coding, &body, 1_000).unwrap_err();
            assert_eq!(error, ApiError::BodyTooLarge { limit: 1_000 });
            let mut decoder = Decoder::new(coding);
            let largest = body
                .chunks(Decoder::PIECE)
                .map(|piece| decoder.push(piece).unwrap().len())
                .max();
            assert!(largest < Some(200_000), "{coding:?}: {largest:?}");
        }
    }

    #[test]
    fn damaged_bodies_are_refused() {
        for (coding, body) in cases(b"{\"text\": \"my card was charged twice\"}") {
            let cut = &body[..body.len() - 3];
            for damaged in [cut, &body[..1], b"plain text"] {
                assert!(whole(coding, damaged, 1_000).is_err(), "{coding:?} {damaged:?}");
                assert!(in_pieces(coding, damaged, 7).is_err(), "{coding:?} {damaged:?}");
            }
        }
    }
}
