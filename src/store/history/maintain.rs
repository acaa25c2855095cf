//! Rolling up and deleting, in small steps.
//!
//! Each step is a transaction of its own and leaves the file right: a kill between two of them
//! only leaves work for the next time.

use chrono_tz::Tz;
use rusqlite::Connection;

use super::Source;
use super::bucket::{Unit, fold};
use super::calendar::{Calendar, HOUR, hour_floor, hour_of};
use super::write::mark;
use crate::store::settings::HistoryRetention;
use crate::store::{Store, StoreError};

/// Hours (of one site each) that one step rolls up. Few in tests, so that they have to do with
/// several steps, too.
const HOURS_PER_STEP: usize = if cfg!(test) { 3 } else { 16 };
/// Days (of one site each) that one step rolls up: up to 1,440 polls each.
const DAYS_PER_STEP: usize = 1;
/// Raw polls of a site that one step deletes, as seconds of its time.
const SECONDS_PER_STEP: i64 = 6 * HOUR;

/// What a maintenance did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Hours and days, of one site each, that were rolled up.
    pub hours: u64,
    pub days: u64,
    /// Rows that were deleted because their time is over: figures of single polls, of hours and of
    /// days.
    pub deleted: u64,
}

impl Store {
    /// Rolls up what is complete and deletes what is past its time, as of now.
    ///
    /// To be called about once an hour. Of what is past its time each call deletes one day at
    /// most, so that a clock that is wrong for a while can't empty the history; after retention was
    /// shortened it takes a few days until all of it is gone.
    ///
    /// Days are those of `zone`. When it is another one than last time, the days whose polls are
    /// still there are rolled up anew; final ones stay as they are, days of the old zone.
    pub async fn maintain_history(
        &self,
        retention: HistoryRetention,
        zone: Tz,
    ) -> Result<Maintained, StoreError> {
        let gate = &self.shared.gate;
        gate.write("set the time zone of the history", move |db| set_zone(db, zone)).await?;
        let mut done = Maintained::default();
        let now = self.now_ms().div_euclid(1000);
        let limits = Limits::of(retention, Calendar(zone), now);
        self.roll_up_all(now, &mut done).await?;
        for source in gate.read("read the history", Source::all).await? {
            let advance = move |db: &Connection| advance(db, source.id, &limits);
            let cuts = gate.write("move the start of the raw history", advance).await?;
            loop {
                let step = move |db: &Connection| delete_raw(db, source.id, cuts.raw);
                let deleted = gate.write("delete old history", step).await?;
                done.deleted += deleted as u64;
                if deleted == 0 {
                    break;
                }
            }
            let step = move |db: &Connection| delete_rollups(db, source, &cuts);
            done.deleted += gate.write("delete old history", step).await? as u64;
        }
        Ok(done)
    }

    async fn roll_up_all(&self, now: i64, done: &mut Maintained) -> Result<(), StoreError> {
        let gate = &self.shared.gate;
        for (unit, most) in [(Unit::Hour, HOURS_PER_STEP), (Unit::Day, DAYS_PER_STEP)] {
            loop {
                let step = move |db: &Connection| roll_up(db, unit, now, most);
                let rolled = gate.write("roll history up", step).await?;
                match unit {
                    Unit::Hour => done.hours += rolled as u64,
                    Unit::Day => done.days += rolled as u64,
                }
                if rolled < most {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// What is past its time, at a time: everything before these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The start of an hour, at or shortly before a midnight.
    pub(super) raw: i64,
    pub(super) hour: i64,
    pub(super) day: i64,
    calendar: Calendar,
}

impl Limits {
    pub(super) fn of(retention: HistoryRetention, calendar: Calendar, now: i64) -> Self {
        let today = calendar.day_of(now);
        let before = |days: u32| today - i64::from(days);
        Self {
            raw: hour_floor(calendar.start(before(retention.raw_days))),
            hour: hour_of(calendar.start(before(retention.hourly_days))),
            day: before(retention.daily_days),
            calendar,
        }
    }
}

fn set_zone(db: &Connection, zone: Tz) -> rusqlite::Result<()> {
    if super::calendar(db)? == Calendar(zone) {
        return Ok(());
    }
    db.execute("UPDATE history_zone SET name = ?1", [zone.name()])?;
    for source in Source::all(db)? {
        let Some(first) = first_raw(db, source.id, i64::MIN)? else { continue };
        let last: i64 = db
            .prepare_cached("SELECT max(time) FROM history_raw WHERE source = ?1")?
            .query_row([source.id], |row| row.get(0))?;
        // One more on either side: a time may have been in another day.
        for day in Calendar(zone).day_of(first) - 1..=Calendar(zone).day_of(last) + 1 {
            mark(db, Unit::Day, source.id, day)?;
        }
    }
    Ok(())
}

/// Time of the oldest raw poll of a source from a time on.
fn first_raw(db: &Connection, source: i64, from: i64) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT min(time) FROM history_raw WHERE source = ?1 AND time >= ?2")?
        .query_row([source, from], |row| row.get(0))
}

/// Rolls up some of the marked hours or days that are over. Returns how many.
fn roll_up(db: &Connection, unit: Unit, now: i64, most: usize) -> rusqlite::Result<usize> {
    let calendar = super::calendar(db)?;
    let open = unit.of(now, calendar);
    let marks: Vec<(i64, i64)> = db
        .prepare_cached(
            "SELECT source, bucket FROM history_dirty WHERE unit = ?1 AND bucket < ?2
              ORDER BY source, bucket LIMIT ?3",
        )?
        .query_map([unit.number(), open, most as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, bucket) in &marks {
        let span = unit.span(*bucket, calendar);
        let source = Source::by_id(db, *id)?;
        if !source.is_final(span.start) {
            let content = fold(db, *id, span.clone())?;
            for (series, ..) in source.series(db)? {
                match content.get(&series) {
                    Some(content) => unit.put(db, series, *bucket, content)?,
                    None => unit.delete(db, series, *bucket)?,
                }
            }
        }
        if unit == Unit::Hour {
            for day in calendar.day_of(span.start)..=calendar.day_of(span.end - 1) {
                mark(db, Unit::Day, *id, day)?;
            }
        }
        db.prepare_cached(
            "DELETE FROM history_dirty WHERE unit = ?1 AND source = ?2 AND bucket = ?3",
        )?
        .execute([unit.number(), *id, *bucket])?;
    }
    Ok(marks.len())
}

/// What goes in this maintenance: everything before these.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    raw: i64,
    hour: i64,
    day: i64,
}

/// Decides what goes, one day at most of each kind, and makes it known that raw polls are going.
fn advance(db: &Connection, id: i64, limits: &Limits) -> rusqlite::Result<Cuts> {
    let source = Source::by_id(db, id)?;
    let calendar = limits.calendar;
    let mut cuts = Cuts { raw: source.raw_from.unwrap_or(i64::MIN), hour: i64::MIN, day: i64::MIN };
    if let Some(oldest) = first_raw(db, id, cuts.raw)? {
        let end_of = |day: i64| hour_floor(calendar.start(day + 1));
        let mut day = calendar.day_of(oldest);
        if end_of(day) <= cuts.raw {
            // The last minutes of the day before, where days don't begin with an hour.
            day += 1;
        }
        let next = limits.raw.min(end_of(day));
        if next > cuts.raw && !has_marks(db, id, next, calendar)? {
            cuts.raw = next;
            db.prepare_cached("UPDATE history_source SET raw_from = ?2 WHERE id = ?1")?
                .execute([id, next])?;
        }
    }
    let series = source.series(db)?;
    let oldest = |unit: Unit| -> rusqlite::Result<Option<i64>> {
        let mut oldest = None;
        for (series, ..) in &series {
            let first = unit.ends(db, *series)?.map(|(first, _)| first);
            oldest = [oldest, first].into_iter().flatten().min();
        }
        Ok(oldest)
    };
    if let Some(oldest) = oldest(Unit::Hour)? {
        cuts.hour = limits.hour.min(oldest + 24);
        if source.hours_from.is_none_or(|from| from < cuts.hour) && oldest < cuts.hour {
            db.prepare_cached("UPDATE history_source SET hours_from = ?2 WHERE id = ?1")?
                .execute([id, cuts.hour])?;
        }
    }
    if let Some(oldest) = oldest(Unit::Day)? {
        cuts.day = limits.day.min(oldest + 1);
    }
    Ok(cuts)
}

/// Whether an hour or day that begins before a time has to be rolled up first.
fn has_marks(db: &Connection, id: i64, before: i64, calendar: Calendar) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM history_dirty
           WHERE source = ?1 AND (unit = 0 AND bucket < ?2 OR unit = 1 AND bucket <= ?3))",
    )?
    .query_row([id, hour_of(before), calendar.day_of(before - 1)], |row| row.get(0))
}

/// Deletes the oldest raw polls before a time, a limited number. Returns how many figures went.
fn delete_raw(db: &Connection, id: i64, before: i64) -> rusqlite::Result<usize> {
    let Some(oldest) = first_raw(db, id, i64::MIN)?.filter(|oldest| *oldest < before) else {
        return Ok(0);
    };
    db.prepare_cached("DELETE FROM history_raw WHERE source = ?1 AND time < ?2")?
        .execute([id, before.min(oldest + SECONDS_PER_STEP)])
}

fn delete_rollups(db: &Connection, source: Source, cuts: &Cuts) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for (series, ..) in source.series(db)? {
        deleted += db
            .prepare_cached("DELETE FROM history_hour WHERE series = ?1 AND hour < ?2")?
            .execute([series, cuts.hour])?;
        deleted += db
            .prepare_cached("DELETE FROM history_day WHERE series = ?1 AND day < ?2")?
            .execute([series, cuts.day])?;
    }
    Ok(deleted)
}
