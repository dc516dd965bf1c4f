//! Small charts beside the numbers that they show, hidden from screen readers, which read the numbers.
//!
//! A chart has a fixed size, so that nothing moves when it is drawn, and no style of its own, which the content policy forbids.

use maud::{Markup, html};

/// The size of a chart, in pixels.
const WIDTH: f64 = 180.0;
const HEIGHT: f64 = 16.0;

/// A linear scale onto the chart's width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    /// From one value to another.
    pub(super) fn new(from: f64, to: f64) -> Self {
        Self { from, to }
    }

    /// One that holds all these values with some room at its ends, and zero.
    pub(super) fn around_zero(values: &[f64]) -> Self {
        let most = values
            .iter()
            .copied()
            .filter(|value| value.is_finite())
            .map(f64::abs)
            .fold(0.0, f64::max);
        let most = if most > 0.0 { most * 1.15 } else { 1.0 };
        Self::new(-most, most)
    }

    /// The position of a value, in tenths of a pixel.
    fn at(self, value: f64) -> f64 {
        let share = if self.to > self.from {
            (value - self.from) / (self.to - self.from)
        } else {
            0.5
        };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        (share * WIDTH * 10.0).round() / 10.0
    }
}

fn chart(content: &Markup) -> Markup {
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) aria-hidden="true" focusable="false" {
            (content)
        }
    }
}

/// A rectangle between two positions, at least a pixel wide.
fn band(class: &str, from: f64, to: f64, inset: f64) -> Markup {
    let width = ((to - from).max(1.0) * 10.0).round() / 10.0;
    html! { rect class=(class) x=(from) y=(inset) width=(width) height=(HEIGHT - 2.0 * inset) rx="2" {} }
}

/// A thin upright line.
fn mark(class: &str, at: f64, inset: f64) -> Markup {
    let x = (at - 1.0).clamp(0.0, WIDTH - 2.0);
    html! { rect class=(class) x=(x) y=(inset) width="2" height=(HEIGHT - 2.0 * inset) {} }
}

/// A bar of a share.
pub(super) fn bar(share: f64) -> Markup {
    let scale = Scale::new(0.0, 1.0);
    chart(&html! {
        (band("track", 0.0, WIDTH, 4.0))
        (band("fill", 0.0, scale.at(share), 4.0))
    })
}

/// Two shares, one below the other.
pub(super) fn pair(first: f64, second: f64, scale: Scale) -> Markup {
    let half = HEIGHT / 2.0 - 1.5;
    chart(&html! {
        rect.faint x="0" y="1" width=(scale.at(first).max(1.0)) height=(half) rx="1" {}
        rect.fill x="0" y=(HEIGHT / 2.0 + 0.5) width=(scale.at(second).max(1.0)) height=(half) rx="1" {}
    })
}

/// A value with its interval on the way from 0 to 1, the limit that it must not be below, and a reference.
pub(super) fn share(interval: [f64; 2], value: f64, limit: Option<f64>, reference: Option<f64>) -> Markup {
    let ends = [Some(interval[0]), limit, reference]
        .into_iter()
        .flatten()
        .fold(value, f64::min);
    // What matters is near the values, and rarely near 0.
    let scale = Scale::new((ends * 10.0 - 0.5).floor().clamp(0.0, 9.0) / 10.0, 1.0);
    chart(&html! {
        (band("track", 0.0, WIDTH, 5.0))
        @if let Some(limit) = limit { (band("beyond", 0.0, scale.at(limit), 5.0)) }
        (band("interval", scale.at(interval[0]), scale.at(interval[1]), 3.0))
        @if let Some(reference) = reference { (mark("reference", scale.at(reference), 0.0)) }
        (mark("value", scale.at(value), 1.0))
    })
}

/// A distance with the limit that it must not be above.
pub(super) fn distance(value: f64, max: f64) -> Markup {
    let scale = Scale::new(0.0, value.max(max) * 1.25);
    let class = if value > max { "fill bad" } else { "fill" };
    chart(&html! {
        (band("track", 0.0, WIDTH, 4.0))
        (band("beyond", scale.at(max), WIDTH, 4.0))
        (band(class, 0.0, scale.at(value), 4.0))
        (mark("reference", scale.at(max), 0.0))
    })
}

/// A difference with its interval, around zero.
pub(super) fn difference(interval: [f64; 2], value: f64, scale: Scale) -> Markup {
    let class = match (interval[0] > 0.0, interval[1] < 0.0) {
        (true, _) => "interval good",
        (_, true) => "interval bad",
        (false, false) => "interval",
    };
    chart(&html! {
        (band("track", 0.0, WIDTH, 6.5))
        (band(class, scale.at(interval[0]), scale.at(interval[1]), 3.0))
        (mark("reference", scale.at(0.0), 0.0))
        (mark("value", scale.at(value), 1.0))
    })
}

/// Parts of a whole: done, failed, and the rest.
pub(super) fn parts(done: usize, failed: usize, total: usize) -> Markup {
    let total = total.max(done + failed).max(1) as f64;
    let scale = Scale::new(0.0, total);
    let (first, second) = (scale.at(done as f64), scale.at((done + failed) as f64));
    chart(&html! {
        (band("track", 0.0, WIDTH, 4.0))
        @if done > 0 { (band("fill", 0.0, first, 4.0)) }
        @if failed > 0 { (band("fill bad", first, second, 4.0)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_stays_inside_its_frame_whatever_the_numbers_are() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 0.0, 0.5, 1e300] {
            let scale = Scale::around_zero(&[value, 0.01]);
            let charts = [
                bar(value),
                pair(value, value, Scale::new(0.0, value)),
                share([value, value], value, Some(value), Some(value)),
                distance(value, 0.1),
                difference([value, value], value, scale),
            ];
            for chart in charts {
                let chart = chart.into_string();
                assert!(!chart.contains("NaN") && !chart.contains("inf"), "{value}: {chart}");
                for (_, place) in chart.match_indices(" x=\"").map(|(at, _)| (at, &chart[at + 4..])) {
                    let x: f64 = place.split('"').next().unwrap().parse().unwrap();
                    assert!((0.0..=WIDTH).contains(&x), "{value}: {x}");
                }
            }
        }
    }
}
