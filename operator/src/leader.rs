//! Leader election by a Lease.
//!
//! The Lease is replaced with its resourceVersion, so that of two candidates one gets a conflict and yields. A leader that
//! can't renew in time ends the process: a successor may already be at work.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};

/// Who competes for which Lease.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// This candidate, unique among all: see [`identity`].
    pub identity: String,
    /// How long a leader that went silent is still taken for alive.
    pub lease_duration: Duration,
    /// How often the leader renews.
    pub renew_period: Duration,
    /// How often the others look: a lease that is given up is taken that late.
    pub retry_period: Duration,
}

/// The identity of this process: the pod's name, or the host's, with a random part. A container that is started again under
/// the same name is another candidate: its predecessor may still be at work.
pub fn identity(name: Option<String>) -> String {
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "process".into());
    format!("{name}_{:016x}", crate::client::random())
}

/// Whether this candidate may lead now.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    /// Held by us: renew.
    Renew,
    /// Free or expired: take it.
    Take,
    /// Held by somebody else.
    Wait,
}

/// What to do about a Lease last seen changed at `changed` (by this process's own clock, as clocks of nodes differ).
fn claim(spec: &LeaseSpec, identity: &str, changed: Timestamp, now: Timestamp) -> Claim {
    match spec.holder_identity.as_deref() {
        None | Some("") => Claim::Take,
        Some(holder) if holder == identity => Claim::Renew,
        Some(_) => {
            let duration = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(15).into());
            if now.duration_since(changed) > duration {
                Claim::Take
            } else {
                Claim::Wait
            }
        }
    }
}

impl Election {
    /// Waits until this candidate leads.
    ///
    /// # Errors
    /// When a permission is missing. An API server that is away is waited for.
    pub async fn acquire(&self, client: &Client) -> anyhow::Result<()> {
        let mut observed: Option<(LeaseSpec, Timestamp)> = None;
        loop {
            match self.try_in_time(client, &mut observed).await {
                Ok(true) => {
                    tracing::info!(identity = self.identity, lease = self.name, "leading");
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) if is_forbidden(&error) => return Err(error),
                Err(error) => tracing::warn!(%error, "the lease can't be read; trying again"),
            }
            tokio::time::sleep(self.retry_period).await;
        }
    }

    /// Renews until that fails for longer than the lease lasts; then returns the reason. Never returns while leading.
    pub async fn hold(&self, client: &Client) -> anyhow::Error {
        let mut renewed = tokio::time::Instant::now();
        let mut observed = None;
        loop {
            tokio::time::sleep(self.renew_period).await;
            match self.try_in_time(client, &mut observed).await {
                Ok(true) => renewed = tokio::time::Instant::now(),
                Ok(false) => return anyhow::anyhow!("the lease {} was taken by another process", self.name),
                Err(error) if renewed.elapsed() > self.lease_duration * 2 / 3 => {
                    return error.context(format!("the lease {} could not be renewed in time", self.name));
                }
                Err(error) => tracing::warn!(%error, "the lease could not be renewed; trying again"),
            }
        }
    }

    /// Gives the lease up, so that a successor need not wait for it to expire. To be called when nothing works any more that
    /// only a leader may do.
    pub async fn release(&self, client: &Client) {
        if tokio::time::timeout(self.lease_duration / 3, self.give_up(client))
            .await
            .is_err()
        {
            tracing::warn!("the lease could not be released in time; it expires by itself");
        }
    }

    async fn give_up(&self, client: &Client) {
        let api = Api::<Lease>::namespaced(client.clone(), &self.namespace);
        let Ok(mut lease) = api.get(&self.name).await else {
            return;
        };
        let Some(spec) = lease.spec.as_mut() else { return };
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = Some(String::new());
            if let Err(error) = api.replace(&self.name, &PostParams::default(), &lease).await {
                tracing::warn!(%error, "the lease could not be released; it expires by itself");
            }
        }
    }

    /// A connection that hangs must not hide that the lease runs out.
    async fn try_in_time(
        &self,
        client: &Client,
        observed: &mut Option<(LeaseSpec, Timestamp)>,
    ) -> anyhow::Result<bool> {
        match tokio::time::timeout(self.lease_duration / 3, self.try_once(client, observed)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("the API server did not answer in time")),
        }
    }

    async fn try_once(&self, client: &Client, observed: &mut Option<(LeaseSpec, Timestamp)>) -> anyhow::Result<bool> {
        let api = Api::<Lease>::namespaced(client.clone(), &self.namespace);
        let now = Timestamp::now();
        let written = match api.get_opt(&self.name).await? {
            None => {
                api.create(&PostParams::default(), &self.lease(ObjectMeta::default(), None, now))
                    .await
            }
            Some(lease) => {
                let spec = lease.spec.clone().unwrap_or_default();
                let changed = match observed {
                    Some((seen, at)) if *seen == spec => *at,
                    _ => observed.insert((spec.clone(), now)).1,
                };
                match claim(&spec, &self.identity, changed, now) {
                    Claim::Wait => return Ok(false),
                    Claim::Renew | Claim::Take => {
                        let next = self.lease(lease.metadata, Some(&spec), now);
                        api.replace(&self.name, &PostParams::default(), &next).await
                    }
                }
            }
        };
        match written {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn lease(&self, mut metadata: ObjectMeta, before: Option<&LeaseSpec>, now: Timestamp) -> Lease {
        metadata.name = Some(self.name.clone());
        metadata.managed_fields = None;
        let ours = before.filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: Some(i32::try_from(self.lease_duration.as_secs()).unwrap_or(i32::MAX)),
                acquire_time: ours.and_then(|spec| spec.acquire_time.clone()).or(Some(MicroTime(now))),
                renew_time: Some(MicroTime(now)),
                lease_transitions: Some(if ours.is_some() { transitions } else { transitions + 1 }),
                ..LeaseSpec::default()
            }),
        }
    }
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    let status = error.downcast_ref::<kube::Error>();
    matches!(status, Some(kube::Error::Api(status)) if [401, 403].contains(&status.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn processes_of_one_name_are_different_candidates() {
        let name = || Some("complaint-operator-0".to_owned());
        assert_ne!(identity(name()), identity(name()));
        assert!(identity(name()).starts_with("complaint-operator-0_"));
        assert!(identity(None).starts_with("process_"));
    }

    #[test]
    fn a_lease_is_taken_only_when_free_or_silent_for_its_whole_duration() {
        let at = |second| Timestamp::from_second(second).expect("a valid time");
        let cases = [
            (held_by("me"), 100, Claim::Renew),
            (held_by(""), 100, Claim::Take),
            (LeaseSpec::default(), 100, Claim::Take),
            (held_by("other"), 115, Claim::Wait),
            (held_by("other"), 116, Claim::Take),
        ];
        for (spec, now, expected) in cases {
            assert_eq!(claim(&spec, "me", at(100), at(now)), expected, "{spec:?} at {now}");
        }
    }
}
