//! `bursar insight changes`: what became of the seats.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::super::release::Target;
use super::super::sites::Answers;
use super::super::text::{self, Paint};
use super::super::{Exit, block_on};
use crate::cli::time;
use crate::config::Settings;
use crate::config::settings::Site;
use crate::destination::payload::seats;
use crate::event::{ChangeCount, count_changes};
use crate::license::changes::{By, Change, ChangeKind, TimeFrom};
use crate::plain::one_line;
use crate::planning;
use crate::words;

/// Show what changed: seats allocated, released, quarantined, moved, and by whom
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar insight changes -c bursar.yaml --days 7\n  bursar insight changes -c bursar.yaml --days 90 --json | jq '.sites[].changes[] | select(.churn)'"
)]
pub(crate) struct Changes {
    #[command(flatten)]
    target: Target,
    /// Of the last so many days, such as 7, 28 or 90
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// List at most so many, the newest; all are counted
    #[arg(long, default_value_t = 30, value_name = "N")]
    limit: usize,
    /// Print JSON, with all changes
    #[arg(long)]
    json: bool,
}

/// The answer, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteChanges<'a> {
    site: String,
    time: DateTime<Utc>,
    days: u32,
    /// Since when the seats are watched; of before only what `createdDate` tells is known.
    watched_since: DateTime<Utc>,
    /// Seats that the first reading found, allocated in these days.
    initial: u32,
    counts: Vec<seats::Count>,
    periods: Vec<Period>,
    /// Oldest first.
    changes: Vec<seats::Change<'a>>,
}

/// Some days of the time that was asked for.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Period {
    /// Its first day.
    from: NaiveDate,
    allocated: u32,
    /// Released or quarantined, or the user was deleted.
    lost: u32,
}

/// What the store knows of the changes of a site.
struct Known {
    site: String,
    now: DateTime<Utc>,
    watched_since: DateTime<Utc>,
    changes: Vec<Change>,
}

impl Changes {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let (settings, sites) = match self.target.load_all() {
            Ok(loaded) => loaded,
            Err(exit) => return Ok(exit),
        };
        let (mut exit, mut known) = (Exit::Ok, Vec::new());
        for site in &sites {
            match block_on(self.read(&settings, site))?? {
                Some(of_site) => known.push(of_site),
                None => {
                    errln!("bursar: {}: {}", site.name, super::activity::never_read(site));
                    exit = Exit::NotInOrder;
                }
            }
        }
        let zone = settings.time_zone;
        let answers: Vec<_> = known.iter().map(|known| self.answer(known, zone)).collect();
        if self.json {
            if !answers.is_empty() {
                crate::terminal::print_json(&Answers::of(answers))?;
            }
            return Ok(exit);
        }
        let texts = answers.iter().zip(&known).map(|(answer, known)| {
            render(answer, &count_changes(&known.changes), &known.changes, self.limit, zone)
        });
        out!("{}", texts.collect::<Vec<_>>().join("\n"));
        Ok(exit)
    }

    /// What the store knows of a site; `None` when its seats were never read.
    async fn read(&self, settings: &Settings, site: &Site) -> anyhow::Result<Option<Known>> {
        let store = super::activity::open(settings).await?;
        let seats = store.seats(&site.name).await?;
        // The site's clock, or a simulated one, may run ahead.
        let now = seats.lists.iter().map(|list| list.last_read).fold(time::now(), Ord::max);
        let from = now - TimeDelta::days(self.days.into());
        let to = now + TimeDelta::minutes(15);
        let attempts = store.attempts(&site.name).await?;
        let deeds = planning::changes::deeds(&store, &site.name, (from, to), &attempts).await?;
        store.close().await;
        let watched_since = seats.lists.iter().map(|list| list.first_read).min();
        Ok(watched_since.map(|watched_since| Known {
            site: site.name.clone(),
            now,
            watched_since,
            changes: deeds.into_iter().map(|deed| deed.change).collect(),
        }))
    }

    fn answer<'a>(&self, known: &'a Known, zone: Tz) -> SiteChanges<'a> {
        let Known { site, now, watched_since, changes } = known;
        let initial = changes.iter().filter(|change| change.initial).count();
        SiteChanges {
            site: site.clone(),
            time: *now,
            days: self.days,
            watched_since: *watched_since,
            initial: u32::try_from(initial).unwrap_or(u32::MAX),
            counts: count_changes(changes).iter().map(Into::into).collect(),
            periods: periods(changes, self.days, *now, zone),
            changes: changes.iter().map(Into::into).collect(),
        }
    }
}

/// Days, or weeks where there are many.
fn periods(changes: &[Change], days: u32, now: DateTime<Utc>, zone: Tz) -> Vec<Period> {
    let day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
    let (first, last) = (day(now - TimeDelta::days(days.into())), day(now));
    let step = match (last - first).num_days() {
        ..=14 => 1,
        15..=100 => 7,
        _ => 30,
    };
    let mut periods = Vec::new();
    let mut end = last + TimeDelta::days(1);
    // Counted back from today, so that the newest period is whole.
    while end > first {
        let begin = end - TimeDelta::days(step);
        let within = |change: &&Change| (begin..end).contains(&day(change.time));
        let (mut allocated, mut lost) = (0, 0);
        for change in changes.iter().filter(within) {
            match change.kind {
                ChangeKind::Allocated => allocated += 1,
                ChangeKind::Released | ChangeKind::Quarantined | ChangeKind::UserDeleted => {
                    lost += 1;
                }
                ChangeKind::Restored | ChangeKind::QuarantineEnded | ChangeKind::Moved => {}
            }
        }
        periods.push(Period { from: begin.max(first), allocated, lost });
        end = begin;
    }
    periods.reverse();
    periods
}

fn render(
    answer: &SiteChanges<'_>,
    counts: &[ChangeCount],
    changes: &[Change],
    limit: usize,
    zone: Tz,
) -> String {
    let (mut out, paint) = (String::new(), Paint::for_stdout());
    let days = answer.days;
    let title = format!("Site {}, changes of seats, last {days} days", answer.site);
    let _ = writeln!(out, "{}", paint.strong(&title));
    let since = words::local(answer.watched_since, zone);
    if answer.time - answer.watched_since < TimeDelta::days(days.into()) {
        let _ = writeln!(
            out,
            "  watched since {since}; of before, only what createdDate tells is known"
        );
    }
    if answer.initial > 0 {
        let _ = writeln!(
            out,
            "  {} allocated then, by createdDate",
            words::counted(words::Locale::default(), answer.initial.into(), "seat", "seats")
        );
    }
    out.push('\n');
    if counts.is_empty() {
        let _ = writeln!(out, "  nothing changed since");
    }
    let rows: Vec<_> = counts.iter().map(count_row).collect();
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
    period_chart(&mut out, &answer.periods, paint);
    if changes.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n{}", paint.strong("Newest first"));
    let rows: Vec<_> =
        changes.iter().rev().take(limit).map(|change| change_row(change, zone)).collect();
    for line in text::columns(&rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
    if changes.len() > limit {
        let _ = writeln!(out, "  and {} more (--limit, --json)", changes.len() - limit);
    }
    out
}

fn count_row(counted: &ChangeCount) -> Vec<String> {
    let mut notes = Vec::new();
    if counted.by_bursar > 0 {
        notes.push(format!("{} by Bursar", counted.by_bursar));
    }
    if counted.churn > 0 {
        notes.push(format!("{} again within 14 days of a release", counted.churn));
    }
    vec![
        counted.seat_type.title().to_owned(),
        counted.kind.title().to_owned(),
        format!("{:>5}", counted.count),
        notes.join(", "),
    ]
}

fn period_chart(out: &mut String, periods: &[Period], paint: Paint) {
    const BAR: usize = 18;
    let most = periods.iter().map(|p| p.allocated.max(p.lost)).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let bar = |count: u32| {
        let cells = (f64::from(count) / f64::from(most) * BAR as f64).ceil() as usize;
        format!("{:<BAR$}", "█".repeat(cells))
    };
    let heading =
        format!("  {:<12}{:<25}{}", "from", "allocated", "released, quarantined, deleted");
    let _ = writeln!(out, "\n{}", paint.faint(&heading));
    for period in periods {
        let _ = writeln!(
            out,
            "  {:<12}{:>5} {} {:>5} {}",
            period.from.to_string(),
            period.allocated,
            bar(period.allocated),
            period.lost,
            bar(period.lost)
        );
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
}

fn change_row(change: &Change, zone: Tz) -> Vec<String> {
    let time = words::local(change.time, zone);
    let before = if change.time_from == TimeFrom::Noticed { "<" } else { " " };
    let mut what = match &change.from {
        Some(from) => format!("moved from {}", from.seat_type.title()),
        None => change.kind.title().to_owned(),
    };
    if change.is_churn() {
        what.push_str(" again");
    }
    let by = match &change.by {
        By::Unknown => String::new(),
        By::Bursar { .. } => "by Bursar".to_owned(),
        By::Someone { user } => format!("by {}", one_line(user)),
    };
    vec![
        format!("{before}{time}"),
        change.seat_type.title().to_owned(),
        what,
        one_line(&change.account()),
        by,
    ]
}
