//! Exit codes, and the error that a program reports.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The process's exit code for one kind of failure. The operator retries only [`ExitKind::Retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// 64, `EX_USAGE`: the configuration is invalid and would fail again.
    BadConfiguration,
    /// 65, `EX_DATAERR`: the data set or the model is invalid and would fail again.
    BadData,
    /// 1: a retry may succeed.
    Retry,
}

impl ExitKind {
    /// The kinds that are not retried.
    pub const FINAL: [Self; 2] = [Self::BadConfiguration, Self::BadData];

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::BadConfiguration => 64,
            Self::BadData => 65,
            Self::Retry => 1,
        }
    }
}

impl From<ExitKind> for ExitCode {
    fn from(kind: ExitKind) -> Self {
        Self::from(kind.code())
    }
}

/// What a program writes to its termination log when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// The failure.
    pub error: ProgramError,
}

/// Why a program failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramError {
    /// A CamelCase reason for programs: a [`TrainerReason`], a [`ServerReason`], or a reason of a newer version.
    pub reason: String,
    /// What went wrong and what to do.
    pub message: String,
}

impl ErrorEnvelope {
    /// The envelope of a failure.
    pub fn new(reason: &str, message: impl ToString) -> Self {
        Self {
            error: ProgramError {
                reason: reason.to_owned(),
                message: message.to_string(),
            },
        }
    }

    /// The termination message.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("two strings are JSON")
    }

    /// Reads the failure from a termination message; `None` if no program of the product wrote it.
    pub fn read(message: &str) -> Option<ProgramError> {
        serde_json::from_str::<Self>(message)
            .ok()
            .map(|envelope| envelope.error)
    }
}

/// Defines the reasons of a program and their exit codes.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $reason:ident => $exit:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$about])* $reason),+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$reason),+];

            /// The reason as it appears in messages, conditions and Events.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$reason => stringify!($reason)),+ }
            }

            /// The exit code's kind.
            pub const fn exit_kind(self) -> ExitKind {
                match self { $(Self::$reason => ExitKind::$exit),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why a training ended without a model.
    TrainerReason {
        /// The configuration is invalid.
        InvalidConfiguration => BadConfiguration,
        /// Too many trials failed.
        TrainingFailed => BadConfiguration,
        /// The store has an address that trainings may not reach.
        StoreOutOfReach => BadConfiguration,
        /// The data set does not exist.
        DatasetNotFound => BadData,
        /// The data set's server refuses the request or its credentials, or its address may not be reached.
        DatasetForbidden => BadData,
        /// The digest of the data set, or of the word vectors, is not the one in the configuration.
        DigestMismatch => BadData,
        /// The word vectors do not exist, or their server refuses the request or its credentials.
        WordVectorsNotFound => BadData,
        /// The file of word vectors can't be read as such.
        MalformedWordVectors => BadData,
        /// The data set is not the one that a version was trained on.
        DatasetChanged => BadData,
        /// The data set is not UTF-8.
        InvalidEncoding => BadData,
        /// The data set is not in its format.
        MalformedDataset => BadData,
        /// A column is missing in the data set.
        ColumnNotFound => BadData,
        /// The data set has no rows.
        EmptyDataset => BadData,
        /// Fewer than two labels remain.
        TooFewClasses => BadData,
        /// No row has both a text and a label.
        NoUsableRows => BadData,
        /// The model given to a command can't be read.
        ModelUnreadable => BadData,
        /// The model given to a command has no estimate or no held-out rows, without which it can't be adapted.
        NotAdaptable => BadData,
        /// The adapted model has a lower accuracy on the held-out rows than is allowed.
        AdaptationWorse => BadData,
        /// The model given to a command has no signature.
        SignatureMissing => BadData,
        /// The signature of the model given to a command does not hold.
        SignatureInvalid => BadData,
        /// The report of a version can't be read.
        ReportUnreadable => BadData,
        /// The store has no such result of a training.
        ResultNotFound => BadData,
        /// The store's record of promotions can't be read.
        PromotionsUnreadable => BadData,
        /// The store can't be changed with these credentials.
        StoreForbidden => BadData,
        /// The tracking server has an address that pods may not reach.
        TrackingOutOfReach => BadConfiguration,
        /// The tracking server refuses the credentials, or requires some.
        TrackingForbidden => BadData,
        /// The tracking server is older than MLflow 3.
        TrackingTooOld => BadData,
        /// The tracking server refuses a request, and would refuse it again.
        TrackingRefused => BadData,
        /// The files of an experiment do not go through the tracking server.
        ArtifactsNotProxied => BadData,
        /// The data set could not be fetched.
        DownloadFailed => Retry,
        /// The tracking server can't be reached.
        TrackingUnreachable => Retry,
        /// The tracking server fails, or gives no answer of MLflow's.
        TrackingFailed => Retry,
        /// The store could not be written.
        StoreUnavailable => Retry,
        /// The champion could not be read or scored.
        ChampionUnreadable => Retry,
        /// A bug in the trainer.
        Internal => Retry,
    }
}

reasons! {
    /// Why the server ended.
    ServerReason {
        /// The model's digest is not the one in the arguments.
        DigestMismatch => BadData,
        /// The model has a format that this server does not read.
        UnsupportedFormat => BadData,
        /// The model is damaged.
        CorruptArtifact => BadData,
        /// The model has no signature, and only signed ones are served.
        SignatureMissing => BadData,
        /// The model's signature does not hold.
        SignatureInvalid => BadData,
        /// The arguments are invalid.
        InvalidArguments => BadConfiguration,
        /// The arguments name categories that the model does not have.
        UnknownCategory => BadConfiguration,
        /// The model is larger than the arguments allow.
        ModelTooLarge => BadConfiguration,
        /// The model does not exist; its volume may not be ready yet.
        ModelNotFound => Retry,
        /// The model could not be fetched.
        ModelUnavailable => Retry,
        /// The file with the digest could not be read.
        DigestUnreadable => Retry,
        /// The address could not be bound.
        AddressUnavailable => Retry,
        /// The token file is invalid.
        InvalidTokens => Retry,
        /// A bug in the server.
        Internal => Retry,
    }
}

impl ServerReason {
    /// Whether a server that ends with this reason refuses its model for good.
    pub fn refuses_model(reason: &str) -> bool {
        let mut all = Self::ALL.iter();
        all.any(|known| known.as_str() == reason && known.exit_kind() == ExitKind::BadData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_names_every_reason() {
        let page = include_str!("../../../docs/contracts.md");
        let trainer = TrainerReason::ALL.iter().map(|reason| reason.as_str());
        let server = ServerReason::ALL.iter().map(|reason| reason.as_str());
        for reason in trainer.chain(server) {
            assert!(page.contains(&format!("`{reason}`")), "{reason}");
        }
    }

    #[test]
    fn the_envelope_is_read_as_it_was_written() {
        let envelope = ErrorEnvelope::new(TrainerReason::ColumnNotFound.as_str(), "no column `a`");
        let json = r#"{"error":{"reason":"ColumnNotFound","message":"no column `a`"}}"#;
        assert_eq!(envelope.to_json(), json);
        assert_eq!(ErrorEnvelope::read(json), Some(envelope.error));
        assert_eq!(ErrorEnvelope::read("Killed"), None);
    }
}
