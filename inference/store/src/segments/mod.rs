//! Segments: files of compressed rows that grow while a server runs ([`complaint_contract::segments`]).
//!
//! A segment is a sequence of gzip members, each with whole JSON lines. [`Appender`] writes them. A process that is killed
//! leaves a torn member at the end at worst, and nobody was told that its rows are kept. [`members`] and [`members_of`] read up to it.

mod append;
mod read;

pub use append::{Appender, Member};
pub use read::{Members, members, members_of};

/// Most bytes of a member, unpacked.
pub const MEMBER_BYTES: usize = 64 << 20;
