//! Production is watched: traffic drifts, a run or an adaptation is made for it, its version is judged and promoted, and the drift
//! ends.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use complaint_api::{
    ComplaintClassifier, ModelVersion, PromotionReason, TrainingRun,
    condition::{self, ADAPTED, DRIFTED, MONITORED},
};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::World,
    retraining::retraining,
    runs::{apply_classifier, apply_sample, poor_features, run, sample, train, until_champion},
    traffic::predict,
};

/// Requests with complaints of the sample: of all categories as they are, or mostly of one.
struct Shifting {
    stop: CancellationToken,
    shifted: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Shifting {
    /// While the traffic is shifted, one of `each` requests is as before, and the others are of one category.
    fn start(world: &World, each: usize) -> Self {
        let csv = sample();
        let mut reader = csv::Reader::from_reader(csv.as_slice());
        let rows: Vec<[String; 2]> = reader
            .records()
            .map(|row| row.expect("a row"))
            .map(|row| [row[2].to_owned(), row[3].to_owned()])
            .collect();
        let one: Vec<String> = rows
            .iter()
            .filter(|row| row[0] == "Fraud")
            .map(|row| row[1].clone())
            .collect();
        let all: Vec<String> = rows.into_iter().map(|[_, text]| text).collect();
        let (stop, shifted) = (CancellationToken::new(), Arc::new(AtomicBool::new(true)));
        let (answered, failures) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let task = tokio::spawn({
            let (client, namespace) = (world.client.clone(), world.namespace.clone());
            let (stop, shifted, answered, failures) =
                (stop.clone(), shifted.clone(), answered.clone(), failures.clone());
            async move {
                for turn in 0_usize.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let is_other = shifted.load(Ordering::Relaxed) && !turn.is_multiple_of(each);
                    let texts = if is_other { &one } else { &all };
                    match predict(&client, &namespace, "cards", &texts[turn % texts.len()]).await {
                        Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => failures.lock().expect("no panic holds it").push(format!("{error:?}")),
                    }
                }
            }
        });
        Self {
            stop,
            shifted,
            answered,
            failures,
            task,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("the client does not panic");
        let failures = self.failures.lock().expect("no panic holds it");
        assert!(failures.is_empty(), "{failures:?}");
        assert!(self.answered.load(Ordering::Relaxed) > 100);
    }
}

fn is_drifted(classifier: &ComplaintClassifier) -> Option<&str> {
    let conditions = &classifier.status.as_ref()?.conditions;
    Some(condition::find(conditions, DRIFTED)?.status.as_str())
}

/// Windows of ten seconds, for which only the categories count: the requests repeat complaints of the training, which the model
/// knows better than others.
fn monitoring(on_drift: &str) -> Value {
    json!({ "window": "10s", "minAnswers": 50, "onDrift": on_drift, "maxCategoryDistance": 0.3,
            "maxProbabilityShift": 10.0, "maxUnknownWordShift": 10.0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn drifted_traffic_is_found_trained_for_and_no_longer_drifted() {
    let world = World::open("drift").await;
    apply_sample(&world).await;
    let mut spec = retraining(json!({}), json!({}));
    spec["monitoring"] = monitoring("Retrain");
    apply_classifier(&world, "cards", spec).await;
    train(&world, run("first", "sample", poor_features(60))).await;
    until_champion(&world, "cards", "first").await;

    let traffic = Shifting::start(&world, 10);
    let drifted = world
        .until::<ComplaintClassifier>("cards", "drifted", |classifier| is_drifted(classifier) == Some("True"))
        .await;
    let status = drifted.status.expect("a status");
    assert!(
        condition::is_true(&status.conditions, MONITORED),
        "{:#?}",
        status.conditions
    );
    let told = condition::find(&status.conditions, DRIFTED).expect("the condition");
    let monitoring = status.monitoring.expect("figures");
    assert!(
        monitoring.windows[0].reasons.contains(&told.reason),
        "{told:?} {monitoring:?}"
    );
    assert!(
        monitoring.estimated_accuracy.is_some() && monitoring.reference_accuracy.is_some(),
        "{monitoring:?}"
    );
    let fraud = monitoring
        .categories
        .iter()
        .find(|shift| shift.label == "Fraud")
        .expect("the category");
    assert!(fraud.estimated_share > fraud.trained_share + 0.2, "{fraud:?}");
    world.event("cards", &told.reason).await;

    // The run, its version, and the promotion, while requests go on.
    world.event("cards", "RetrainingStarted").await;
    let runs: Api<TrainingRun> = world.api();
    let made = runs
        .list(&ListParams::default().labels("complaints.dev/trigger=Drift"))
        .await;
    let made = made.expect("a list").items;
    assert_eq!(made.len(), 1, "one run an episode");
    assert_eq!(made[0].annotations()["complaints.dev/trigger-reason"], told.reason);
    until_champion(&world, "cards", &made[0].name_any()).await;

    traffic.shifted.store(false, Ordering::Relaxed);
    let calm = world
        .until::<ComplaintClassifier>("cards", "no longer drifted", |classifier| {
            is_drifted(classifier) == Some("False")
        })
        .await;
    let status = calm.status.expect("a status");
    let champion = status.champion.expect("a champion");
    assert_eq!(status.monitoring.expect("figures").sha256, champion.sha256);
    traffic.end().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shifted_mix_is_adapted_to_and_no_longer_a_drift() {
    let world = World::open("adapt").await;
    apply_sample(&world).await;
    let mut monitoring = monitoring("Adapt");
    // A few hundred held-out rows, and half of the traffic of one category.
    monitoring["maxCategoryDistance"] = json!(0.1);
    monitoring["maxLoss"] = json!(0.2);
    apply_classifier(&world, "cards", json!({ "monitoring": monitoring })).await;
    train(&world, run("first", "sample", poor_features(1000))).await;
    until_champion(&world, "cards", "first").await;

    let traffic = Shifting::start(&world, 2);
    let adapted = world
        .until::<ComplaintClassifier>("cards", "adapted", |classifier| {
            let status = classifier.status.as_ref();
            status.is_some_and(|status| condition::is_true(&status.conditions, ADAPTED))
        })
        .await;
    let told = adapted.status.expect("a status");
    let told = condition::find(&told.conditions, ADAPTED)
        .expect("the condition")
        .message
        .clone();
    world.event("cards", "Adapted").await;
    // Its traffic is still the shifted one.
    let calm = world
        .until::<ComplaintClassifier>("cards", "no longer drifted", |classifier| {
            let status = classifier.status.as_ref();
            let champion = status.and_then(|status| status.champion.as_ref());
            champion.is_some_and(|champion| champion.name != "first") && is_drifted(classifier) == Some("False")
        })
        .await;
    let status = calm.status.expect("a status");
    let champion = status.champion.expect("a champion");
    assert!(told.contains(&champion.name), "{told}");
    assert_eq!(status.promotions[0].reason, PromotionReason::Adapted);
    let figures = status.monitoring.expect("figures");
    assert_eq!(figures.sha256, champion.sha256);
    let version: ModelVersion = world.api().get(&champion.name).await.expect("the version");
    assert_eq!(
        version.spec.lineage.and_then(|lineage| lineage.parent).as_deref(),
        Some("first")
    );
    let adaptation = version
        .status
        .and_then(|status| status.adaptation)
        .expect("its evidence");
    assert!(
        adaptation.reweighted.adapted > adaptation.reweighted.given,
        "{adaptation:?}"
    );
    let versions: Api<ModelVersion> = world.api();
    let versions = versions.list(&ListParams::default()).await.expect("a list").items;
    assert_eq!(versions.len(), 2, "one version an episode");
    traffic.end().await;
    world.close().await;
}
