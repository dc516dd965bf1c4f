//! `why VERSION`: the decision about a version, rule by rule.

use complaint_api::Stage;

use super::stage;
use crate::{
    render::{Column, Page, Table, Tone, Words, instant},
    why::{Outcome, Why},
};

/// The decision about a version, the rules with their figures, and what to do.
pub(crate) fn why(why: &Why) -> Page {
    let mut page = Page::default();
    page.heading(format!("ModelVersion {}/{}", why.namespace, why.version));
    page.field("Classifier", &why.classifier);
    page.field("Stage", stage(why.stage));
    let tone = match why.stage {
        Some(Stage::Champion) => Tone::Good,
        Some(Stage::Rejected) => Tone::Bad,
        _ => Tone::Notice,
    };
    page.field(
        "Decision",
        Words::toned(tone, &why.decision.reason).and(format!(": {}", why.decision.message)),
    );
    if let Some(since) = why.decision.since {
        page.field("When", instant(since));
    }
    page.heading("Rules of spec.promotion, and what status has for them");
    let mut table = Table::new(vec![
        Column::Whole("RULE"),
        Column::Whole("VERDICT"),
        Column::Whole("FIGURES"),
    ]);
    for rule in &why.rules {
        let verdict = match rule.outcome {
            Outcome::Passed => Words::toned(Tone::Good, "passed"),
            Outcome::Failed => Words::toned(Tone::Bad, "failed"),
            Outcome::NoFigure => Words::toned(Tone::Notice, "no figure"),
            Outcome::NotAsked => Words::toned(Tone::Dim, "not asked"),
        };
        let verdict = match rule.decisive {
            true => verdict.and(Words::toned(Tone::Bad, " (decided)")),
            false => verdict,
        };
        table.add(vec![Words::from(&rule.rule), verdict, Words::from(&rule.message)]);
    }
    page.table(table);
    if !why.notes.is_empty() {
        page.heading("Notes");
        why.notes.iter().for_each(|note| page.line(format!("  {note}")));
    }
    if !why.next.is_empty() {
        page.heading("Next");
        why.next.iter().for_each(|next| page.line(format!("  {next}")));
    }
    page
}
