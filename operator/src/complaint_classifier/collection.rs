//! What server pods need to collect corrections and answers: arguments, a mount that they may write to, and the tokens.

use complaint_api::{CaptureMode, ComplaintClassifier};
use k8s_openapi::api::core::v1::{Volume, VolumeMount};
use kube::ResourceExt;

use crate::{secret_file::SecretFile, store::Store};

const TOKEN_VOLUME: &str = "feedback-token";
const TOKEN_DIRECTORY: &str = "/etc/complaint-feedback";

/// What is added to the pods of a classifier.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    /// Whether the pods write to the store.
    pub(crate) writes: bool,
    pub(crate) args: Vec<String>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) mounts: Vec<VolumeMount>,
}

impl Collection {
    /// What `spec.serving` asks for: nothing by default.
    pub(crate) fn of(classifier: &ComplaintClassifier, store: &Store) -> Self {
        let serving = &classifier.spec.serving;
        let capture = serving
            .capture
            .as_ref()
            .filter(|capture| capture.mode != CaptureMode::Disabled);
        let mut collection = Self {
            writes: serving.feedback.is_some() || capture.is_some(),
            ..Self::default()
        };
        if !collection.writes {
            return collection;
        }
        let folder = format!(
            "{}/{}",
            classifier.namespace().unwrap_or_default(),
            classifier.name_any()
        );
        collection.add("--store", &store.writable_at(&folder));
        collection.mounts.extend(store.writable_mount(&folder));
        if let Some(feedback) = &serving.feedback {
            let tokens = SecretFile::new(TOKEN_VOLUME, TOKEN_DIRECTORY, &feedback.token_secret_ref);
            collection.add("--feedback-token-file", &tokens.path);
            collection.add("--feedback-random-share", &feedback.random_share.to_string());
            if feedback.allow_new_categories {
                collection.args.push("--feedback-new-categories".into());
            }
            collection.volumes.push(tokens.volume);
            collection.mounts.push(tokens.mount);
        }
        if let Some(capture) = capture {
            let drawn = serving.feedback.as_ref().map_or(0.0, |feedback| feedback.random_share);
            let default = if capture.mode == CaptureMode::All { 1.0 } else { drawn };
            collection.add("--capture", capture.mode.as_str());
            collection.add("--capture-share", &capture.share.unwrap_or(default).to_string());
            collection.add("--capture-max-bytes-per-day", &capture.max_bytes_per_day.to_string());
        }
        collection
    }

    fn add(&mut self, option: &str, value: &str) {
        self.args.extend([option.to_owned(), value.to_owned()]);
    }
}
