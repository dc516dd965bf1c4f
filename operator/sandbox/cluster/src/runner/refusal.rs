//! Containers that can't start: their status and retries.

use std::time::Duration;

use super::account::AccountError;
use super::container::{Attempts, One};
use super::image::NoProgram;
use super::launch::LaunchError;
use super::options::BackOff;
use super::status::waiting;
use crate::controllers::events::Notice;

/// Why a container does not start now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl One {
    /// Shows why the container does not start and waits before the next attempt.
    pub(super) async fn refuse(&self, refusal: Refusal, attempts: &mut Attempts) {
        let back_off = self.run.node.options.back_off;
        let message = refusal.to_string();
        if let Refusal::Launch(LaunchError::Program(NoProgram::Image { image, .. })) = &refusal {
            return self.refuse_image(image, message, attempts, back_off).await;
        }
        let reason = match refusal {
            Refusal::Launch(LaunchError::Program(_) | LaunchError::Directory { .. }) => "CreateContainerError",
            _ => "CreateContainerConfigError",
        };
        self.change(|entry| entry.state = Some(waiting(reason, Some(message.clone()))));
        self.run.publish().await;
        self.tell(Notice::warning("Failed", format!("Error: {message}"))).await;
        self.run.pause(back_off.configuration).await;
    }

    async fn refuse_image(&self, image: &str, message: String, attempts: &mut Attempts, back_off: BackOff) {
        self.change(|entry| entry.state = Some(waiting("ErrImagePull", Some(message.clone()))));
        self.run.publish().await;
        self.tell(Notice::warning(
            "Failed",
            format!("Failed to pull image \"{image}\": {message}"),
        ))
        .await;
        self.tell(Notice::warning("Failed", "Error: ErrImagePull")).await;
        attempts.refusals = attempts.refusals.saturating_add(1);
        let delay = back_off.delay(attempts.refusals);
        let shown = Duration::from_millis(500).min(delay / 4);
        self.run.pause(shown).await;
        let text = format!("Back-off pulling image \"{image}\"");
        let waits = waiting("ImagePullBackOff", Some(format!("{text}: ErrImagePull: {message}")));
        self.change(|entry| entry.state = Some(waits));
        self.run.publish().await;
        self.tell(Notice::normal("BackOff", text)).await;
        self.run.pause(delay.saturating_sub(shown)).await;
    }
}
