//! The history of access licenses that Butler wrote to InfluxDB.
//!
//! Read in windows of whole days, so that memory stays bounded; each window grows or shrinks with
//! what the one before held. `source` knows the three versions' query interfaces, `select`
//! decides for which site a point counts, and [`Store::import_history`] sees to it that a point
//! counts once, however often it is imported.

mod csv;
mod lines;
mod select;
mod source;
mod v1;
mod v2;
mod v3;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

pub use self::select::Selection;
use self::select::{Selector, Taken};
use self::source::{Found, ReadError, Source, Texts};
use crate::config::settings::Settings;
use crate::license::Pools;
use crate::store::history::calendar::{Calendar, date_of, hour_floor, number_of};
use crate::store::history::{Batch, Imported, Sample};
use crate::store::settings::HistoryRetention;
use crate::store::{Store, StoreError};

/// Figures after which a window is made smaller. A figure takes about a hundred bytes.
const LARGE: usize = 200_000;
/// Figures below which the next window is made larger.
const SMALL: usize = 40_000;
const LONGEST_WINDOW: i64 = 64;
/// Figures that are given to the store at once, at least a day's: a transaction of some 20 ms.
const PER_TRANSACTION: usize = 5_000;

/// What to import.
#[derive(Debug, Clone)]
pub struct Order {
    /// First and last day, in the configured time zone. All there is when not given.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub selection: Selection,
    /// InfluxDB 1.x: where the points are, if not in the default retention policy.
    pub retention_policy: Option<String>,
    /// Only say what would be imported.
    pub dry_run: bool,
}

/// What was imported, or would be.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Kind of server and address.
    pub source: String,
    /// Database or bucket.
    pub database: String,
    pub dry_run: bool,
    pub sites: Vec<SiteSummary>,
    /// Figures that weren't taken, by reason.
    pub skipped: BTreeMap<String, u64>,
}

/// What was imported of one site.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteSummary {
    pub site: String,
    /// Kind of license and field of each figure.
    pub series: BTreeSet<(String, String)>,
    /// Figures that were not there before, and those that were.
    pub new: u64,
    pub known: u64,
    /// Times of the first and last point that counts for the site.
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
}

/// Why an import can't be done, or not to its end. What was imported so far stays; the import can
/// be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The server can't be reached or asked, or has nothing to import.
    #[error("{0}")]
    Source(String),
    /// The points don't say for which site they count, or several writers are mixed.
    #[error("{0}")]
    Selection(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far it is: days done, and all of them.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Imports from the InfluxDB of the settings. Without a store, which only a dry run may go without,
/// everything is new.
///
/// # Errors
/// See [`ImportError`].
pub async fn run(
    settings: &Settings,
    store: Option<&Store>,
    now: DateTime<Utc>,
    order: &Order,
    progress: Progress<'_>,
) -> Result<Summary, ImportError> {
    let influxdb =
        settings.destinations.influxdb.as_ref().ok_or_else(|| {
            ImportError::Source("influxDb.enable is off in the settings".to_owned())
        })?;
    let source = Source::new(influxdb, order.retention_policy.as_deref())
        .map_err(|e| ImportError::Source(e.to_string()))?;
    let import = Import {
        zone: settings.time_zone,
        retention: settings.storage.history,
        selector: Selector::new(settings, &order.selection)?,
        source,
        store,
        now,
        dry_run: order.dry_run,
        skipped: BTreeMap::new(),
        sites: BTreeMap::new(),
    };
    import.run(order, progress).await
}

struct Import<'a> {
    zone: Tz,
    retention: HistoryRetention,
    selector: Selector,
    source: Source,
    /// None when there is no file yet, in a dry run.
    store: Option<&'a Store>,
    now: DateTime<Utc>,
    dry_run: bool,
    skipped: BTreeMap<String, u64>,
    sites: BTreeMap<String, SiteSummary>,
}

impl Import<'_> {
    async fn run(mut self, order: &Order, progress: Progress<'_>) -> Result<Summary, ImportError> {
        let days = self.days(order).await?;
        if let Some(store) = self.store.filter(|_| !self.dry_run) {
            // Fixes the time zone that days are counted in.
            store.maintain_history(self.retention, self.zone).await?;
        }
        self.count_texts(&days).await?;
        let all = (days.end - days.start).unsigned_abs();
        let (mut at, mut length) = (days.start, 7);
        while at < days.end {
            let window = at..days.end.min(at + length);
            let read = match self.source.read(self.span(&window)).await {
                Err(ReadError::TooMuch(_)) if window.end - window.start > 1 => {
                    length = (window.end - window.start) / 2;
                    continue;
                }
                Err(error) => return Err(ImportError::Source(error.to_string())),
                Ok(read) => read,
            };
            let figures = read.len();
            self.keep(read, &window).await?;
            at = window.end;
            progress((at - days.start).unsigned_abs(), all);
            if figures > LARGE {
                length = (length / 2).max(1);
            } else if figures < SMALL {
                length = (length * 2).min(LONGEST_WINDOW);
            }
        }
        if let Some(store) = self.store.filter(|_| !self.dry_run) {
            store.maintain_history(self.retention, self.zone).await?;
        }
        Ok(Summary {
            source: self.source.title().to_owned(),
            database: self.source.database().to_owned(),
            dry_run: self.dry_run,
            sites: self.sites.into_values().collect(),
            skipped: self.skipped,
        })
    }

    fn calendar(&self) -> Calendar {
        Calendar(self.zone)
    }

    /// The days that have points, within those that are wanted and kept.
    async fn days(&mut self, order: &Order) -> Result<Range<i64>, ImportError> {
        let calendar = self.calendar();
        let today = calendar.day_of(self.now.timestamp());
        let ends = match self.source.ends().await {
            Ok(Some((first, last))) => calendar.day_of(first)..calendar.day_of(last) + 1,
            Ok(None) => return Err(ImportError::Source(self.source.nothing_there())),
            // A server that looks at a limited number of files only.
            Err(ReadError::TooMuch(_)) if order.from.is_some() => i64::MIN..i64::MAX,
            Err(ReadError::TooMuch(why)) => {
                return Err(ImportError::Source(format!(
                    "the server can't say when the first point is ({why}); give the first day: \
                     --from 2024-01-01"
                )));
            }
            Err(error) => return Err(ImportError::Source(error.to_string())),
        };
        let wanted = order.from.map_or(i64::MIN, number_of)
            ..order.to.map_or(i64::MAX, |date| number_of(date) + 1);
        let oldest = today - i64::from(self.retention.daily_days);
        let start = ends.start.max(wanted.start);
        if start < oldest {
            let reason = format!(
                "points before {}: older than Butler.storage.history.dailyDays (not counted)",
                date_of(oldest)
            );
            self.skipped.insert(reason, 0);
        }
        let end = ends.end.min(wanted.end).min(today + 1);
        let start = start.max(oldest).min(end);
        if start == end {
            let range = format!("{} to {}", date_of(ends.start), date_of(ends.end - 1));
            return Err(ImportError::Source(format!(
                "there are no points in the days that were asked for; there are from {range}"
            )));
        }
        Ok(start..end)
    }

    /// Counts text where a number should be: InfluxDB 1.x hides it beside numbers.
    async fn count_texts(&mut self, days: &Range<i64>) -> Result<(), ImportError> {
        let span = self.span(days);
        let texts = self.source.texts(span).await;
        for Texts { header, field, count } in
            texts.map_err(|error| ImportError::Source(error.to_string()))?
        {
            if let Taken::Site(_) = self.selector.of(&header)? {
                self.skip(text_reason(&header.pool, field), count);
            }
        }
        Ok(())
    }

    /// From the start of the hour in which the first day begins to the end of the last one.
    fn span(&self, days: &Range<i64>) -> Range<i64> {
        let calendar = self.calendar();
        hour_floor(calendar.start(days.start))..calendar.start(days.end)
    }

    /// Gives the figures of a window to the store, some days at a time.
    async fn keep(&mut self, found: Vec<Found>, days: &Range<i64>) -> Result<(), ImportError> {
        self.selector.check_writers(&found)?;
        let start = self.calendar().start(days.start);
        let mut of_sites: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for figure in found {
            // The end of the hour before was counted with the window before.
            let counts = u64::from(figure.time >= start);
            let Found { header, field, time, number } = figure;
            let site = match (self.selector.of(&header)?, number) {
                (Taken::No(reason), _) => {
                    self.skip(reason, counts);
                    continue;
                }
                (Taken::Site(_), None) => {
                    self.skip(text_reason(&header.pool, field), counts);
                    continue;
                }
                (Taken::Site(site), Some(_)) => site,
            };
            let Some((pool, _)) = Pools::fields()
                .iter()
                .find(|(pool, fields)| *pool == header.pool && fields.contains(&field))
            else {
                self.skip(format!("{field} is no figure of {}", header.pool), counts);
                continue;
            };
            if time > self.now.timestamp() {
                self.skip("in the future".to_owned(), counts);
                continue;
            }
            let time = DateTime::from_timestamp(time, 0).unwrap_or_default();
            let (pool, field) = ((*pool).into(), field.into());
            let value = number.unwrap_or_default();
            of_sites.entry(site).or_default().push(Sample { time, pool, field, value });
        }
        for (site, mut samples) in of_sites {
            samples.sort_by_key(|sample| sample.time);
            self.keep_site(&site, &samples, days).await?;
        }
        Ok(())
    }

    async fn keep_site(
        &mut self,
        site: &str,
        samples: &[Sample],
        days: &Range<i64>,
    ) -> Result<(), ImportError> {
        let from = |time: i64| samples.partition_point(|sample| sample.time.timestamp() < time);
        let mut start = days.start;
        while start < days.end {
            let mut end = start + 1;
            loop {
                let span = self.span(&(start..end + 1));
                if end == days.end || from(span.end) - from(span.start) > PER_TRANSACTION {
                    break;
                }
                end += 1;
            }
            let span = self.span(&(start..end));
            let part = &samples[from(span.start)..from(span.end)];
            if !part.is_empty() {
                let batch = Batch {
                    site: site.to_owned(),
                    zone: self.zone,
                    days: start..end,
                    samples: part.to_vec(),
                };
                let imported = match self.store {
                    Some(store) => {
                        store.import_history(batch, self.retention, self.dry_run).await?
                    }
                    None => {
                        let begin = self.calendar().start(start);
                        let new = part.iter().filter(|s| s.time.timestamp() >= begin).count();
                        Imported { new: new as u64, ..Imported::default() }
                    }
                };
                self.count(site, part, self.calendar().start(start), &imported);
            }
            start = end;
        }
        Ok(())
    }

    fn skip(&mut self, reason: String, count: u64) {
        if count > 0 {
            *self.skipped.entry(reason).or_default() += count;
        }
    }

    fn count(&mut self, site: &str, samples: &[Sample], start: i64, imported: &Imported) {
        let own = "in an hour that Bursar recorded itself".to_owned();
        self.skip(own, imported.own);
        let old = "older than Butler.storage.history.dailyDays".to_owned();
        self.skip(old, imported.old);
        let samples = samples.iter().filter(|sample| sample.time.timestamp() >= start);
        let summary = self.sites.entry(site.to_owned()).or_insert_with(|| SiteSummary {
            site: site.to_owned(),
            series: BTreeSet::new(),
            new: 0,
            known: 0,
            first: DateTime::<Utc>::MAX_UTC,
            last: DateTime::<Utc>::MIN_UTC,
        });
        summary.new += imported.new;
        summary.known += imported.known;
        for sample in samples {
            summary.first = summary.first.min(sample.time);
            summary.last = summary.last.max(sample.time);
            if !summary.series.iter().any(|(p, f)| *p == sample.pool && *f == sample.field) {
                let name = (sample.pool.clone().into_owned(), sample.field.clone().into_owned());
                summary.series.insert(name);
            }
        }
    }
}

fn text_reason(pool: &str, field: &str) -> String {
    format!("{field} of {pool} is text and no number")
}
