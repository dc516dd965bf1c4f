//! `review`: captured answers that need a person, one at a time; their exchange with Label Studio.
//!
//! | module | what is there |
//! |---|---|
//! | `desk` | the token, and the requests to the classifier's servers |
//! | `session` | which text is shown, and which decisions are sent: pure |
//! | `action` | what lines and keys mean: pure |
//! | `page` | how a text is shown: pure |
//! | `keys` | single keys of a terminal |
//! | `label_studio` | tasks and annotations: pure |

mod action;
mod desk;
mod exchange;
mod keys;
mod label_studio;
mod page;
mod session;
#[cfg(test)]
mod tests;

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use complaint_api::{CaptureMode, ComplaintClassifier};
use complaint_contract::captured::{CapturedKind, CapturedList, DEFAULT_ROWS, ROWS};

use self::{
    action::{Action, Typed},
    keys::Keys,
    session::{Decided, Session},
};
pub(crate) use self::{
    desk::{Desk, Row},
    page::pieces,
};
use crate::{
    cluster::Cluster,
    console::Console,
    error::Error,
    render::{Format, Page},
};

/// What is reviewed, and as whom.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The classifier.
    #[arg(value_parser = crate::cli::object_name)]
    pub(crate) classifier: String,
    /// Which captured answers: needs-review, drawn (the share of which people check every answer) or all.
    #[arg(long, default_value_t, value_name = "WHICH", value_parser = which)]
    pub(crate) which: CapturedKind,
    /// How many, from 1 to 200.
    #[arg(long, default_value_t = DEFAULT_ROWS, value_name = "NUMBER", value_parser = limit)]
    pub(crate) limit: usize,
    /// Who decides; unset: your name in the cluster.
    #[arg(long, value_name = "NAME", value_parser = decider)]
    pub(crate) by: Option<String>,
    /// A file with the token for corrections; unset: the Secret of spec.serving.feedback.tokenSecretRef is read.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Write the answers to this file as tasks of Label Studio, and end.
    #[arg(long, value_name = "FILE", conflicts_with = "import")]
    pub(crate) export: Option<PathBuf>,
    /// Send the annotations of this file, an export of Label Studio as JSON, and end.
    #[arg(long, value_name = "FILE")]
    pub(crate) import: Option<PathBuf>,
}

fn which(text: &str) -> Result<CapturedKind, String> {
    let mut all = CapturedKind::ALL.into_iter();
    all.find(|kind| kind.as_str() == text).ok_or_else(|| {
        format!(
            "it is one of {}",
            CapturedKind::ALL.map(CapturedKind::as_str).join(", ")
        )
    })
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| ROWS.contains(number));
    number.ok_or_else(|| format!("it is a number from {} to {}", ROWS.start(), ROWS.end()))
}

fn decider(text: &str) -> Result<String, String> {
    match !text.trim().is_empty() && text.len() <= complaint_contract::segments::NAME_BYTES {
        true => Ok(text.to_owned()),
        false => Err("it is a name of at most 256 bytes".into()),
    }
}

/// Runs the command.
pub(crate) async fn run(cluster: &Cluster, console: &Console, options: &Options) -> Result<(), Error> {
    let classifier: ComplaintClassifier = cluster.get(&options.classifier).await?;
    let feedback = classifier.spec.serving.feedback.as_ref();
    let desk = Desk::of(cluster, &options.classifier, feedback, options.token_file.as_deref()).await?;
    if let Some(file) = &options.import {
        return exchange::import(&desk, console, options, file).await;
    }
    let list = desk.list(options.which, options.limit).await?;
    if let Some(file) = &options.export {
        return exchange::export(console, &list, file);
    }
    if console.format != Format::Table {
        return console.show(|_| Page::default(), &list);
    }
    if list.rows.is_empty() {
        return console.print(&nothing(&classifier, options, &list));
    }
    let by = desk.decider(options.by.as_deref()).await?;
    let end = ask(&desk, console, list, &by).await?;
    console.print(&end.said)?;
    match end.problem {
        None => Ok(()),
        Some(problem) => Err(problem),
    }
}

/// Why nothing is shown.
fn nothing(classifier: &ComplaintClassifier, options: &Options, list: &CapturedList) -> String {
    let capture = classifier.spec.serving.capture.as_ref();
    let more = match capture.map(|capture| capture.mode) {
        None | Some(CaptureMode::Disabled) => " Its servers capture none: set spec.serving.capture (docs/review.md).",
        Some(_) if !list.complete => " The store has more than a server reads at once, so there may be older ones.",
        Some(_) => " A server writes what it captures every ten seconds.",
    };
    format!(
        "No captured answer of ComplaintClassifier {} ({}) waits for a person.{more}\n",
        options.classifier, options.which
    )
}

/// How a review ended.
struct End {
    said: String,
    problem: Option<Error>,
}

/// Decisions on their way to the servers.
struct Outbox<'a> {
    desk: &'a Desk,
    by: &'a str,
    /// Those that could not be sent, in order.
    waiting: Vec<Row>,
    sent: usize,
    problem: Option<Error>,
}

impl Outbox<'_> {
    /// Sends this one, after those that could not be sent before.
    async fn send(&mut self, decided: Decided) {
        self.waiting.push(Row {
            id: Some(decided.id),
            text: decided.text,
            category: decided.choice.category,
            also: decided.choice.also,
            by: self.by.to_owned(),
        });
        self.empty().await;
    }

    async fn empty(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match self.desk.send(&self.waiting).await {
            Ok(()) => {
                self.sent += self.waiting.len();
                self.waiting.clear();
                self.problem = None;
            }
            Err(error) => self.problem = Some(error),
        }
    }
}

/// Shows text after text until there is none left, or the person ends it.
async fn ask(desk: &Desk, console: &Console, list: CapturedList, by: &str) -> Result<End, Error> {
    let by_keys = console.is_terminal && std::io::stdin().is_terminal();
    let keys = by_keys.then(Keys::open).transpose()?;
    let show = |text: &str| match by_keys {
        true => console.print(&keys::lines(text)),
        false => console.print(text),
    };
    let mut session = Session::new(list);
    let mut outbox = Outbox {
        desk,
        by,
        waiting: Vec::new(),
        sent: 0,
        problem: None,
    };
    show(&page::head(&session, by, by_keys).text(&console.look()))?;
    let mut abandoned = false;
    loop {
        show(&page::text(&session).text(&console.look()))?;
        let typed = loop {
            let typed = match &keys {
                Some(keys) => keys.read(session.categories().len())?,
                None => line()?,
            };
            match typed {
                Typed::Unknown(problem) => show(&format!("{problem}\n"))?,
                Typed::Action(Action::Help) => show(&page::help(&session, by_keys).text(&console.look()))?,
                known => break known,
            }
        };
        let action = match typed {
            Typed::Action(action) => action,
            Typed::Abandon => {
                abandoned = true;
                break;
            }
            Typed::Unknown(_) => continue,
        };
        let is_end = action == Action::Quit;
        match session.apply(&action) {
            Ok(Some(decided)) => outbox.send(decided).await,
            Ok(None) => {}
            Err(problem) => show(&format!("{problem}\n"))?,
        }
        if let Some(problem) = &outbox.problem {
            let problem = crate::render::visible(&problem.to_string());
            show(&format!(
                "A decision was not sent, and is sent again with the next one: {problem}\n"
            ))?;
        }
        if is_end {
            break;
        }
    }
    // A decision that Ctrl+C left behind.
    let abandoned = abandoned && session.pending();
    outbox.empty().await;
    Ok(End {
        said: page::end(&session, outbox.sent, outbox.waiting.len(), abandoned, by),
        problem: outbox.problem,
    })
}

/// A line of standard input; its end ends the review.
fn line() -> Result<Typed, Error> {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) => Ok(Typed::Action(Action::Quit)),
        Ok(_) => Ok(action::of_line(&line)),
        Err(error) => Err(Error::Usage(format!("standard input can't be read as text: {error}"))),
    }
}
