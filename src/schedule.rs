//! When a monitor runs.
//!
//! Two ways to write it:
//! * Butler's text (`every 6 hours`, `at 08:00`, `at 07:30 every weekday`, `on the last day of the
//!   month at 23:30`): the grammar of later.js. It names points of a calendar grid, not an elapsed
//!   interval: `every 5 hours` is 00, 05, 10, 15 and 20 o'clock.
//! * cron with five fields (minute, hour, day, month, weekday) or six (second first).
//!
//! Both run in the configured time zone. A time that a clock change skips fires at the end of the
//! gap; in an hour that it repeats, fixed times fire once and hourly or shorter intervals twice.

mod advice;
mod grid;
mod text;

use std::fmt;

use chrono::{DateTime, Duration, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use grid::{Grid, Unit};
use text::{Parsed, Step};

/// How far ahead a next time is looked for: what fires later than that never fires.
const HORIZON_DAYS: i64 = 5 * 366;

/// A schedule as text, with what it means.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    meaning: Meaning,
    remark: Option<String>,
}

#[derive(Debug, Clone)]
enum Meaning {
    Grid(Grid),
    Cron(Box<Cron>),
}

/// Why a text is no schedule. The text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither Butler's grammar nor cron.
    #[error("\"{text}\" is not a schedule: {what}; {fix}")]
    Unreadable { text: String, what: String, fix: String },
    /// It can be read but does something else than it says.
    #[error("\"{text}\" would not do what it says: {what}; {fix}")]
    Misleading { text: String, what: String, fix: String },
    /// It names no time within five years.
    #[error("\"{text}\" never runs (no time within the next five years); {fix}")]
    Never { text: String, fix: String },
}

impl ScheduleError {
    /// What is wrong, without the advice.
    pub fn what(&self) -> String {
        match self {
            Self::Unreadable { text, what, .. } => format!("\"{text}\" is not a schedule: {what}"),
            Self::Misleading { text, what, .. } => {
                format!("\"{text}\" would not do what it says: {what}")
            }
            Self::Never { text, .. } => {
                format!("\"{text}\" never runs (no time within the next five years)")
            }
        }
    }

    /// What to write instead.
    pub fn fix(&self) -> &str {
        match self {
            Self::Unreadable { fix, .. }
            | Self::Misleading { fix, .. }
            | Self::Never { fix, .. } => fix,
        }
    }
}

const EXAMPLES: &str = r#"write for example "every 6 hours", "at 08:00", "at 07:30 every weekday" or the cron "0 */6 * * *""#;

const CRON_FIELDS: &str = "write five fields (minute hour day month weekday) or six (second first), such as \"30 6 * * MON-FRI\"";

impl Schedule {
    /// Reads a text or cron line. A schedule that can never fire is refused; one that names years
    /// is not judged by today's date here (see [`fires_after`](Self::fires_after)).
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let trimmed = text.trim();
        let schedule = if is_cron(trimmed) { parse_cron(trimmed)? } else { parse_text(trimmed)? };
        let names_years = matches!(&schedule.meaning, Meaning::Grid(grid) if grid.names_years());
        // Any start does: without years the calendar of eight years holds every case.
        let start = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().unwrap_or_default();
        if !names_years && schedule.search(start, Tz::UTC, 8 * 366).is_none() {
            return Err(schedule.never());
        }
        Ok(schedule)
    }

    /// The text as the settings have it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What may surprise about it, as a sentence: steps that start anew each month, for instance.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The first time strictly after `after`; `None` when there is none within five years.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        self.search(after, zone, HORIZON_DAYS)
    }

    /// The next `count` times after `after`.
    pub fn upcoming(&self, after: DateTime<Utc>, zone: Tz, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(after, zone), |t| self.next_after(*t, zone))
            .take(count)
            .collect()
    }

    /// Refuses a schedule with no time within five years after `now`.
    pub fn fires_after(&self, now: DateTime<Utc>, zone: Tz) -> Result<(), ScheduleError> {
        self.next_after(now, zone).map(|_| ()).ok_or_else(|| self.never())
    }

    fn never(&self) -> ScheduleError {
        ScheduleError::Never { text: self.text.clone(), fix: EXAMPLES.to_owned() }
    }

    fn search(&self, after: DateTime<Utc>, zone: Tz, days: i64) -> Option<DateTime<Utc>> {
        let limit = after + Duration::days(days);
        match &self.meaning {
            Meaning::Grid(grid) => grid.next_after(after, zone, limit),
            Meaning::Cron(cron) => {
                let next = cron.find_next_occurrence(&after.with_timezone(&zone), false).ok()?;
                Some(next.with_timezone(&Utc)).filter(|t| *t <= limit)
            }
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Five or six fields, the first made of cron's signs only.
fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    matches!(fields.len(), 5 | 6)
        && fields[0].bytes().all(|b| b.is_ascii_digit() || b"*,-/?".contains(&b))
}

fn parse_cron(text: &str) -> Result<Schedule, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|e| ScheduleError::Unreadable {
        text: text.to_owned(),
        what: format!("it can't be read as cron ({})", e.to_string().trim_end_matches('.')),
        fix: CRON_FIELDS.to_owned(),
    })?;
    Ok(Schedule { text: text.to_owned(), meaning: Meaning::Cron(Box::new(cron)), remark: None })
}

/// A text of cron's signs alone, with too few or too many fields.
fn is_miscounted_cron(text: &str) -> bool {
    let fields = text.split_whitespace();
    text.contains(['*', '?'])
        && fields.clone().count() > 1
        && fields.flat_map(str::chars).all(|sign| sign.is_ascii_digit() || "*,-/?".contains(sign))
}

fn parse_text(text: &str) -> Result<Schedule, ScheduleError> {
    if is_miscounted_cron(text) {
        return Err(ScheduleError::Unreadable {
            text: text.to_owned(),
            what: format!("as cron it has {} fields", text.split_whitespace().count()),
            fix: CRON_FIELDS.to_owned(),
        });
    }
    let parsed = text::parse(text).map_err(|stop| {
        let rest = text.get(stop.at..).unwrap_or_default().trim();
        let found =
            if rest.is_empty() { "the text ends".to_owned() } else { format!("\"{rest}\" stands") };
        ScheduleError::Unreadable {
            text: text.to_owned(),
            what: format!("{found} where {} is expected", stop.expected),
            fix: advice::suggest(text)
                .map_or_else(|| EXAMPLES.to_owned(), |better| format!("write \"{better}\"")),
        }
    })?;
    if let Some((what, fix)) = misleading(&parsed) {
        return Err(ScheduleError::Misleading { text: text.to_owned(), what, fix });
    }
    let remark = parsed.steps.iter().find_map(|step| uneven(*step));
    Ok(Schedule { text: text.to_owned(), meaning: Meaning::Grid(parsed.grid), remark })
}

/// What later.js takes and then does something else, with what to write instead.
fn misleading(parsed: &Parsed) -> Option<(String, String)> {
    let outside = parsed.outside.first().map(|(unit, rank)| {
        let (low, high) = unit.extent();
        (
            format!(
                "{} go from {low} to {high}, so there is none with number {rank}",
                unit_name(*unit)
            ),
            format!("write a number from {low} to {high}"),
        )
    });
    outside.or_else(|| parsed.steps.iter().find_map(|step| impossible(*step)))
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Second => "seconds",
        Unit::Minute => "minutes",
        Unit::Hour => "hours",
        Unit::Time => "times",
        Unit::Day => "days of the month",
        Unit::DayOfWeek => "days of the week",
        Unit::DayInstance => "day instances",
        Unit::DayOfYear => "days of the year",
        Unit::WeekOfMonth => "weeks of the month",
        Unit::WeekOfYear => "weeks of the year",
        Unit::Month => "months",
        Unit::Year => "years",
    }
}

/// Steps that the grid can't hold: the text counts within the minute, hour, day, month or year.
fn impossible(step: Step) -> Option<(String, String)> {
    let (low, high) = step.unit.extent();
    let size = high - low + 1;
    let name = unit_name(step.unit);
    if step.count == 0 {
        return Some((
            format!("0 {name} is no interval"),
            format!("write \"every 1 {}\"", name.trim_end_matches('s')),
        ));
    }
    if step.count <= size {
        return None;
    }
    let count = step.count;
    let (frame, fix) = match step.unit {
        Unit::Second => ("minute", in_larger(count, 60, "minute")),
        Unit::Minute => ("hour", in_larger(count, 60, "hour")),
        Unit::Hour => ("day", in_larger(count, 24, "day")),
        Unit::Day => ("month", "write \"every 1 month\" or a cron line".to_owned()),
        _ => ("year", "write a smaller number".to_owned()),
    };
    Some((
        format!("{name} are counted from the start of each {frame}, so it would run every {frame}"),
        fix,
    ))
}

fn in_larger(count: u32, size: u32, larger: &str) -> String {
    let whole = count / size;
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    let up = whole + 1;
    if count.is_multiple_of(size) {
        format!("write \"every {whole} {larger}{}\"", plural(whole))
    } else {
        format!("write \"every {whole} {larger}{}\" or \"every {up} {larger}s\"", plural(whole))
    }
}

/// Steps that don't divide their frame: the last one of each frame is shorter.
fn uneven(step: Step) -> Option<String> {
    let count = step.count;
    match step.unit {
        Unit::Second if 60 % count != 0 => Some(("minute", "second 0")),
        Unit::Minute if 60 % count != 0 => Some(("hour", "minute 0")),
        Unit::Hour if 24 % count != 0 => Some(("day", "midnight")),
        Unit::Day if count > 1 => Some(("month", "the 1st")),
        _ => None,
    }
    .map(|(frame, start)| {
        let name = unit_name(step.unit).split(' ').next().unwrap_or_default();
        format!("every {count} {name} is counted anew from {start} of each {frame}, so the last step of each {frame} is shorter")
    })
}

#[cfg(test)]
mod tests;
