//! Keeping a reading of the lists.

use chrono::{NaiveDate, TimeDelta};
use rusqlite::{Connection, OptionalExtension, params};

use super::difference::{self, Difference, PART};
use super::{SeatReading, gaps};
use crate::event::{Body, Event, SeatActivity, stored};
use crate::license::{Change, Person, SeatType};
use crate::store::history::{self, Sample};
use crate::store::release::to_json;
use crate::store::{Store, StoreError, time_of};

impl Store {
    /// Keeps a reading and queues the events that tell of it, all or nothing. Others use the store in between:
    /// people come first, in parts, and those who have no seat any more go last, in parts, too. The lists
    /// are compared with what is known in parts; then what differs is written with the events. Nobody sees a part of a
    /// list as the whole: the rows of the first list of a type are written in parts, and count once the type does.
    /// Reading the same again changes nothing but the time of the reading.
    pub async fn keep_seats(
        &self,
        site: &str,
        mut reading: SeatReading,
        events: Vec<(Event, Vec<String>)>,
    ) -> Result<(), StoreError> {
        let site = site.to_owned();
        // Whoever turns out to have no seat goes with the lists.
        let mut people = std::mem::take(&mut reading.people).into_iter().peekable();
        while people.peek().is_some() {
            let part: Vec<Person> = people.by_ref().take(PART).collect();
            let (site, read) = (site.clone(), reading.time.timestamp_millis());
            let change = move |db: &Connection| keep_people(db, &site, read, &part);
            self.shared.gate.write("keep the users of seats", change).await?;
        }
        let activity = events.iter().find_map(|(event, _)| match &event.body {
            Body::SeatActivity(activity) => Some(activity.clone()),
            _ => None,
        });
        let gate = &self.shared.gate;
        let mut differences = Vec::new();
        for (seat_type, seats) in std::mem::take(&mut reading.lists) {
            differences.push(difference::find(gate, &site, reading.time, seat_type, seats).await?);
        }
        let changes = stored_changes(std::mem::take(&mut reading.changes)).await?;
        let of = site.clone();
        self.record_with(events, move |db| {
            if let Some(activity) = activity {
                keep_figures(db, &of, &reading, &activity)?;
            }
            keep(db, &of, &reading, &differences, &changes)
        })
        .await?;
        self.forget_people(site).await
    }

    /// Those who have no seat any more are nobody's business.
    async fn forget_people(&self, site: String) -> Result<(), StoreError> {
        let mut next = Some(String::new());
        while let Some(after) = next {
            let site = site.clone();
            let change = move |db: &Connection| forget_people(db, &site, &after);
            next = self.shared.gate.write("forget users without a seat", change).await?;
        }
        Ok(())
    }
}

fn keep(
    db: &Connection,
    site: &str,
    reading: &SeatReading,
    differences: &[Difference],
    changes: &[(Change, String)],
) -> rusqlite::Result<()> {
    for difference in differences {
        difference.apply(db, site, reading.time)?;
    }
    for (change, json) in changes {
        keep_change(db, site, change, json)?;
    }
    keep_days(db, site, reading, differences)?;
    gaps::forget(db, site, reading)?;
    let oldest = reading.time - TimeDelta::days(reading.keep_changes_days.into());
    db.prepare_cached("DELETE FROM seat_change WHERE site = ?1 AND time < ?2")?
        .execute(params![site, oldest.timestamp_millis()])
        .map(drop)
}

fn keep_people(db: &Connection, site: &str, read: i64, people: &[Person]) -> rusqlite::Result<()> {
    for person in people {
        db.prepare_cached("INSERT OR REPLACE INTO seat_person VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![site, person.id.to_string(), read, to_json(person)?])?;
    }
    Ok(())
}

/// Of the next users after one. Returns the last of them, if there were any.
fn forget_people(db: &Connection, site: &str, after: &str) -> rusqlite::Result<Option<String>> {
    let last: Option<String> = db
        .prepare_cached(
            "SELECT max(user) FROM (SELECT user FROM seat_person WHERE site = ?1 AND user > ?2
                                     ORDER BY user LIMIT ?3)",
        )?
        .query_row(params![site, after, PART as i64], |row| row.get(0))?;
    let Some(last) = last else { return Ok(None) };
    db.prepare_cached(
        "DELETE FROM seat_person WHERE site = ?1 AND user > ?2 AND user <= ?3 AND NOT EXISTS
             (SELECT 1 FROM seat WHERE seat.site = ?1 AND seat.user = seat_person.user)",
    )?
    .execute(params![site, after, last])?;
    Ok(Some(last))
}

/// The changes with their stored form, made on a thread of its own: there may be many.
pub(super) async fn stored_changes(
    changes: Vec<Change>,
) -> Result<Vec<(Change, String)>, StoreError> {
    let make = move || {
        let form =
            |change: Change| to_json(&stored::Change::from(&change)).map(|json| (change, json));
        changes.into_iter().map(form).collect::<rusqlite::Result<_>>()
    };
    let made = tokio::task::spawn_blocking(make).await.map_err(|_| StoreError::Closed)?;
    Ok(made.expect("a change is JSON"))
}

pub(super) fn keep_change(
    db: &Connection,
    site: &str,
    change: &Change,
    json: &str,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO seat_change (site, time, seat_type, kind, user, initial, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        site,
        change.time.timestamp_millis(),
        change.seat_type.as_str(),
        change.kind.as_str(),
        change.holder.as_ref().map(|holder| holder.id.to_string()),
        change.initial,
        json,
    ])
    .map(drop)
}

/// Adds who is new on a day, and counts the reading on its own day.
fn keep_days(
    db: &Connection,
    site: &str,
    reading: &SeatReading,
    differences: &[Difference],
) -> rusqlite::Result<()> {
    for (day, users) in &reading.new_on_days {
        add_day(db, site, *day, *users, 0)?;
    }
    let today = reading.time.with_timezone(&reading.zone).date_naive();
    let types = differences.iter().map(|difference| Some(difference.seat_type));
    for seat_type in types.chain([None]) {
        add_day(db, site, (today, seat_type), 0, 1)?;
    }
    Ok(())
}

pub(super) fn add_day(
    db: &Connection,
    site: &str,
    (day, seat_type): (NaiveDate, Option<SeatType>),
    users: u32,
    readings: u32,
) -> rusqlite::Result<()> {
    let seat_type = seat_type.map_or("", SeatType::as_str);
    db.prepare_cached(
        "INSERT INTO seat_day VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET users = users + excluded.users,
                                   readings = readings + excluded.readings",
    )?
    .execute(params![site, day.to_string(), seat_type, users, readings])
    .map(drop)
}

/// Keeps the figures of a type in the history once a day, at its first reading of that day; with the
/// users of the day of the reading before, which is over then. Hourly figures would take much
/// room and tell little more: all windows are whole days.
fn keep_figures(
    db: &Connection,
    site: &str,
    reading: &SeatReading,
    activity: &SeatActivity,
) -> rusqlite::Result<()> {
    let day = |time: chrono::DateTime<chrono::Utc>| time.with_timezone(&reading.zone).date_naive();
    for of in &activity.types {
        let seat_type = of.seat_type.as_str();
        let before: Option<i64> = db
            .prepare_cached("SELECT last_read FROM seat_list WHERE site = ?1 AND seat_type = ?2")?
            .query_row([site, seat_type], |row| row.get(0))
            .optional()?;
        let before = before.map(time_of);
        if before.is_some_and(|before| day(before) == day(reading.time)) {
            continue;
        }
        let pool = format!("activity_{seat_type}");
        let sample = |time, field: &'static str, value: u32| Sample {
            time,
            pool: pool.clone().into(),
            field: field.into(),
            value: value.into(),
        };
        let mut samples: Vec<_> = figures(of)
            .into_iter()
            .map(|(field, value)| sample(reading.time, field, value))
            .collect();
        if let Some(before) = before {
            let users = users_of(db, site, seat_type, &day(before).to_string())?;
            let late = reading.new_on_days.get(&(day(before), Some(of.seat_type)));
            samples.push(sample(before, "daily_users", users + late.copied().unwrap_or(0)));
        }
        history::keep(db, site, &samples)?;
    }
    Ok(())
}

fn users_of(db: &Connection, site: &str, seat_type: &str, day: &str) -> rusqlite::Result<u32> {
    let users = db
        .prepare_cached(
            "SELECT users FROM seat_day WHERE site = ?1 AND seat_type = ?2 AND day = ?3",
        )?
        .query_row([site, seat_type, day], |row| row.get(0))
        .optional()?;
    Ok(users.unwrap_or(0))
}

/// The figures of a type that are kept in the history, by field.
fn figures(of: &crate::event::TypeActivity) -> [(&'static str, u32); 12] {
    let usage = &of.usage;
    [
        ("seats", usage.seats),
        ("active_1", of.active.last_day),
        ("active_7", of.active.last_7_days),
        ("active_28", of.active.last_28_days),
        ("active_90", of.active.last_90_days),
        ("never_used", usage.idle.never_used),
        ("idle_over_90", usage.idle.over_90),
        ("reclaimable_30", usage.reclaimable.after_30_days),
        ("reclaimable_60", usage.reclaimable.after_60_days),
        ("reclaimable_90", usage.reclaimable.after_90_days),
        ("excess", usage.excess),
        ("quarantined", usage.quarantined),
    ]
}
