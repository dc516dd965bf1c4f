//! The operator is killed before and after every write of a lifecycle, once each, and starts again: the end is that of a
//! lifecycle without a crash, and nothing was made twice.
//!
//! A lifecycle has a scheduled and requested retrainings, two promotions, a comparison by a Job, a rollback, and retention
//! ([`lifecycle`]).
//! Trainer and server are the real programs, on the nodes of a sandbox. The operator runs in the test's process ([`operator`]):
//! its requests are counted and, at the one in question, nothing that it says is sent any more; then all of its tasks end and
//! another operator begins. What is compared is every object of the namespace ([`end`]) and how often each was made.
//!
//! The suite tries a part of the writes. `CRASH_MATRIX=all` tries all; `CRASH_MATRIX=5/2` every fifth, from the third on.
//! `CRASH_MATRIX=/modelversions` tries those whose description has this text.
//!
//! It always starts a sandbox of its own, even with `E2E_KUBECONFIG`: an operator that is installed in an existing cluster would
//! do what the killed one left undone.

mod end;
mod lifecycle;
mod operator;
mod witness;

use std::{
    fmt::Write as _,
    iter,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use kube::{Client, Config};

use crate::cluster::{World, without_operator};
use end::End;
pub use operator::Operator;
use operator::{Moment, Write};
use witness::Witness;

/// Lifecycles at once. Most of their time they wait for the probes of pods.
const AT_ONCE: usize = 6;
/// How many points the suite tries, or a few less.
const PART: usize = 8;
/// How long the end may be another one than expected, after the last step of a lifecycle.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where an operator dies.
type Point = (Write, Moment);

/// What became of a lifecycle.
struct Outcome {
    end: End,
    /// What the first operator wrote.
    writes: Vec<Write>,
    /// The requests of the last one, for people.
    calls: Vec<String>,
    /// Whether the first one died.
    died: bool,
    took: Duration,
}

/// A lifecycle in a namespace of its own. It ends when the expected end has come and rests, or when `PATIENCE` does.
async fn live(config: Config, point: Option<Point>, expected: Option<Arc<End>>) -> Result<Outcome, String> {
    let began = Instant::now();
    let world = World::open_with(Client::try_from(config.clone()).expect("a client"), "crash").await;
    let witness = Witness::of(&world).await;
    let mut operator = Operator::start(&config, &world.namespace, point);
    let mut whole = Box::pin(async {
        lifecycle::live(&world).await;
        match &expected {
            None => witness.rest(|end| !end.is_at_work()).await,
            Some(expected) => {
                let rest = witness.rest(|end| end.differences(expected).is_empty());
                let rested = tokio::time::timeout(PATIENCE, rest).await;
                rested.unwrap_or_else(|_| witness.end())
            }
        }
    });
    let undisturbed = tokio::select! {
        end = &mut whole => Some(end),
        () = operator.reached() => None,
        why = operator.ended() => return Err(why),
    };
    let writes = operator.writes();
    let died = undisturbed.is_none();
    let end = match undisturbed {
        Some(end) => end,
        None => {
            operator.kill().await;
            operator = Operator::start(&config, &world.namespace, None);
            tokio::select! {
                end = &mut whole => end,
                why = operator.ended() => return Err(why),
            }
        }
    };
    drop(whole);
    let calls = operator.calls();
    operator.kill().await;
    world.close().await;
    Ok(Outcome {
        end,
        writes,
        calls,
        died,
        took: began.elapsed(),
    })
}

impl Outcome {
    /// What is wrong with it.
    fn faults(&self, expected: &End) -> Vec<String> {
        let mut faults = self.end.differences(expected);
        faults.extend(self.end.events_out_of_place(expected));
        faults
    }
}

/// The points that are tried, of all.
fn chosen(points: Vec<Point>) -> Vec<Point> {
    let asked = std::env::var("CRASH_MATRIX").unwrap_or_default();
    let pair = asked.split_once('/');
    let pair = pair.and_then(|(each, first)| Some((each.parse::<usize>().ok()?, first.parse::<usize>().ok()?)));
    if asked == "all" {
        return points;
    }
    let (each, first) = match pair {
        Some(pair) => pair,
        None if !asked.is_empty() => {
            let is_asked = |(write, _): &Point| write.to_string().contains(&asked);
            return points.into_iter().filter(is_asked).collect();
        }
        None => {
            // An odd distance, so that both moments come.
            let each = points.len().div_ceil(PART) | 1;
            (each, each / 2)
        }
    };
    points.into_iter().skip(first).step_by(each.max(1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_leads_to_the_same_end() {
    let (_running, config) = without_operator().await;

    let undisturbed = live(config.clone(), None, None)
        .await
        .expect("a lifecycle without a crash");
    println!(
        "{} writes in {:?} without a crash",
        undisturbed.writes.len(),
        undisturbed.took
    );
    let expected = Arc::new(undisturbed.end);
    let mut writes = undisturbed.writes;
    writes.sort();
    let moments = |write: Write| [Moment::Before, Moment::After].map(|moment| (write.clone(), moment));
    let points: Vec<Point> = writes.into_iter().flat_map(moments).collect();
    let all = points.len();

    // One more without a crash: what differs there tells nothing of crashes.
    let points = iter::once(None).chain(chosen(points).into_iter().map(Some));
    let lives = points.map(|point| {
        let (config, expected) = (config.clone(), expected.clone());
        async move {
            let mut tried = point;
            loop {
                // A task of its own, whose panic names the step that was not reached.
                let life = tokio::spawn(live(config.clone(), tried.clone(), Some(expected.clone())));
                let ended = life.await;
                let lived = matches!(&ended, Ok(Ok(outcome)) if !outcome.died && outcome.faults(&expected).is_empty());
                // How often a status is written is a matter of time: an earlier write of the same is tried then.
                let earlier = tried
                    .as_ref()
                    .and_then(|(write, moment)| Some((write.earlier()?, *moment)));
                match earlier {
                    Some(earlier) if lived => tried = Some(earlier),
                    _ => return (tried, ended),
                }
            }
        }
    });
    let mut lives = futures::stream::iter(lives).buffer_unordered(AT_ONCE);
    let (mut tried, mut missed, mut report) = (0, 0, String::new());
    while let Some((point, ended)) = lives.next().await {
        let case = match &point {
            Some((write, moment)) => format!("killed {moment:?} {write}"),
            None => "not killed".into(),
        };
        let told = match ended {
            Ok(Ok(outcome)) => {
                tried += usize::from(outcome.died);
                missed += usize::from(!outcome.died && point.is_some());
                println!(
                    "{case}: {}, {:?}",
                    if outcome.died { "died" } else { "lived" },
                    outcome.took
                );
                let faults = outcome.faults(&expected);
                (!faults.is_empty()).then(|| format!("{faults:#?}; what the last operator asked: {:#?}", outcome.calls))
            }
            Ok(Err(why)) => Some(why),
            Err(panicked) => Some(panicked.to_string()),
        };
        if let Some(told) = told {
            println!("{case}: {told}");
            let _ = writeln!(report, "{case}: {told}");
        }
    }
    println!("{tried} of {all} points tried; {missed} were not reached");
    assert!(report.is_empty(), "{report}");
    assert!(
        tried > 0,
        "CRASH_MATRIX names none of the {all} points, or none was reached"
    );
    // Even the first write of some objects happens only sometimes, such as a change that another one may contain.
    assert!(missed <= tried, "{missed} points were not reached, and {tried} were");
}
