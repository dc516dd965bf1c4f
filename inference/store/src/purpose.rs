//! The purpose of a transfer decides which variables are read and which settings messages name.

use crate::address::Provider;

/// The purpose of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Training data. Reads the variables of the providers' own tools.
    DataSet,
    /// Models and their reports. Reads the variables that begin with `STORE_` if there are any, otherwise those of the
    /// providers' own tools.
    Artifacts,
}

impl Purpose {
    /// How to give access to a bucket.
    pub(crate) fn credentials(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Artifacts, _) => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 Secret that the ComplaintClassifier names in artifacts.secretRef, and check that these keys, or the pod's \
                 identity, may read and write the bucket"
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

    /// How to give access to a web address.
    pub(crate) fn login(self) -> &'static str {
        match self {
            Self::DataSet => "Use an address that needs no login, or a signed one",
            Self::Artifacts => "Use a public address, or s3:// with keys",
        }
    }
}
