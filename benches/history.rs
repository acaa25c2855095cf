//! What the history costs: `cargo bench --bench history` makes a store of five years of ten sites
//! that are polled every 5 minutes, the way the daemon does it, and prints a table. It takes a few
//! minutes; `YEARS=1` is shorter.
//!
//! Polls of an hour are written together, and days are maintained once instead of every hour: what
//! ends up in the file is the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bursar::event::{Body, Event};
use bursar::license::Pools;
use bursar::license::pools::{MinutePool, SeatPool};
use bursar::store::Store;
use bursar::store::history::Resolution;
use bursar::store::settings::{HistoryRetention, OutboxLimits};
use chrono::{DateTime, TimeDelta, Utc};

const SITES: usize = 10;
const RETENTION: HistoryRetention =
    HistoryRetention { raw_days: 90, hourly_days: 730, daily_days: 3650 };
const ZONE: chrono_tz::Tz = chrono_tz::Europe::Stockholm;
const INTERVAL: TimeDelta = TimeDelta::minutes(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let years: i64 = std::env::var("YEARS").ok().and_then(|y| y.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bursar.db");
    let end = "2026-11-24T00:00:00Z".parse::<DateTime<Utc>>()?;
    let begin = end - TimeDelta::days(365 * years);
    let clock = Arc::new(AtomicI64::new(begin.timestamp()));
    let store = {
        let limits = OutboxLimits { max_events: 100_000, max_age: Duration::from_secs(86_400) };
        let clock = clock.clone();
        let now =
            move || DateTime::from_timestamp(clock.load(Ordering::Relaxed), 0).unwrap_or_default();
        Store::open_with_clock(&path, limits, now).await?
    };
    let set_clock = |to: DateTime<Utc>| clock.store(to.timestamp(), Ordering::Relaxed);

    let mut rng = fastrand::Rng::with_seed(1);
    let mut sites: Vec<Site> = (0..SITES).map(|n| Site::new(n, &mut rng)).collect();
    let (mut polls, mut maintaining) = (0, Duration::ZERO);
    let mut time = begin;
    let started = Instant::now();
    while time < end {
        let day_end = time + TimeDelta::days(1);
        while time < day_end {
            let hour_end = time + TimeDelta::hours(1);
            for site in &mut sites {
                let mut hour = Vec::new();
                let mut at = time;
                while at < hour_end {
                    hour.push((at, site.poll(at, &mut rng)));
                    at += INTERVAL;
                }
                polls += hour.len();
                store.keep_pools(&site.name, hour).await?;
            }
            time = hour_end;
        }
        set_clock(time);
        let began = Instant::now();
        store.maintain_history(RETENTION, ZONE).await?;
        maintaining += began.elapsed();
    }
    let writing = started.elapsed() - maintaining;
    row("made", format!("{years} years, {SITES} sites, a poll every 5 minutes: {polls} polls"));
    row("writing, a poll of 15 figures", each(writing, polls));
    row("maintaining, a day of all sites", each(maintaining, 365 * years as usize));
    row("file and write-ahead log", sizes(&path));
    for (table, rows, bytes) in tables(&path)? {
        let each = bytes as f64 / rows.max(1) as f64;
        row(&table, format!("{rows} rows, {:.1} MB, {each:.1} bytes each", bytes as f64 / 1e6));
    }

    let days = |n: i64| (end - TimeDelta::days(n), end);
    for (what, resolution, (from, to)) in [
        ("one figure, daily, all years", Resolution::Day, (begin, end)),
        ("one figure, hourly, 2 years", Resolution::Hour, days(730)),
        ("one figure, every poll of 90 days", Resolution::Raw, days(90)),
        ("one figure, every poll of a day", Resolution::Raw, days(1)),
    ] {
        let query = async || {
            let found = store.history("site-3", "professional", "used", resolution, from, to);
            Ok::<_, anyhow::Error>(found.await?.len())
        };
        measure(what, query).await?;
    }
    measure("all figures of a site, daily, all years", async || {
        let mut found = 0;
        for series in store.history_series(Some("site-3")).await? {
            let (pool, field) = (&series.pool, &series.field);
            let day = Resolution::Day;
            found += store.history("site-3", pool, field, day, begin, end).await?.len();
        }
        Ok(found)
    })
    .await?;
    measure("list of all figures of all sites", async || {
        Ok(store.history_series(None).await?.len())
    })
    .await?;
    measure("gaps of a site, all years", async || {
        let expected = Duration::from_secs(300);
        Ok(store.history_gaps("site-3", begin, end, expected).await?.len())
    })
    .await?;

    // A whole day at once is more than maintenance ever has to do in an hour.
    for site in &mut sites {
        let day = (0..288).map(|n| (end + INTERVAL * n, site.poll(end, &mut rng))).collect();
        store.keep_pools(&site.name, day).await?;
    }
    set_clock(end + TimeDelta::days(1));
    let done = AtomicBool::new(false);
    let maintain = async {
        let result = store.maintain_history(RETENTION, ZONE).await;
        done.store(true, Ordering::Relaxed);
        result
    };
    let record = async {
        let mut waits = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let began = Instant::now();
            let pools = Body::AccessLicenseStatus(sites[0].poll(end, &mut rng));
            let event = Event::new("site-0", end + TimeDelta::days(1), pools);
            store.record(vec![(event, vec!["q".into()])]).await?;
            waits.push(began.elapsed());
        }
        waits.sort_unstable();
        Ok::<_, bursar::store::StoreError>(waits)
    };
    let (maintained, waits) = tokio::join!(maintain, record);
    row("maintenance beside recording", format!("{:?}", maintained?));
    let waits = waits?;
    row(
        "record() beside maintenance",
        format!(
            "median {:.1} ms, longest {:.1} ms of {}",
            waits[waits.len() / 2].as_secs_f64() * 1e3,
            waits[waits.len() - 1].as_secs_f64() * 1e3,
            waits.len()
        ),
    );
    store.close().await;
    Ok(())
}

/// One site whose figures move as those of real sites do.
struct Site {
    name: String,
    size: f64,
    allocated: f64,
    minutes: f64,
}

impl Site {
    fn new(n: usize, rng: &mut fastrand::Rng) -> Self {
        let size = 50.0 * (n + 1) as f64 * (1.0 + rng.f64());
        Self { name: format!("site-{n}"), size: size.round(), allocated: 0.0, minutes: 0.0 }
    }

    fn poll(&mut self, time: DateTime<Utc>, rng: &mut fastrand::Rng) -> Pools {
        use chrono::{Datelike, Timelike};

        let work = f64::from(u8::from(
            (7..18).contains(&time.hour()) && time.weekday().number_from_monday() < 6,
        ));
        if rng.f64() < 0.002 + 0.01 * work {
            let up = if rng.f64() < 0.55 { 1.0 } else { -1.0 };
            self.allocated = (self.allocated + up).clamp(0.0, self.size);
        }
        if time.day() == 1 && time.hour() == 0 {
            self.minutes = 0.0;
        }
        self.minutes += (rng.f64() * 3.0 * work * 6.0).round();
        let used = (self.allocated * 0.7 * (0.2 + 0.8 * work * rng.f64())).round();
        let seats = |share: f64| SeatPool {
            enabled: true,
            total: self.size,
            allocated: (self.allocated * share).round(),
            available: self.size - (self.allocated * share).round(),
            used: (used * share).round(),
            quarantined: (self.allocated % 4.0).round(),
            excess: 0.0,
        };
        Pools {
            professional: Some(seats(1.0)),
            analyzer: Some(seats(0.6)),
            analyzer_capacity: Some(MinutePool {
                enabled: true,
                allocated_minutes: 60_000.0,
                used_minutes: self.minutes,
                unavailable_minutes: 0.0,
            }),
            ..Pools::default()
        }
    }
}

async fn measure<F>(what: &str, query: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<usize>>,
{
    const TIMES: u32 = 20;
    let mut found = 0;
    let mut longest = Duration::ZERO;
    let started = Instant::now();
    for _ in 0..TIMES {
        let began = Instant::now();
        found = query().await?;
        longest = longest.max(began.elapsed());
    }
    let mean = started.elapsed() / TIMES;
    let text = format!(
        "{:.2} ms, longest {:.2} ms, {found} found",
        mean.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
    row(what, text);
    Ok(())
}

fn each(took: Duration, times: usize) -> String {
    format!("{:.1} µs, {:.0} s in all", took.as_secs_f64() * 1e6 / times as f64, took.as_secs_f64())
}

fn row(what: &str, figures: impl std::fmt::Display) {
    println!("{what:<44} {figures}");
}

fn sizes(path: &Path) -> String {
    let of = |suffix: &str| {
        let name = format!("{}{suffix}", path.display());
        std::fs::metadata(name).map_or(0.0, |m| m.len() as f64 / 1e6)
    };
    format!("{:.1} MB + {:.1} MB", of(""), of("-wal"))
}

/// Rows and bytes of each table of the history.
fn tables(path: &Path) -> anyhow::Result<Vec<(String, i64, i64)>> {
    let db = rusqlite::Connection::open(path)?;
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    let mut query = db.prepare("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        sizes.insert(row.get(0)?, row.get(1)?);
    }
    let mut tables = Vec::new();
    for table in ["history_raw", "history_hour", "history_day"] {
        let rows = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))?;
        tables.push((table.to_owned(), rows, sizes.get(table).copied().unwrap_or(0)));
    }
    Ok(tables)
}
