//! What is known of the seats of a site.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, params};

use super::difference::{PART, part};
use super::row::{seat_type_of, uuid_of};
use super::{PeopleMarks, SeatList, Seats, StoredPerson};
use crate::event::stored;
use crate::insight::activity::Day;
use crate::ledger::{Action, Entry};
use crate::license::changes::{CHURN_DAYS, Change, Known, OwnAction};
use crate::license::{ChangeKind, SeatType};
use crate::store::release::from_json;
use crate::store::{Store, StoreError, time_of};

/// People are read in parts of so many.
const PEOPLE_AT_ONCE: usize = 20_000;
/// A site has some hundred roles and some thousand groups.
const MOST_MARKS: i64 = 100_000;

impl Store {
    /// The seats of a site as they were read last; empty when they never were.
    pub async fn seats(&self, site: &str) -> Result<Seats, StoreError> {
        let mut seats = self.lists(site).await?;
        seats.people = self.people(site).await?;
        Ok(seats)
    }

    /// The people of a site that were read in full.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn people(
        &self,
        site: &str,
    ) -> Result<HashMap<uuid::Uuid, StoredPerson>, StoreError> {
        let gate = &self.shared.gate;
        let mut all = HashMap::new();
        // In parts: others use the store, too.
        let mut last = String::new();
        loop {
            let (name, after) = (site.to_owned(), std::mem::take(&mut last));
            let read = move |db: &Connection| people(db, &name, &after);
            let part = gate.read("read the users of seats", read).await?;
            let whole = part.len() == PEOPLE_AT_ONCE;
            last = part.last().map_or(String::new(), |(id, _)| id.to_string());
            all.extend(part);
            if !whole {
                return Ok(all);
            }
        }
    }

    /// The lists, in parts, and again when one of them was written meanwhile.
    async fn lists(&self, site: &str) -> Result<Seats, StoreError> {
        let gate = &self.shared.gate;
        loop {
            let mut lists = self.seat_lists(site).await?;
            for list in &mut lists {
                let mut next = Some(String::new());
                while let Some(after) = next {
                    let (name, seat_type) = (site.to_owned(), list.seat_type);
                    let read = move |db: &Connection| part(db, &name, seat_type, &after);
                    let seats = gate.read("read the seats", read).await?;
                    let last = seats.last().filter(|_| seats.len() == PART);
                    next = last.map(|known| known.seat.id.to_string());
                    list.seats.extend(seats);
                }
            }
            let times = |lists: &[SeatList]| {
                lists.iter().map(|list| (list.seat_type, list.last_read)).collect::<Vec<_>>()
            };
            // A list is written whole, with its time: what was read before and after it does not fit together.
            if times(&self.seat_lists(site).await?) == times(&lists) {
                return Ok(Seats { lists, ..Seats::default() });
            }
        }
    }

    /// Which lists were read, and when; without their seats.
    pub async fn seat_lists(&self, site: &str) -> Result<Vec<SeatList>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| list_times(db, &site);
        self.shared.gate.read("read when seats were read", query).await
    }

    /// Roles and groups of the people of a site that were read in full, up to a limit of each.
    pub async fn people_marks(&self, site: &str) -> Result<PeopleMarks, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut marks = PeopleMarks::default();
            let mut query = db.prepare_cached(
                "SELECT user, json_array_length(json, '$.roles'), json_array_length(json, '$.groups')
                   FROM seat_person WHERE site = ?1",
            )?;
            let mut rows = query.query([&site])?;
            while let Some(row) = rows.next()? {
                let id = uuid_of(row, 0)?;
                if row.get::<_, Option<i64>>(1)?.is_some() {
                    marks.roles_of.push(id);
                }
                if row.get::<_, Option<i64>>(2)?.is_some_and(|groups| groups > 0) {
                    marks.groups_of.push(id);
                }
            }
            let each = |path: &str| -> rusqlite::Result<BTreeSet<Box<str>>> {
                db.prepare_cached(
                    "SELECT DISTINCT value FROM seat_person, json_each(seat_person.json, ?2)
                      WHERE site = ?1 AND type = 'text' LIMIT ?3",
                )?
                .query_map(params![site, path, MOST_MARKS], |row| row.get(0))?
                .collect()
            };
            (marks.roles, marks.groups) = (each("$.roles")?, each("$.groups")?);
            Ok(marks)
        };
        self.shared.gate.read("read the roles and groups of people", query).await
    }

    /// The changes of a site from `from` (included) to `to` (not included), oldest first.
    pub async fn seat_changes(
        &self,
        site: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Change>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT json FROM seat_change
                  WHERE site = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, id",
            )?;
            let range = params![site, from.timestamp_millis(), to.timestamp_millis()];
            let change =
                |row: &rusqlite::Row<'_>| from_json::<stored::Change>(row, 0).map(Into::into);
            query.query_map(range, change)?.collect()
        };
        self.shared.gate.read("read the changes of seats", query).await
    }

    /// The next changes from `from` (included) to `to` (not included), after the one that was read last, each
    /// with its number. Fewer than 10,000 are the end.
    pub async fn next_seat_changes(
        &self,
        site: &str,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        after: Option<(DateTime<Utc>, i64)>,
    ) -> Result<Vec<(i64, Change)>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT id, json FROM seat_change
                  WHERE site = ?1 AND time >= ?2 AND time < ?3 AND (time > ?2 OR id > ?4)
                  ORDER BY time, id LIMIT ?5",
            )?;
            let (start, last) = after.unwrap_or((from, 0));
            let range =
                params![site, start.timestamp_millis(), to.timestamp_millis(), last, PART as i64];
            let change = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, from_json::<stored::Change>(row, 1)?.into()))
            };
            query.query_map(range, change)?.collect()
        };
        self.shared.gate.read("read the changes of seats", query).await
    }

    /// The newest changes of a site, before one of this time and number; each with its number.
    pub async fn newest_seat_changes(
        &self,
        site: &str,
        before: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<Vec<(i64, Change)>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT id, json FROM seat_change
                  WHERE site = ?1 AND time <= ?2 AND (time < ?2 OR id < ?3)
                  ORDER BY time DESC, id DESC LIMIT ?4",
            )?;
            let (time, id) = before.unwrap_or((i64::MAX, i64::MAX));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let change = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, from_json::<stored::Change>(row, 1)?.into()))
            };
            query.query_map(params![site, time, id, limit], change)?.collect()
        };
        self.shared.gate.read("read the changes of seats", query).await
    }

    /// The users of each day since `from`, of a type or (`None`) of all types together, by day. A
    /// day on which nobody looked is there only if a later reading told of it.
    pub async fn seat_days(
        &self,
        site: &str,
        seat_type: Option<SeatType>,
        from: chrono::NaiveDate,
    ) -> Result<Vec<Day>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut query = db.prepare_cached(
                "SELECT day, users, readings FROM seat_day
                  WHERE site = ?1 AND seat_type = ?2 AND day >= ?3 ORDER BY day",
            )?;
            let seat_type = seat_type.map_or("", SeatType::as_str);
            let day = |row: &rusqlite::Row<'_>| {
                let text: String = row.get(0)?;
                let day = text.parse().map_err(|e: chrono::ParseError| {
                    crate::store::release::unreadable(0, e.into())
                })?;
                Ok(Day { day, users: row.get(1)?, readings: row.get(2)? })
            };
            query.query_map(params![site, seat_type, from.to_string()], day)?.collect()
        };
        self.shared.gate.read("read the users of each day", query).await
    }

    /// What a comparison of the lists has to know beside them: what Bursar did since `since`, and who
    /// lost a seat not long ago. Who is gone from the site is not known here.
    pub async fn known_of_seats(
        &self,
        site: &str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Known, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            Ok(Known {
                own_actions: own_actions(db, &site, since)?,
                lost: lost(db, &site, now)?,
                ..Known::default()
            })
        };
        self.shared.gate.read("read what became of seats", query).await
    }
}

fn list_times(db: &Connection, site: &str) -> rusqlite::Result<Vec<SeatList>> {
    let mut query = db
        .prepare_cached("SELECT seat_type, first_read, last_read FROM seat_list WHERE site = ?1")?;
    let list = |row: &rusqlite::Row<'_>| {
        Ok(SeatList {
            seat_type: seat_type_of(row, 0)?,
            first_read: time_of(row.get(1)?),
            last_read: time_of(row.get(2)?),
            seats: Vec::new(),
        })
    };
    let mut lists: Vec<_> = query.query_map([site], list)?.collect::<rusqlite::Result<_>>()?;
    lists.sort_by_key(|list| list.seat_type);
    Ok(lists)
}

/// The people after an id, in the order of ids.
fn people(
    db: &Connection,
    site: &str,
    after: &str,
) -> rusqlite::Result<Vec<(uuid::Uuid, StoredPerson)>> {
    let mut query = db.prepare_cached(
        "SELECT user, read, json FROM seat_person WHERE site = ?1 AND user > ?2
          ORDER BY user LIMIT ?3",
    )?;
    let person = |row: &rusqlite::Row<'_>| {
        let stored = StoredPerson { read: time_of(row.get(1)?), person: from_json(row, 2)? };
        Ok((uuid_of(row, 0)?, stored))
    };
    query.query_map(params![site, after, PEOPLE_AT_ONCE as i64], person)?.collect()
}

/// What became of Bursar's intents since then. One whose outcome is not known yet counts as done: the
/// list shows whether it was.
fn own_actions(
    db: &Connection,
    site: &str,
    since: DateTime<Utc>,
) -> rusqlite::Result<Vec<OwnAction>> {
    let mut own_actions = Vec::new();
    let mut decided = HashMap::new();
    let mut query = db.prepare_cached(
        "SELECT seq, time, run, entry FROM ledger
          WHERE site = ?1 AND kind IN ('intent', 'outcome') AND time >= ?2 ORDER BY seq DESC",
    )?;
    let mut rows = query.query(params![site, since.timestamp_millis()])?;
    while let Some(row) = rows.next()? {
        let time = time_of(row.get(1)?);
        match from_json(row, 3)? {
            Entry::Outcome(outcome) => {
                let done = outcome.is_release() || outcome.is_return();
                // A later one has corrected it.
                if decided.contains_key(&outcome.intent) {
                    continue;
                }
                if done {
                    own_actions.push(OwnAction {
                        seat_type: outcome.seat_type,
                        seat: outcome.seat,
                        user: outcome.holder.id,
                        restored: outcome.action == Action::Allocate,
                        time,
                        run: row.get(2)?,
                    });
                }
                if outcome.is_final() {
                    decided
                        .insert(outcome.intent, own_actions.len().checked_sub(1).filter(|_| done));
                }
            }
            Entry::Intent(intent) => {
                let seq = row.get::<_, i64>(0)?.unsigned_abs();
                match decided.get(&seq) {
                    // Its outcome may stand in a later run.
                    Some(Some(action)) => own_actions[*action].run = row.get(2)?,
                    Some(None) => {}
                    None => own_actions.push(OwnAction {
                        seat_type: intent.seat_type,
                        seat: intent.seat,
                        user: intent.holder.id,
                        restored: intent.action == Action::Allocate,
                        time,
                        run: row.get(2)?,
                    }),
                }
            }
            _ => {}
        }
    }
    Ok(own_actions)
}

type Lost = HashMap<(SeatType, uuid::Uuid), DateTime<Utc>>;

/// When users last lost a seat, within the time that churn looks back: by what was noticed, and by
/// what Bursar noted itself, also while the seats were not watched.
fn lost(db: &Connection, site: &str, now: DateTime<Utc>) -> rusqlite::Result<Lost> {
    // Changes are noticed later than they happen.
    let since = (now - TimeDelta::days(CHURN_DAYS + 1)).timestamp_millis();
    let mut lost = Lost::new();
    let kinds = [ChangeKind::Released, ChangeKind::Quarantined].map(ChangeKind::as_str);
    let mut query = db.prepare_cached(
        "SELECT seat_type, user, max(time) FROM seat_change
          WHERE site = ?1 AND time >= ?2 AND kind IN (?3, ?4) AND user IS NOT NULL
          GROUP BY seat_type, user",
    )?;
    let mut rows = query.query(params![site, since, kinds[0], kinds[1]])?;
    while let Some(row) = rows.next()? {
        lost.insert((seat_type_of(row, 0)?, uuid_of(row, 1)?), time_of(row.get(2)?));
    }
    let mut query = db.prepare_cached(
        "SELECT seat_type, user, time FROM release_past WHERE site = ?1 AND time >= ?2",
    )?;
    let mut rows = query.query(params![site, since])?;
    while let Some(row) = rows.next()? {
        let at = time_of(row.get(2)?);
        let known = lost.entry((seat_type_of(row, 0)?, uuid_of(row, 1)?)).or_insert(at);
        *known = (*known).max(at);
    }
    Ok(lost)
}
