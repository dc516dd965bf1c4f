//! What people write about a classifier.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::limits;

/// Purpose and responsibility of a classifier, for the people who have to answer for it. No program decides by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Documentation {
    /// What the classifier is for, who uses its answers, and what they do with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::DOCUMENTATION_TEXT)))]
    pub purpose: Option<String>,
    /// Who is responsible: a person, a team or a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::DOCUMENTATION_NAME)))]
    pub owner: Option<String>,
    /// How they are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::DOCUMENTATION_NAME)))]
    pub contact: Option<String>,
    /// What it must not be used for, and where it is known to be weak.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::DOCUMENTATION_TEXT)))]
    pub limitations: Option<String>,
}
