//! Reads the champion's pods.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use complaint_api::{ComplaintClassifier, Monitoring};
use complaint_contract::{
    Sha256Digest,
    statistics::{ReferenceProfile, SLOTS_PER_WINDOW, Sample, Statistics, paths},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{
    memory::Memory,
    pods::{Fault, Reader},
    window,
};
use crate::{
    complaint_classifier::{PORT, servers},
    error::Error,
    object::Objects,
    pod,
};

/// Pods that are read at once.
const AT_ONCE: usize = 8;
/// Most pods that are read.
const MOST: usize = 200;
/// Pods whose sample is read: more rows make no estimate better, and take memory.
const SAMPLED: usize = 4;

/// What a look at the pods shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// How many pods were read.
    pub(crate) read: usize,
    /// Those that could not be, by name: why, and where they are.
    pub(crate) faults: Vec<(String, Fault, String)>,
    /// Whether the model is known to have no reference profile.
    pub(crate) no_profile: bool,
    /// Whether a pod counts in windows of another length: the Deployment is about to change.
    pub(crate) other_window: bool,
}

pub(crate) async fn gather(
    classifier: &ComplaintClassifier,
    monitoring: &Monitoring,
    objects: &Objects,
    memory: &mut Memory,
    now: Timestamp,
) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let champion = classifier.status.as_ref().and_then(|status| status.champion.as_ref());
    let Some(digest) = champion.and_then(|champion| champion.sha256.parse::<Sha256Digest>().ok()) else {
        return Ok(seen);
    };
    memory.is_about(digest);
    let seconds = window::seconds(&monitoring.window);
    let current = window::number(now, seconds);
    let mut pods = servers(classifier, objects)?;
    pods.retain(|pod| pod::is_ready(pod) && pod.metadata.deletion_timestamp.is_none());
    pods.sort_by_key(ResourceExt::name_any);
    pods.truncate(MOST);
    // A sample is needed once a window has passed.
    let wants_sample = !matches!(memory.reference, Some(None))
        && judged_last(classifier, digest).is_none_or(|last| last < window::end(current - 1, seconds));
    let reader = Reader::new();
    let mut champions = Vec::new();
    let looks: Vec<_> = pods
        .iter()
        .enumerate()
        .map(|(place, pod)| {
            let wants_sample = wants_sample && place < SAMPLED;
            look(pod.name_any(), address(pod), reader.clone(), wants_sample)
        })
        .collect();
    let answers: Vec<Look> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    for Look { name, address, answer } in answers {
        let place = address.map_or_else(
            || "no address".to_owned(),
            |address| SocketAddr::new(address, PORT).to_string(),
        );
        match answer {
            // Another version's pod, which comes or goes.
            Ok((statistics, _)) if statistics.digest != digest => {}
            Ok((statistics, _)) if !statistics.is_consistent() => seen.faults.push((name, Fault::Unreadable, place)),
            Ok((statistics, _)) if statistics.window_milliseconds != seconds * 1000 => seen.other_window = true,
            Ok((statistics, sample)) => {
                seen.read += 1;
                champions.extend(address);
                memory.counted(statistics, SLOTS_PER_WINDOW, current.saturating_sub(1));
                if let Some(mut sample) = sample {
                    sample.windows.retain(|window| window.number + 1 == current);
                    memory.sampled(sample);
                }
            }
            Err(fault) => seen.faults.push((name, fault, place)),
        }
    }
    seen.faults.sort();
    if memory.reference.is_none() && seen.read > 0 {
        memory.reference = reference(&champions, &reader, memory.labels().map_or(0, <[String]>::len)).await;
    }
    seen.no_profile = matches!(memory.reference, Some(None));
    Ok(seen)
}

/// The end of the last window that was looked at.
pub(crate) fn judged_last(classifier: &ComplaintClassifier, digest: Sha256Digest) -> Option<Timestamp> {
    let monitoring = classifier.status.as_ref()?.monitoring.as_ref()?;
    let is_same = monitoring.sha256 == digest.to_string()
        && classifier
            .spec
            .monitoring
            .as_ref()
            .is_some_and(|spec| spec.window == monitoring.window);
    let last = monitoring.windows.first().filter(|_| is_same)?;
    Some(last.end_time.0)
}

/// What a pod says.
struct Look {
    name: String,
    address: Option<IpAddr>,
    answer: Result<(Statistics, Option<Sample>), Fault>,
}

async fn look(name: String, address: Option<IpAddr>, reader: Reader, wants_sample: bool) -> Look {
    let asking = async {
        let address = address.ok_or(Fault::Unreachable)?;
        let statistics: Statistics = reader.read(address, PORT, paths::STATISTICS).await?;
        // Without one, the counts are judged alone.
        let sample = match wants_sample {
            true => reader.read::<Sample>(address, PORT, paths::SAMPLE).await.ok(),
            false => None,
        };
        let sample = sample.filter(|sample| sample.instance == statistics.instance);
        Ok((statistics, sample))
    };
    let answer = asking.await;
    Look { name, address, answer }
}

/// The profile of the model, from the first pod that tells; `Some(None)` where it has none.
async fn reference(champions: &[IpAddr], reader: &Reader, classes: usize) -> Option<Option<Arc<ReferenceProfile>>> {
    for address in champions {
        match reader.read::<ReferenceProfile>(*address, PORT, paths::REFERENCE).await {
            Ok(profile) if profile.is_consistent(classes) => return Some(Some(Arc::new(profile))),
            Err(Fault::Missing) => return Some(None),
            _ => {}
        }
    }
    None
}

fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}
