//! The purpose of a transfer. It decides which variables are read and which settings messages name.

use complaint_contract::variables;

use crate::address::Provider;

/// The purpose of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Training data. Reads the variables of the providers' own tools.
    DataSet,
    /// Rows that are only used for evaluation. Reads the variables that begin with `HOLDOUT_` if there are any,
    /// otherwise those of the providers' own tools.
    Holdout,
    /// Word vectors for a training. Reads the variables that begin with `VECTORS_` if there are any, otherwise those of the
    /// providers' own tools.
    WordVectors,
    /// Models and their reports. Reads the variables that begin with `STORE_` if there are any, otherwise those of the
    /// providers' own tools.
    Artifacts,
}

impl Purpose {
    /// The prefix of this purpose's own variables.
    pub(crate) fn prefix(self) -> Option<&'static str> {
        match self {
            Self::DataSet => None,
            Self::Holdout => Some(variables::HOLDOUT),
            Self::WordVectors => Some(variables::WORD_VECTORS),
            Self::Artifacts => Some(variables::STORE),
        }
    }

    /// How to give access to a bucket.
    pub(crate) fn credentials(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Artifacts, _) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 Secret that the ComplaintClassifier names in artifacts.secretRef, and check that these keys, or the pod's \
                 identity, may read and write the bucket"
            }
            (Self::Holdout, Provider::S3) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 Secret that the ComplaintClassifier names in evaluation.holdout.source.secretRef, or with the prefix HOLDOUT_ in \
                 the environment; AWS_SKIP_SIGNATURE=true for a public bucket"
            }
            (Self::Holdout, Provider::GoogleCloud) => {
                "Set GOOGLE_SERVICE_ACCOUNT_KEY to the account's JSON key in the Secret that the ComplaintClassifier names in \
                 evaluation.holdout.source.secretRef, or with the prefix HOLDOUT_ in the environment; GOOGLE_SKIP_SIGNATURE=true \
                 for a public bucket"
            }
            (Self::Holdout, Provider::Azure) => {
                "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_TOKEN) in the Secret that the \
                 ComplaintClassifier names in evaluation.holdout.source.secretRef, or with the prefix HOLDOUT_ in the \
                 environment; AZURE_SKIP_SIGNATURE=true for a public container"
            }
            (Self::WordVectors, Provider::S3) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 Secret that the TrainingRun names in features.wordVectors.source.secretRef, or with the prefix VECTORS_ in the \
                 environment; AWS_SKIP_SIGNATURE=true for a public bucket"
            }
            (Self::WordVectors, Provider::GoogleCloud) => {
                "Set GOOGLE_SERVICE_ACCOUNT_KEY to the account's JSON key in the Secret that the TrainingRun names in \
                 features.wordVectors.source.secretRef, or with the prefix VECTORS_ in the environment; GOOGLE_SKIP_SIGNATURE=true \
                 for a public bucket"
            }
            (Self::WordVectors, Provider::Azure) => {
                "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_TOKEN) in the Secret that the \
                 TrainingRun names in features.wordVectors.source.secretRef, or with the prefix VECTORS_ in the environment; \
                 AZURE_SKIP_SIGNATURE=true for a public container"
            }
            (Self::DataSet, Provider::S3) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 environment, in a TrainingRun through dataset.source.secretRef; AWS_SKIP_SIGNATURE=true for a public bucket"
            }
            (Self::DataSet, Provider::GoogleCloud) => {
                "Set GOOGLE_SERVICE_ACCOUNT_KEY to the account's JSON key in the environment, in a TrainingRun through \
                 dataset.source.secretRef; GOOGLE_SKIP_SIGNATURE=true for a public bucket"
            }
            (Self::DataSet, Provider::Azure) => {
                "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_TOKEN) in the environment, in a \
                 TrainingRun through dataset.source.secretRef; AZURE_SKIP_SIGNATURE=true for a public container"
            }
        }
    }

    /// How to fix a request that the server refuses.
    pub(crate) fn request(self) -> &'static str {
        match self {
            Self::DataSet => {
                "Check the address in dataset.source.uri, its query included: a download sends a GET request and no body"
            }
            Self::Holdout => {
                "Check the address in evaluation.holdout.source.uri, its query included: a download sends a GET request and no body"
            }
            Self::WordVectors => {
                "Check the address in features.wordVectors.source.uri, its query included: a download sends a GET request and no body"
            }
            Self::Artifacts => "Check the address, its query included: a download sends a GET request and no body",
        }
    }

    /// How to give access to a web address.
    pub(crate) fn login(self) -> &'static str {
        match self {
            Self::DataSet | Self::Holdout | Self::WordVectors => "Use an address that needs no login, or a signed one",
            Self::Artifacts => "Use a public address, or s3:// with keys",
        }
    }
}
