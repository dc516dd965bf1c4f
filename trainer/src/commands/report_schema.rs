//! `report-schema`: describes `report.json`, for programs and for people.

use std::process::ExitCode;

use clap::Args;

use crate::cli::OutputForm;

/// `report-schema`.
#[derive(Debug, Args)]
pub(crate) struct ReportSchemaArgs {
    /// JSON is the JSON Schema (draft 2020-12). The table lists every field, in Markdown.
    #[arg(long, value_enum, default_value = "json", value_name = "FORM")]
    format: OutputForm,
}

/// Prints the schema.
pub(crate) fn execute(arguments: &ReportSchemaArgs) -> ExitCode {
    super::print(&match arguments.format {
        OutputForm::Json => serde_json::to_string_pretty(&complaint_report::schema()).expect("a schema is JSON"),
        OutputForm::Table => complaint_report::field_table(),
    });
    ExitCode::SUCCESS
}
