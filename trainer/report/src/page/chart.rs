//! Small charts that sections share.

use maud::{Markup, html};

/// A linear scale from one range of numbers to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: [f64; 2],
    to: [f64; 2],
}

impl Scale {
    /// Maps `from` to `to`. An empty range maps to the middle of `to`.
    pub(super) fn new(from: [f64; 2], to: [f64; 2]) -> Self {
        Self { from, to }
    }

    /// The position of `value`, rounded to a tenth.
    pub(super) fn at(&self, value: f64) -> f64 {
        let width = self.from[1] - self.from[0];
        let share = if width > 0.0 {
            (value - self.from[0]) / width
        } else {
            0.5
        };
        ((self.to[0] + share * (self.to[1] - self.to[0])) * 10.0).round() / 10.0
    }
}

/// A bar in a table cell, next to the number that it shows.
pub(super) fn bar(share: f64) -> Markup {
    html! { span.bar aria-hidden="true" { i style={ "width:" (width(share)) } {} } }
}

/// A bar of two parts without a background.
pub(super) fn stacked(first: f64, second: f64) -> Markup {
    html! {
        span.bar.bare aria-hidden="true" {
            i style={ "width:" (width(first)) } {}
            i style={ "width:" (width(second)) } {}
        }
    }
}

fn width(share: f64) -> String {
    format!("{:.1}%", 100.0 * share.clamp(0.0, 1.0))
}

/// Points in the form of SVG's `points`.
pub(super) fn points(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x},{y}")).collect();
    points.join(" ")
}
