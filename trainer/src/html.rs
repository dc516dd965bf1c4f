//! `report.html`: the report to look at, in one file that needs nothing from elsewhere.

use std::fmt::Write;

use complaint_model::report::{CalibrationBin, ConfusionMatrix, TrialStatus};

use crate::report::TrainingReport;

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--ink:#2b6cb0}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2.2rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .6rem;text-align:right}
th:first-child,td:first-child{text-align:left}tr+tr{border-top:1px solid var(--line)}
.figures{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1rem 0}.figures b{display:block;font-size:1.6rem}
.best{font-weight:600}.matrix td{text-align:center;min-width:2.4rem}.terms span{display:inline-block;margin:0 .7rem .2rem 0}
.scroll{overflow-x:auto}svg{max-width:26rem}small{opacity:.7}";

/// The page.
pub(crate) fn page(report: &TrainingReport) -> String {
    let mut html = String::with_capacity(64 << 10);
    let name = escape(&report.report.name);
    html.push_str("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>");
    html.push_str(&format!("<title>{name}</title><style>{STYLE}</style><h1>{name}</h1>"));
    for section in [summary, trials, classes, confusion, calibration, terms, mistakes, data] {
        // Writing to a String fails never.
        let _ = section(&mut html, report);
    }
    html.push_str("</html>\n");
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn summary(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    let shared = &report.report;
    let dataset = &shared.dataset;
    write!(
        html,
        "<p>{} ({}) · {} rows to train, {} held out, {} classes, {} terms<br><small>sha256:{} · split {} · trainer {}</small><div class=figures>",
        shared.algorithm,
        shared.parameters,
        dataset.train_rows,
        dataset.test_rows,
        dataset.classes,
        shared.term_count,
        shared.artifact_sha256,
        escape(&shared.split),
        escape(&shared.trainer_version)
    )?;
    let intervals = &report.confidence_intervals;
    let figures = [
        ("macro-F1", shared.metrics.macro_f1, intervals.macro_f1),
        ("weighted F1", shared.metrics.weighted_f1, intervals.weighted_f1),
        ("accuracy", shared.metrics.accuracy, intervals.accuracy),
        ("log loss", shared.metrics.log_loss, intervals.log_loss),
    ];
    for (name, value, [low, high]) in figures {
        write!(
            html,
            "<div>{name}<b>{value:.3}</b><small>{low:.3} – {high:.3}</small></div>"
        )?;
    }
    html.push_str("</div>");
    if let Some(comparison) = &shared.comparison {
        let [low, high] = comparison.confidence_interval;
        write!(
            html,
            "<p>Against {}: {:.4} and {:.4}, a difference of {:+.4} ({low:+.4} to {high:+.4}) on the same {} rows.",
            escape(&comparison.champion),
            comparison.value,
            comparison.champion_value,
            comparison.difference,
            comparison.rows
        )?;
    }
    Ok(())
}

fn trials(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    let shared = &report.report;
    write!(
        html,
        "<h2>Trials on {} folds</h2><table><tr><th>algorithm<th>parameters<th>mean<th>± deviation<th>",
        shared.folds
    )?;
    for trial in &shared.trials {
        let best = trial.algorithm == shared.algorithm && trial.parameters == shared.parameters;
        let class = if best { " class=best" } else { "" };
        write!(html, "<tr{class}><td>{}<td>{}", trial.algorithm, trial.parameters)?;
        match (trial.status, trial.cross_validation) {
            (TrialStatus::Succeeded, Some(score)) => {
                let width = (score.mean.clamp(0.0, 1.0) * 160.0).round();
                write!(
                    html,
                    "<td>{:.4}<td>{:.4}<td><svg width=160 height=10><rect width={width} height=10 fill=var(--ink) /></svg>",
                    score.mean, score.standard_deviation
                )?;
            }
            _ => write!(
                html,
                "<td colspan=3>failed: {}",
                escape(trial.message.as_deref().unwrap_or_default())
            )?,
        }
    }
    html.push_str("</table>");
    Ok(())
}

fn classes(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    html.push_str("<h2>Classes</h2><table><tr><th>class<th>precision<th>recall<th>F1<th>held out<th>to train");
    for (class, balance) in report.report.per_class.iter().zip(&report.report.dataset.class_balance) {
        write!(
            html,
            "<tr><td>{}<td>{:.3}<td>{:.3}<td>{:.3}<td>{}<td>{}",
            escape(&class.label),
            class.precision,
            class.recall,
            class.f1,
            class.support,
            balance.train_rows
        )?;
    }
    html.push_str("</table>");
    Ok(())
}

/// Larger tables are left to `report.json`.
const MATRIX_CLASSES: usize = 40;

fn confusion(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    let ConfusionMatrix { labels, rows } = &report.report.confusion_matrix;
    if labels.len() > MATRIX_CLASSES {
        return Ok(());
    }
    html.push_str("<h2>Confusion</h2><p><small>A row for each class, a column for each answer; shades are shares of the row.</small><div class=scroll><table class=matrix><tr><th>");
    for number in 1..=labels.len() {
        write!(html, "<th>{number}")?;
    }
    for (number, (label, row)) in labels.iter().zip(rows).enumerate() {
        write!(html, "<tr><td>{} {}", number + 1, escape(label))?;
        let sum = row.iter().sum::<usize>().max(1) as f64;
        for &count in row {
            write!(
                html,
                "<td style='background:rgb(43 108 176/{:.2})'>{count}",
                0.8 * count as f64 / sum
            )?;
        }
    }
    html.push_str("</table></div>");
    Ok(())
}

fn calibration(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    let calibration = &report.report.calibration;
    write!(
        html,
        "<h2>Calibration</h2><p>Expected calibration error {:.4}, before calibration {:.4}. Dots: how often answers of that probability were right.\
         <svg viewBox='0 0 220 220'><path d='M10 210H210M10 210V10M10 210L210 10' stroke=currentColor stroke-opacity=.4 fill=none />",
        calibration.error_after, calibration.error_before
    )?;
    let most = calibration.bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64;
    for &CalibrationBin {
        rows,
        mean_probability,
        accuracy,
        ..
    } in &calibration.bins
    {
        let radius = 2.0 + 5.0 * (rows as f64 / most).sqrt();
        write!(
            html,
            "<circle cx={:.1} cy={:.1} r={radius:.1} fill=var(--ink)><title>{rows} answers</title></circle>",
            10.0 + 200.0 * mean_probability,
            210.0 - 200.0 * accuracy
        )?;
    }
    html.push_str("</svg>");
    Ok(())
}

fn terms(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    html.push_str("<h2>Terms that speak for a class</h2><div class=terms>");
    for class in &report.report.top_terms {
        write!(html, "<p><b>{}</b><br>", escape(&class.label))?;
        for term in &class.terms {
            write!(html, "<span title='{:.3}'>{}</span> ", term.weight, escape(&term.term))?;
        }
    }
    html.push_str("</div>");
    Ok(())
}

fn mistakes(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    html.push_str("<h2>Most confident mistakes</h2><table><tr><th>row<th>class<th>answer<th>probability");
    for mistake in report.mistakes.iter().take(20) {
        let (actual, predicted) = (escape(&mistake.actual), escape(&mistake.predicted));
        write!(
            html,
            "<tr><td>{}<td>{actual}<td>{predicted}<td>{:.3}",
            mistake.row, mistake.probability
        )?;
        if let Some(text) = &mistake.text {
            write!(
                html,
                "<tr><td colspan=4 style='text-align:left'><small>{}</small>",
                escape(text)
            )?;
        }
    }
    html.push_str("</table>");
    Ok(())
}

fn data(html: &mut String, report: &TrainingReport) -> std::fmt::Result {
    let (profile, dataset) = (&report.profile, &report.report.dataset);
    let words = profile.words;
    write!(
        html,
        "<h2>Data set</h2><p>{} records: {} copies, {} contradictory, {} without text or label left out; {} groups of near-twins kept on one side.<br>\
         Words in a text: {} to {}, half of them between {} and {}, median {}.<br>Distinct words after each tenth of the rows: {}.",
        profile.records.records,
        dataset.duplicates,
        dataset.contradictions,
        dataset.empty_rows,
        profile.near_twin_groups,
        words.min,
        words.max,
        words.lower,
        words.upper,
        words.median,
        profile
            .vocabulary_growth
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    )?;
    for dropped in &dataset.dropped_labels {
        write!(
            html,
            "<br>Dropped label: {} ({} rows).",
            escape(&dropped.label),
            dropped.rows
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn labels_can_not_inject_markup() {
        assert_eq!(
            super::escape("<script>'a' & \"b\"</script>"),
            "&lt;script&gt;&#39;a&#39; &amp; &quot;b&quot;&lt;/script&gt;"
        );
    }
}
