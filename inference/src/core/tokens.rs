//! Reads bearer tokens from a file, for servers that other tenants can reach.
//!
//! The file has one token per line. Empty lines and lines that begin with `#` are ignored. The server reads the file
//! again when it changes, so a mounted Secret can be rotated: add the new token beside the old one, switch the clients,
//! remove the old one. If the file can't be read or has no token, the tokens from the last successful read stay valid.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use complaint_model::Sha256Digest;

/// How often to check the file's modification time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the tokens can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file can't be read.
    #[error("can't read the tokens in {path}: {source}. Check {option} and that the secret is mounted")]
    Unreadable {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has no token, so no client could make requests.
    #[error("{path} has no token. Put one token a line into it, or leave {option} out")]
    Empty {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// The accepted tokens.
#[derive(Debug)]
pub struct Tokens {
    option: &'static str,
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
    /// Reads the file that `option` of the command line names.
    ///
    /// # Errors
    /// It can't be read, or has no token.
    pub fn read(path: &Path, option: &'static str) -> Result<Self, TokensError> {
        let changed = time_of_change(path);
        let accepted = read(path, option)?;
        Ok(Self::new(path, option, accepted, changed))
    }

    /// As [`read`](Self::read), for a file that may come later. Until then no token is accepted.
    #[must_use]
    pub fn await_file(path: &Path, option: &'static str) -> Self {
        Self::read(path, option).unwrap_or_else(|error| {
            tracing::warn!(%error, "nobody is let in until the token file is there");
            Self::new(path, option, HashSet::new(), None)
        })
    }

    fn new(path: &Path, option: &'static str, accepted: HashSet<Sha256Digest>, changed: Option<SystemTime>) -> Self {
        Self {
            option,
            path: path.to_owned(),
            current: Mutex::new(Current {
                accepted,
                changed,
                looked: Instant::now(),
            }),
        }
    }

    /// Whether to answer a request with this `Authorization` header.
    #[must_use]
    pub fn accept(&self, authorization: Option<&[u8]>) -> bool {
        authorization
            .and_then(bearer)
            .is_some_and(|token| self.accept_token(token))
    }

    /// Whether this is one of the tokens.
    #[must_use]
    pub fn accept_token(&self, token: &[u8]) -> bool {
        self.current().accepted.contains(&Sha256Digest::of_bytes(token))
    }

    /// Whether there is no token, so that nobody is let in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current().accepted.is_empty()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= PATIENCE {
            self.refresh(&mut current);
        }
        current
    }

    fn refresh(&self, current: &mut Current) {
        current.looked = Instant::now();
        let changed = time_of_change(&self.path);
        if changed == current.changed {
            return;
        }
        match read(&self.path, self.option) {
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

fn read(path: &Path, option: &'static str) -> Result<HashSet<Sha256Digest>, TokensError> {
    let text = std::fs::read(path).map_err(|source| TokensError::Unreadable {
        option,
        path: path.to_owned(),
        source,
    })?;
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let tokens: HashSet<_> = lines
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(Sha256Digest::of_bytes)
        .collect();
    if tokens.is_empty() {
        return Err(TokensError::Empty {
            option,
            path: path.to_owned(),
        });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: &str = "--token-file";

    #[test]
    fn only_whole_tokens_pass() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# team a\nalpha\n\n  beta  \r\n").unwrap();
        let tokens = Tokens::read(file.path(), OPTION).unwrap();
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
        let tokens = Tokens::read(file.path(), OPTION).unwrap();
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
        assert!(matches!(
            Tokens::read(file.path(), OPTION),
            Err(TokensError::Empty { .. })
        ));
        assert!(matches!(
            Tokens::read(Path::new("/absent"), OPTION),
            Err(TokensError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_file_may_come_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        let tokens = Tokens::await_file(&path, OPTION);
        assert!(tokens.is_empty() && !tokens.accept(Some(b"Bearer alpha")));
        std::fs::write(&path, "alpha").unwrap();
        tokens.refresh(&mut tokens.current.lock().unwrap());
        assert!(!tokens.is_empty() && tokens.accept(Some(b"Bearer alpha")));
    }
}
