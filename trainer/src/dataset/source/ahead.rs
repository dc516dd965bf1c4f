//! Unpacks on a thread of its own while the rows are read.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, sync_channel};

/// Bytes that are passed on together.
const CHUNK: u64 = 1 << 16;
/// Chunks that may wait for the reader.
const WAITING: usize = 16;

/// Calls `consume` with a reader of the bytes of `source`, which another thread reads ahead. An error of `source` follows the bytes
/// before it.
pub(super) fn read_ahead<T>(mut source: impl Read + Send, consume: impl FnOnce(&mut dyn Read) -> T) -> T {
    let (sender, chunks) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut ended = false;
            while !ended {
                let mut chunk = Vec::new();
                let error = source.by_ref().take(CHUNK).read_to_end(&mut chunk).err();
                ended = error.is_some() || chunk.is_empty();
                let results = [Some(Ok(chunk)), error.map(Err)];
                // Nobody receives once `consume` has ended.
                ended |= results.into_iter().flatten().any(|result| sender.send(result).is_err());
            }
        });
        consume(&mut Ahead {
            chunks,
            chunk: Cursor::default(),
        })
    })
}

/// The bytes that were read ahead.
struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Cursor<Vec<u8>>,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.position() == self.chunk.get_ref().len() as u64 {
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = Cursor::new(chunk?),
                Err(_) => return Ok(0),
            }
        }
        self.chunk.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives some bytes, and then an error.
    struct Failing(u64);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                0 => Err(io::Error::other("torn")),
                left => {
                    let count = buffer.len().min(left as usize);
                    buffer[..count].fill(7);
                    self.0 -= count as u64;
                    Ok(count)
                }
            }
        }
    }

    #[test]
    fn all_bytes_arrive() {
        for length in [0, 1, CHUNK as usize - 1, CHUNK as usize, 40 * CHUNK as usize + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut read = Vec::new();
            read_ahead(bytes.as_slice(), |ahead| ahead.read_to_end(&mut read)).unwrap();
            assert!(read == bytes, "{length}");
        }
    }

    #[test]
    fn an_error_follows_the_bytes_before_it() {
        let mut read = Vec::new();
        let error = read_ahead(Failing(3 * CHUNK + 9), |ahead| ahead.read_to_end(&mut read)).unwrap_err();
        assert_eq!(error.to_string(), "torn");
        assert_eq!(read.len() as u64, 3 * CHUNK + 9);
    }

    #[test]
    fn a_reader_may_stop_early() {
        let first = read_ahead(io::repeat(1), |ahead| {
            let mut first = [0; 3];
            ahead.read_exact(&mut first).map(|()| first)
        });
        assert_eq!(first.unwrap(), [1, 1, 1]);
    }
}
