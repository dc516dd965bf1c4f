//! `predict`: the most probable categories of a text.

use super::number;
use crate::{
    command::Prediction,
    render::{Column, Page, Table, Tone, Words},
};

/// The most probable categories, and which model answered.
pub(crate) fn prediction(prediction: &Prediction) -> Page {
    let mut page = Page::default();
    let mut table = Table::new(vec![Column::Whole("CATEGORY"), Column::Number("PROBABILITY")]);
    for (place, category) in prediction.categories.iter().enumerate() {
        let label = match place {
            0 => Words::toned(Tone::Good, &category.category),
            _ => Words::from(&category.category),
        };
        table.add(vec![label, Words::from(number(category.probability))]);
    }
    page.list(table);
    page.line("");
    page.field(
        "Needs review",
        match prediction.needs_review {
            true => Words::toned(Tone::Notice, "yes: the probability is below serving.abstainBelow"),
            false => Words::from("no"),
        },
    );
    page.field(
        "Unknown words",
        format!("{:.0} %", prediction.unknown_word_share * 100.0),
    );
    let version = prediction.version.as_ref();
    let version = version.map_or("a version that is not champion".to_owned(), |version| version.clone());
    page.field("Answered by", format!("{version} ({})", prediction.model_digest));
    page
}
