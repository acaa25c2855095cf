//! `report`: reports on a schedule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reports that the daemon writes on a schedule, as `bursar report` does.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Report {
    /// Write reports. Off by default: they name people.
    pub(in crate::config) enable: bool,
    /// When. Default at 06:00 on the first day of each month, which a report of the month before
    /// wants.
    pub(in crate::config) frequency: String,
    /// What they are about. Default `last-month`.
    pub(in crate::config) period: ReportPeriod,
    /// What they are written as: `html`, `md`, `csv`, `json`. Default `html`.
    #[schemars(example = &["html", "csv"])]
    pub(in crate::config) formats: Vec<ReportFormat>,
    /// Where they are written; made if it isn't there. Looked up from the folder of the store.
    /// Default `reports`.
    pub(in crate::config) folder: String,
    /// Send them by e-mail, too.
    pub(in crate::config) email: bool,
    /// Name people: who holds a seat at the end of the period, and who had one, gave an order or changed something
    /// in changes, releases, runs and alerts. Off by default: then numbers are told, and of a person the beginning
    /// or the end of an id. `bursar report --names` names them, too.
    pub(in crate::config) names: bool,
    /// Files that stay, of each format: the oldest go. Default 36, three years of months.
    #[schemars(range(min = 1, max = 10_000), extend("x-noun" = "a number of files"))]
    pub(in crate::config) keep: i64,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            enable: false,
            frequency: "0 6 1 * *".to_owned(),
            period: ReportPeriod::LastMonth,
            formats: vec![ReportFormat::Html],
            folder: "reports".to_owned(),
            email: false,
            names: false,
            keep: 36,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[expect(clippy::enum_variant_names, reason = "as they are written in the settings")]
pub(in crate::config) enum ReportPeriod {
    LastMonth,
    LastQuarter,
    LastYear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::config) enum ReportFormat {
    Html,
    Md,
    Csv,
    Json,
}
