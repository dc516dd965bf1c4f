//! Reads the champion's pods.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use complaint_api::{ComplaintClassifier, Monitoring, MonitoringStatus};
use complaint_contract::{
    Sha256Digest,
    statistics::{ReferenceProfile, Sample, Statistics, paths},
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
    let Some(digest) = champion(classifier) else {
        return Ok(seen);
    };
    let seconds = window::seconds(&monitoring.window);
    let last = window::last(now, seconds);
    memory.is_about(digest, seconds);
    let mut pods = servers(classifier, objects)?;
    pods.retain(|pod| pod::is_ready(pod) && pod.metadata.deletion_timestamp.is_none());
    pods.sort_by_key(ResourceExt::name_any);
    pods.truncate(MOST);
    // A sample is needed once a window has passed.
    let wants_sample =
        !matches!(memory.reference, Some(None)) && is_due(classifier, monitoring, window::end(last, seconds));
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
                memory.counted(statistics, last);
                if let Some(mut sample) = sample {
                    sample.windows.retain(|window| window.number == last);
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

/// The digest of the champion.
pub(crate) fn champion(classifier: &ComplaintClassifier) -> Option<Sha256Digest> {
    let champion = classifier.status.as_ref()?.champion.as_ref()?;
    champion.sha256.parse().ok()
}

/// What the status says of this champion, in windows of this length.
pub(crate) fn known<'a>(classifier: &'a ComplaintClassifier, monitoring: &Monitoring) -> Option<&'a MonitoringStatus> {
    let status = classifier.status.as_ref()?;
    let (known, champion) = (status.monitoring.as_ref()?, status.champion.as_ref()?);
    (known.sha256 == champion.sha256 && known.window == monitoring.window).then_some(known)
}

/// Whether the window that ended then was not looked at yet.
pub(crate) fn is_due(classifier: &ComplaintClassifier, monitoring: &Monitoring, end: Timestamp) -> bool {
    let last = known(classifier, monitoring).and_then(|known| known.windows.first());
    last.is_none_or(|last| last.end_time.0 < end)
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
