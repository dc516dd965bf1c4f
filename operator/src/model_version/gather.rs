//! Reads the objects that a version's stage depends on.

use complaint_api::{ComplaintClassifier, ModelVersion};

use crate::{error::Error, object::Objects};

/// The cluster as this version sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The classifier that the version belongs to.
    pub(crate) classifier: Option<ComplaintClassifier>,
}

pub(crate) fn gather(version: &ModelVersion, objects: &Objects) -> Result<Seen, Error> {
    Ok(Seen {
        classifier: objects.cached(&version.spec.classifier_ref.name)?,
    })
}
