//! Reads bearer tokens from a file, for servers that other tenants can reach.
//!
//! The file has one token per line. Empty lines and lines that begin with `#` are ignored. The server reads the file
//! again when it changes, so a mounted Secret can be rotated: add the new token beside the old one, switch the clients,
//! remove the old one. If the file can't be read or has no token, the tokens from the last successful read stay valid.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use complaint_model::Sha256Digest;

/// How often to check the file's modification time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the tokens can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file can't be read.
    #[error("can't read the tokens in {path}: {source}. Check --token-file and that the secret is mounted")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has no token, so no client could make requests.
    #[error("{path} has no token. Put one token a line into it, or leave --token-file out")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The accepted tokens.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    /// Digests of the tokens, so that a comparison takes the same time whatever a client guesses.
    accepted: HashSet<Sha256Digest>,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// It can't be read, or has no token.
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        let changed = time_of_change(path);
        let current = Current {
            accepted: read(path)?,
            changed,
            looked: Instant::now(),
        };
        Ok(Self {
            path: path.to_owned(),
            current: Mutex::new(current),
        })
    }

    /// Whether to answer a request with this `Authorization` header.
    #[must_use]
    pub fn accept(&self, authorization: Option<&[u8]>) -> bool {
        let Some(token) = authorization.and_then(bearer) else {
            return false;
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= PATIENCE {
            self.refresh(&mut current);
        }
        current.accepted.contains(&Sha256Digest::of_bytes(token))
    }

    fn refresh(&self, current: &mut Current) {
        current.looked = Instant::now();
        let changed = time_of_change(&self.path);
        if changed == current.changed {
            return;
        }
        match read(&self.path) {
            Ok(accepted) => {
                tracing::info!(tokens = accepted.len(), "the token file has changed and was read again");
                current.accepted = accepted;
                current.changed = changed;
            }
            Err(error) => tracing::warn!(%error, "the token file can't be used; the tokens read before stay in force"),
        }
    }
}

fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

fn time_of_change(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn read(path: &Path) -> Result<HashSet<Sha256Digest>, TokensError> {
    let text = std::fs::read(path).map_err(|source| TokensError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let tokens: HashSet<_> = lines
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(Sha256Digest::of_bytes)
        .collect();
    if tokens.is_empty() {
        return Err(TokensError::Empty { path: path.to_owned() });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_pass() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# team a\nalpha\n\n  beta  \r\n").unwrap();
        let tokens = Tokens::read(file.path()).unwrap();
        for (header, accepted) in [
            (Some("Bearer alpha"), true),
            (Some("bearer  beta"), true),
            (Some("Bearer alph"), false),
            (Some("Bearer # team a"), false),
            (Some("Bearer "), false),
            (Some("Basic alpha"), false),
            (Some("alpha"), false),
            (None, false),
        ] {
            assert_eq!(tokens.accept(header.map(str::as_bytes)), accepted, "{header:?}");
        }
    }

    #[test]
    fn a_changed_file_counts_and_a_broken_one_does_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old").unwrap();
        let tokens = Tokens::read(file.path()).unwrap();
        let later = |seconds| SystemTime::now() + Duration::from_secs(seconds);
        let rewrite = |text: &str, time| {
            std::fs::write(file.path(), text).unwrap();
            file.as_file().set_modified(time).unwrap();
            tokens.refresh(&mut tokens.current.lock().unwrap());
        };
        rewrite("new", later(10));
        assert!(tokens.accept(Some(b"Bearer new")) && !tokens.accept(Some(b"Bearer old")));
        rewrite("", later(20));
        assert!(
            tokens.accept(Some(b"Bearer new")),
            "an empty file does not lock everybody out"
        );
        rewrite("newer", later(30));
        assert!(tokens.accept(Some(b"Bearer newer")));
    }

    #[test]
    fn a_file_without_tokens_is_refused_at_the_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# nothing\n").unwrap();
        assert!(matches!(Tokens::read(file.path()), Err(TokensError::Empty { .. })));
        assert!(matches!(
            Tokens::read(Path::new("/absent")),
            Err(TokensError::Unreadable { .. })
        ));
    }
}
