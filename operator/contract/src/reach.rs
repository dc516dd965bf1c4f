//! Which addresses a download may reach.

use std::fmt;
use std::str::FromStr;

/// Which addresses the trainer may reach for data sets, models and stores that a user names.
///
/// In a cluster the user of a namespace chooses the address, and the pod stands in a network that the user does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// No redirect leads to another host, and no address of the machine itself, of its link or of a cloud's metadata service
    /// is used.
    #[default]
    SameHost,
    /// As [`SameHost`](Self::SameHost), but redirects may lead to other hosts.
    AnyHost,
    /// Everything: for a command line and for the sandbox.
    Anywhere,
}

impl Reach {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SameHost, Self::AnyHost, Self::Anywhere];

    /// The word in arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameHost => "same-host",
            Self::AnyHost => "any-host",
            Self::Anywhere => "anywhere",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|reach| reach.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
