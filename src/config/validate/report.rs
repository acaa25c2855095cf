//! `report`.

use super::super::raw::{self, ReportFormat, ReportPeriod};
use super::super::settings::Reports;
use super::{At, Check};
use crate::config::settings::Format;
use crate::settings::schedule;

pub(super) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<Reports> {
    let raw: raw::Report = at.read();
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let formats: Vec<Format> = Format::ALL
        .into_iter()
        .filter(|format| raw.formats.iter().any(|raw| same(*raw) == *format))
        .collect();
    if formats.is_empty() {
        check.error(
            &at.get("formats"),
            "reports are on and have no format",
            "write html, md, csv or json, or set enable: false",
        );
    }
    let folder = raw.folder.trim();
    if folder.is_empty() {
        check.error(&at.get("folder"), "reports need a folder", "write folder: reports");
    }
    Some(Reports {
        schedule: schedule?,
        period: match raw.period {
            ReportPeriod::LastMonth => "last-month",
            ReportPeriod::LastQuarter => "last-quarter",
            ReportPeriod::LastYear => "last-year",
        },
        formats,
        folder: folder.into(),
        email: raw.email,
        keep: usize::try_from(raw.keep).unwrap_or(1).max(1),
    })
}

/// Whether reports name who holds a seat, those of the command too.
pub(super) fn names(at: &At<'_>) -> bool {
    at.read::<raw::Report>().names
}

fn same(raw: ReportFormat) -> Format {
    match raw {
        ReportFormat::Html => Format::Html,
        ReportFormat::Md => Format::Md,
        ReportFormat::Csv => Format::Csv,
        ReportFormat::Json => Format::Json,
    }
}
