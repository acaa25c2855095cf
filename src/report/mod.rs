//! A report for an auditor or the owner of a budget: entitlement, use, peaks, growth, forecast, idle
//! and cost, changes, every release with its proof, alerts, and gaps in the data.
//!
//! [`Report`] is the data, made by [`gather::report`] from the store alone. [`view`] puts it into
//! words, tables and charts, which [`html`] and [`markdown`] write; [`csv`] and JSON are the data.

pub mod chargeback;
pub mod csv;
pub mod file;
pub mod gather;
mod happened;
mod holders;
pub mod html;
pub mod markdown;
mod missing;
mod names;
pub mod period;
pub mod svg;
pub mod view;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

pub use self::holders::{Holders, SeatHolder};
pub use self::missing::Missing;
pub use self::period::Period;
use crate::config::settings::Format;
use crate::insight::capacity::Capacity;
use crate::insight::contract::Contract;
use crate::insight::cost::Saved;
use crate::insight::growth::Growth;
use crate::insight::order::Order;
use crate::insight::returns::Returned;
use crate::insight::utilization::{self, Now, YearOnYear};
use crate::insight::{NotEnough, or_why};
use crate::ledger::Head;
use crate::license::changes::ChangeKind;
use crate::license::{LicenseState, SeatType, SenseVersion};
use crate::plain::{in_json, on_terminal};
use crate::planning::chargeback::ByGroup;
use crate::planning::money::{Cost, PeriodCost};
use crate::planning::recorded::Recorded;
use crate::planning::renewal::TypeRenewal;
use crate::planning::replay::Simulation;
use crate::planning::{EntitledChange, ForecastView, LicenseEnd, Month, SeatCounts};
use crate::store::Attempt;
use crate::words::Locale;

/// Everything a report says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Of this program.
    pub version: &'static str,
    pub generated: DateTime<Utc>,
    /// What growth, forecast and cost are as of: the end of the period, or `generated` while it isn't over.
    pub as_of: DateTime<Utc>,
    pub time_zone: &'static str,
    #[serde(skip)]
    pub zone: chrono_tz::Tz,
    #[serde(skip)]
    pub locale: Locale,
    /// Whether people are named.
    pub names: bool,
    pub period: Period,
    /// When contracts renew, as of `asOf`; empty where the settings don't say.
    pub contracts: Vec<Contract>,
    /// The period isn't over: the report is of what there is so far.
    pub unfinished: bool,
    pub sites: Vec<SiteReport>,
    /// Of Bursar itself; absent when alerts are not recorded.
    pub alerts: Option<Vec<Alert>>,
    /// When the oldest alert was noted that is still kept.
    pub alerts_recorded_from: Option<DateTime<Utc>>,
    pub ledger: Ledger,
}

/// How the releases of the report can be proved.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// The last record when the report was made; absent for an empty ledger.
    pub head: Option<Head>,
    /// Older records were archived: releases before this time are in the archive, not here.
    pub complete_from: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteReport {
    pub site: String,
    pub types: Vec<TypeReport>,
    /// The period ended too long before `generated`: what only tells of now (who uses a seat, what the
    /// rules would take, the version of Qlik Sense) is left out.
    pub left_out: bool,
    /// As it was read last; absent when it is not watched, was not read yet, or stands for nothing of the period.
    pub server_license: Option<ServerLicense>,
    /// As of `generated`; absent when it is not watched, or was not read yet.
    pub qlik_sense_version: Option<SenseVersion>,
    /// What the release rules would have done in the year before `generated`, under several thresholds; absent
    /// when the lists of seats were never read, or hold more than is replayed.
    pub simulation: Option<Simulation>,
    /// Absent when the license has no Analyzer Capacity.
    pub capacity: Option<CapacityReport>,
    /// As of `asOf`, at the prices of the settings; absent without prices.
    pub cost: Option<Cost>,
    /// What to renew with, the recommended answers of all types in one total; absent without types.
    pub order: Option<Order>,
    /// The end of the server's license as it was read last up to `asOf`; absent where none was read by then.
    pub license_end: Option<LicenseEnd>,
    /// `cost`, by the user directories of those who hold the seats; absent as above, while the lists of seats aren't
    /// known, and when `leftOut`.
    pub cost_by_directory: Option<ByGroup>,
    /// The same by the custom properties of `seatMonitor.breakdownBy`; without those that nobody has.
    pub cost_by_property: Vec<ByGroup>,
    /// Of what was entitled, day by day, up to `asOf`; absent as above.
    pub cost_in_period: Option<PeriodCost>,
    /// By releases, within the period: by those in it, and by earlier ones whose seats are still free.
    pub saved_in_period: Option<Saved>,
    /// What of that is by releases before the period.
    pub saved_in_period_by_earlier: Option<Saved>,
    /// Absent when the lists of seats were never read and the ledger knows of none.
    pub changes: Option<Changes>,
    /// Who holds seats at the end of the period, by type; without a type of which that isn't known.
    pub holders: Vec<Holders>,
    /// Runs that began in the period, rehearsals and refused ones too, oldest first; without those whose records
    /// were archived.
    pub runs: Vec<RunLine>,
    /// Seats that were attempted to release or allocate again in the period, oldest first. Who had them is
    /// told only where names are asked for.
    pub releases: Vec<Attempt>,
    /// Who came back after a release; absent where nothing was released in the year before `asOf`.
    pub returned: Option<ReturnedReport>,
    /// Absent when alerts are not recorded.
    pub alerts: Option<Vec<Alert>>,
    /// Times in which polls are missing; absent when the access licenses are not polled.
    pub gaps: Option<Vec<Missing>>,
}

/// The license of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLicense {
    /// When it was read.
    pub as_of: DateTime<Utc>,
    pub state: LicenseState,
    /// The state in words, with the last day.
    pub in_words: String,
    /// The last valid day, where there is one that can be read.
    pub expiry_date: Option<NaiveDate>,
    pub days_until_expiry: Option<i64>,
    /// End of maintenance, of a license that has one.
    pub maintenance_end: Option<NaiveDate>,
    /// All but the end hidden: `…0004`. Absent when none is known.
    pub number: Option<String>,
}

/// The seats of one type in the period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeReport {
    pub seat_type: SeatType,
    /// On the last day with data before the period, and in it.
    pub before: Option<Now>,
    pub at_end: Option<Now>,
    pub peak: Option<Peak>,
    /// Of the days' means.
    pub mean: Option<f64>,
    pub mean_percent: Option<f64>,
    /// Days with data, and days of the period that are over.
    pub days: u32,
    pub of: u32,
    /// Days with data on which nothing could be given out.
    pub full_days: u32,
    /// By month; by week when the period is a month, by quarter or year when it is long.
    pub periods: Vec<utilization::Period>,
    /// Changes of what is entitled within the period.
    pub entitled_changes: Vec<EntitledChange>,
    /// The last month of the period that has data, against the same one a year before.
    #[serde(serialize_with = "or_why")]
    pub year_on_year: Result<YearOnYear, NotEnough>,
    /// The whole period, where that is longer than a month and nearly all days of both have data.
    pub year_before: Option<YearBefore>,
    /// What is recorded between the two months; absent without the older one.
    pub recorded_in_year: Option<Recorded>,
    /// The same from the beginning of `yearBefore` to the end of the period.
    pub recorded_in_period: Option<Recorded>,
    /// As of `asOf`, as are those that follow.
    #[serde(serialize_with = "or_why")]
    pub growth: Result<Growth, NotEnough>,
    #[serde(serialize_with = "or_why")]
    pub forecast: Result<ForecastView, NotEnough>,
    /// From the day of `asOf`, for the usual terms and risks; absent for tokens.
    pub renewal: Option<TypeRenewal>,
    /// Absent while the list of seats was never read.
    pub seats: Option<SeatCounts>,
    /// Each day from a year before the end of the period on.
    pub daily: Vec<DailyPoint>,
}

/// The highest value of the period, and the first day that had it.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    pub day: NaiveDate,
    pub taken: f64,
    pub percent: Option<f64>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DailyPoint {
    pub day: NaiveDate,
    pub mean: f64,
    pub max: f64,
    pub last: f64,
    pub entitled: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// Of the period.
    pub months: Vec<Month>,
    /// As of `generated`; absent when the period is over, and without a poll in this month.
    pub this_month: Option<Capacity>,
}

/// How many of those whose seat was released have one again, up to `asOf`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedReport {
    /// Of the releases of the period.
    pub in_period: Returned,
    /// Of those of the 365 days up to `asOf`.
    pub in_year: Returned,
}

/// The mean of a whole period, against the same days a year before.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct YearBefore {
    pub first: NaiveDate,
    pub last: NaiveDate,
    pub mean: f64,
    pub change: f64,
    pub change_percent: Option<f64>,
}

/// Who got and lost seats.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// From when on changes are recorded: before, only what the ledger and the site itself tell is known. Absent
    /// when the lists of seats were never read.
    pub recorded_from: Option<DateTime<Utc>>,
    /// Seats that Bursar took or gave back before that, whose records were archived: not in `list`.
    pub archived: u32,
    /// Seats that the first reading found, allocated in the period by their own date: in `list`, and in no count.
    pub initial: u32,
    /// By type, kind and whether Bursar did it.
    pub counts: Vec<ChangeCount>,
    pub list: Vec<ChangeLine>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCount {
    pub seat_type: SeatType,
    pub kind: ChangeKind,
    /// The kind in words.
    pub what: String,
    pub count: u32,
    /// How many of them Bursar did.
    pub by_bursar: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeLine {
    pub time: DateTime<Utc>,
    pub seat_type: SeatType,
    pub kind: ChangeKind,
    /// The kind in words.
    pub what: String,
    pub user: String,
    pub by: String,
    /// Of Bursar, which did it.
    pub run: Option<String>,
    /// The record of the ledger that proves it; absent of what others did, and of what was archived.
    #[serde(skip)]
    pub record: Option<u64>,
    /// Allocated again soon after a release.
    pub again: bool,
}

/// A run of the release engine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLine {
    pub run: String,
    pub started: DateTime<Utc>,
    /// Absent where its end is not recorded.
    pub ended: Option<DateTime<Utc>>,
    /// `real`, `rehearsal`, `undo`.
    pub mode: &'static str,
    /// Who or what started it.
    pub by: String,
    /// `done`, `refused`, `failed` ...
    pub state: &'static str,
    /// What became of the seats, by type, and why it stopped.
    pub lines: Vec<String>,
}

/// An alert of the period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    pub time: DateTime<Utc>,
    pub severity: String,
    pub rule: String,
    /// `firing`, `resolved` ...
    pub state: String,
    pub text: String,
}

impl SiteReport {
    /// Releases by result, in words.
    pub fn release_counts(&self) -> BTreeMap<&'static str, u32> {
        let mut counts = BTreeMap::new();
        for attempt in &self.releases {
            *counts.entry(attempt.outcome.result.as_str()).or_default() += 1;
        }
        counts
    }
}

impl Report {
    /// The report in one of its forms, with nothing from outside that misleads who reads it.
    pub fn write(&self, format: Format) -> anyhow::Result<String> {
        let text = match format {
            Format::Html => html::render(self)?,
            Format::Md => markdown::render(&view::view(self)),
            // Its cells are safe already, and its rows end with `\r\n`.
            Format::Csv => return Ok(csv::render(self)),
            Format::Json => {
                let json = crate::plain::to_json_pretty(self)? + "\n";
                return Ok(in_json(&json).into_owned());
            }
        };
        Ok(on_terminal(&text, false).into_owned())
    }
}
