//! x
use crate::report::TrainingReport;

/// x
pub(crate) fn page(report: &TrainingReport) -> String {
    format!("<!doctype html><title>{}</title>", report.report.name)
}
