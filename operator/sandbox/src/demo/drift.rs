//! `demo --drift`: the mix of complaints shifts, the operator finds it without a label, adapts the champion to it, and promotes
//! the adapted version.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use complaint_api::{
    ComplaintClassifier, ComplaintClassifierStatus, Monitoring, OnDrift,
    condition::{self, ADAPTED, DRIFTED},
};
use complaint_operator::object::Objects;
use kube::ResourceExt;

use super::{
    objects::Job,
    prediction::{Asking, predict},
    question::Question,
    screen::Screen,
    watch::until,
};

/// Pause between two requests of the traffic.
const PAUSE: Duration = Duration::from_millis(5);
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// Complaints of the category that is more frequent now, for each other one.
const SHIFT: usize = 3;

/// How the demo's classifier is watched: short windows, so that a minute shows what takes days.
pub(crate) fn monitoring() -> Monitoring {
    Monitoring {
        window: "10s".into(),
        min_answers: 100,
        // Few complaints that come again and again: only their categories tell something.
        max_probability_shift: 10.0,
        max_unknown_word_shift: 10.0,
        on_drift: OnDrift::Adapt,
        max_loss: 0.1,
        ..Monitoring::default()
    }
}

/// Shifts the mix and shows what comes of it.
pub(crate) async fn show(address: &str, job: &Job, objects: &Objects, screen: &Screen) -> anyhow::Result<()> {
    let (category, traffic) = shifted(&job.held_out)?;
    screen.line(
        "traffic",
        &format!(
            "{} held-out complaints, {SHIFT} of {} of them “{category}”, again and again",
            traffic.len(),
            SHIFT + 1
        ),
    );
    let before = right(address, &traffic).await?;
    let requests = async {
        let asking = Asking::new();
        for question in traffic.iter().cycle() {
            predict(&asking, address, &question.text).await?;
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(())
    };
    let shown = tokio::time::timeout(PATIENCE, watch(job, objects, screen));
    tokio::select! {
        shown = shown => shown.with_context(|| {
            format!("nothing came of the shift within {} s: see the conditions of ComplaintClassifier {}", PATIENCE.as_secs(), job.name())
        })??,
        failed = requests => failed?,
    }
    let after = right(address, &traffic).await?;
    let percent = |right: usize| 100.0 * right as f64 / traffic.len() as f64;
    screen.line(
        "accuracy",
        &format!(
            "on this traffic {:.1} % before, {:.1} % after; no label of it was read on the way",
            percent(before),
            percent(after)
        ),
    );
    Ok(())
}

/// The category with the most complaints, and complaints of which most are of it.
fn shifted(held_out: &[Question]) -> anyhow::Result<(String, Vec<Question>)> {
    let mut by_category: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
    for question in held_out {
        by_category.entry(&question.expected).or_default().push(question);
    }
    let (category, of_it) = by_category
        .iter()
        .max_by_key(|(_, questions)| questions.len())
        .context("the data has no held-out rows")?;
    let mut more = of_it.iter().cycle();
    let mut traffic = Vec::with_capacity(held_out.len() * (SHIFT + 1));
    for other in held_out {
        traffic.push(other.clone());
        traffic.extend(more.by_ref().take(SHIFT).map(|question| (*question).clone()));
    }
    Ok(((*category).to_owned(), traffic))
}

/// How many answers are right.
async fn right(address: &str, traffic: &[Question]) -> anyhow::Result<usize> {
    let asking = Asking::new();
    let mut right = 0;
    for question in traffic {
        let answer = predict(&asking, address, &question.text).await?;
        right += usize::from(answer.category == question.expected);
    }
    Ok(right)
}

/// Shows the drift, the adapted version, its promotion, and the end of the drift.
async fn watch(job: &Job, objects: &Objects, screen: &Screen) -> anyhow::Result<()> {
    let told = |status: &ComplaintClassifierStatus, type_: &str| {
        let told = condition::find(&status.conditions, type_)?;
        Some((told.status.clone(), told.reason.clone(), told.message.clone()))
    };
    screen.progress("Drifting", 10, "two windows of ten seconds decide");
    let message = until::<ComplaintClassifier, _>(objects, &job.name(), |classifier| {
        let (is, _, message) = told(classifier.status.as_ref()?, DRIFTED)?;
        (is == "True").then_some(Ok(message))
    })
    .await?;
    screen.clear();
    screen.line("drifted", &message);
    screen.progress("Adapting", 40, "a Job moves the champion's intercepts");
    let message = until::<ComplaintClassifier, _>(objects, &job.name(), |classifier| {
        let (is, reason, message) = told(classifier.status.as_ref()?, ADAPTED)?;
        match is.as_str() {
            "True" => Some(Ok(message)),
            "False" => Some(Err(anyhow::anyhow!(
                "the champion was not adapted: {reason}: {message}"
            ))),
            _ => None,
        }
    })
    .await?;
    screen.clear();
    screen.line("adapted", &message);
    screen.progress("Promoting", 60, "judging the version");
    let adapted = until::<ComplaintClassifier, _>(objects, &job.name(), |classifier| {
        let status = classifier.status.as_ref()?;
        let champion = status.champion.as_ref()?;
        (champion.name != job.run.name_any()).then(|| Ok(status.clone()))
    })
    .await?;
    screen.clear();
    screen.promoted(&adapted);
    screen.progress(
        "Watching",
        80,
        "the next window is compared with the new champion's figures",
    );
    let message = until::<ComplaintClassifier, _>(objects, &job.name(), |classifier| {
        let (is, _, message) = told(classifier.status.as_ref()?, DRIFTED)?;
        (is == "False").then_some(Ok(message))
    })
    .await?;
    screen.clear();
    screen.line("calm", &message);
    Ok(())
}
