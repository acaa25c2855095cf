//! Finding seats among all of a site, in one look through them: a page of rows and their number.
//!
//! It has a connection of its own: whoever looks for a seat keeps nobody else from the store.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::KnownSeat;
use super::row::{COLUMNS, known_seat, moment_of, seat_type_of};
use crate::event::stored;
use crate::insight::idle::Use;
use crate::license::{Change, SeatType};
use crate::store::release::from_json;
use crate::store::{Store, StoreError, file};

/// Which seats are meant: those that all parts agree on.
#[derive(Debug, Clone, Default)]
pub struct SeatFilter {
    pub seat_type: Option<SeatType>,
    /// Of their holder, in whatever case.
    pub directory: Option<String>,
    /// In lower case, each somewhere in the account or the name.
    pub words: Vec<String>,
    /// Idle for so many whole days, both included, as [`Use::idle_days`] counts them.
    pub idle: Option<(i64, i64)>,
    pub never_used: bool,
    pub state: Option<SeatState>,
    /// Only these.
    pub only: Option<Arc<HashSet<Uuid>>>,
    /// Only seats of all of these groups of people.
    pub people: Vec<Arc<HashSet<Uuid>>>,
}

/// What is unusual about a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatState {
    Quarantined,
    Excess,
    /// Its user is deleted.
    WithoutUser,
    /// Not in quarantine.
    Allocated,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SeatOrder {
    /// Idle for the longest time; of which that is not known, last.
    #[default]
    Idle,
    /// Used or allocated last.
    Used,
    /// Allocated last.
    Allocated,
    /// By account.
    Person,
}

/// Where a page of rows ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeatPlace {
    pub key: SeatKey,
    pub seat_type: SeatType,
    pub seat: Uuid,
}

/// What rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatKey {
    Number(i64),
    Text(Box<str>),
}

/// A page of seats.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSeats {
    /// How many there are of all pages.
    pub total: u64,
    pub seats: Vec<KnownSeat>,
    /// Where the page ends, if more follow.
    pub next: Option<SeatPlace>,
}

/// The row that is in hand, as far as filters and orders look at it.
struct Looked<'a> {
    directory: Option<&'a str>,
    user_id: &'a str,
    name: &'a str,
    /// Of a user that was deleted: the account, where the site still knows it.
    deleted_user: Option<&'a str>,
    excess: bool,
    facts: Use<'a>,
}

impl Store {
    /// At most `limit` seats of a site that a filter means, after a place; as they were read last.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn find_seats(
        &self,
        site: &str,
        filter: SeatFilter,
        order: SeatOrder,
        (after, limit): (Option<SeatPlace>, usize),
        now: DateTime<Utc>,
    ) -> Result<FoundSeats, StoreError> {
        let site = site.to_owned();
        let search = Search { site, filter, order, after, limit, now };
        self.aside("look for seats", move |db| search.run(db)).await
    }

    /// The seats of a person, and what happened to those they had, newest first, at most `limit`.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn person(
        &self,
        site: &str,
        user: Uuid,
        limit: usize,
    ) -> Result<(Vec<KnownSeat>, Vec<Change>), StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let user = user.to_string();
            let mut seats = db.prepare_cached(&format!(
                "SELECT {COLUMNS}, seat_type FROM seat INDEXED BY seat_user
                  WHERE site = ?1 AND user = ?2"
            ))?;
            let row = |row: &Row<'_>| known_seat(row, seat_type_of(row, 13)?);
            let seats = seats.query_map([&site, &user], row)?.collect::<Result<_, _>>()?;
            let mut changes = db.prepare_cached(
                "SELECT json FROM seat_change
                  WHERE site = ?1 AND user = ?2 ORDER BY time DESC, id DESC LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let change = |row: &Row<'_>| from_json::<stored::Change>(row, 0).map(Into::into);
            let changes = changes.query_map(params![site, user, limit], change)?;
            Ok((seats, changes.collect::<Result<_, _>>()?))
        };
        self.aside("read a person", query).await
    }

    /// The accounts that are asked for of those that had a seat of the site, as far as changes and the record of releases
    /// tell: `CORP\anna`, as the site wrote it.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn had_seats(
        &self,
        site: &str,
        is_asked: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<HashSet<String>, StoreError> {
        let site = site.to_owned();
        let query = move |db: &Connection| {
            let mut found = HashSet::new();
            for sql in [
                "SELECT coalesce(json_extract(json, '$.holder.directory') || char(92)
                          || json_extract(json, '$.holder.userId'), json_extract(json, '$.deletedUser'))
                   FROM seat_change WHERE site = ?1",
                "SELECT json_extract(entry, '$.holder.directory') || char(92)
                          || json_extract(entry, '$.holder.userId')
                   FROM ledger WHERE site = ?1 AND kind = 'intent' AND json_valid(entry)",
            ] {
                let mut query = db.prepare_cached(sql)?;
                let mut rows = query.query([&site])?;
                while let Some(row) = rows.next()? {
                    let account: Option<String> = row.get(0)?;
                    found.extend(account.filter(|account| is_asked(account)));
                }
            }
            Ok(found)
        };
        self.aside("look who had a seat", query).await
    }

    /// Reads with a connection of its own.
    pub(in crate::store) async fn aside<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path().to_owned();
        let read = move || {
            let db = file::open_shared_to_read(&path)?;
            query(&db).map_err(|e| StoreError::from_sql(&path, doing, &e))
        };
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Closed))
    }
}

struct Search {
    site: String,
    filter: SeatFilter,
    order: SeatOrder,
    after: Option<SeatPlace>,
    limit: usize,
    now: DateTime<Utc>,
}

impl Search {
    fn run(&self, db: &Connection) -> rusqlite::Result<FoundSeats> {
        // One transaction: the list may be written meanwhile.
        db.execute_batch("BEGIN")?;
        let mut total = 0;
        // The first ones after the place, the last of them on top.
        let mut first: BinaryHeap<SeatPlace> = BinaryHeap::with_capacity(self.limit + 2);
        let mut query = db.prepare_cached(
            "SELECT seat_type, seat, directory, user_id, name, deleted_user, created, last_used,
                    excess, quarantined, user
               FROM seat WHERE site = ?1 AND seat_type IN (?2, ?3, ?4)",
        )?;
        let types = match self.filter.seat_type {
            Some(of) => [of; SeatType::ALL.len()],
            None => SeatType::ALL,
        };
        let [a, b, c] = types.map(SeatType::as_str);
        let mut rows = query.query(params![self.site, a, b, c])?;
        while let Some(row) = rows.next()? {
            let (created, last_used) = (moment_of(row, 6)?, moment_of(row, 7)?);
            let directory = text_of(row, 2)?;
            let looked = Looked {
                directory,
                user_id: text_of(row, 3)?.unwrap_or_default(),
                name: text_of(row, 4)?.unwrap_or_default(),
                deleted_user: text_of(row, 5)?,
                excess: row.get(8)?,
                facts: Use {
                    directory,
                    quarantined: row.get(9)?,
                    created: &created,
                    last_used: &last_used,
                },
            };
            if !self.is_meant(&looked) || !self.is_among(row)? {
                continue;
            }
            total += 1;
            let key = self.key(&looked);
            // Most are behind those that are there already.
            let is_behind = first.len() > self.limit
                && first.peek().is_some_and(|last| key.cmp(&last.key) == Ordering::Greater);
            if is_behind {
                continue;
            }
            let place = SeatPlace { key, seat_type: seat_type_of(row, 0)?, seat: uuid(row)? };
            if self.after.as_ref().is_none_or(|after| place > *after) {
                first.push(place);
                if first.len() > self.limit + 1 {
                    first.pop();
                }
            }
        }
        let mut places = first.into_sorted_vec();
        let more = places.len() > self.limit;
        places.truncate(self.limit);
        let mut seats = Vec::with_capacity(places.len());
        let mut query = db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM seat WHERE site = ?1 AND seat_type = ?2 AND seat = ?3"
        ))?;
        for SeatPlace { seat_type, seat, .. } in &places {
            let key = params![self.site, seat_type.as_str(), seat.to_string()];
            let found = query.query_row(key, |row| known_seat(row, *seat_type)).optional()?;
            seats.extend(found);
        }
        let next = places.pop().filter(|_| more);
        Ok(FoundSeats { total, seats, next })
    }

    fn is_meant(&self, row: &Looked<'_>) -> bool {
        let filter = &self.filter;
        let state = match filter.state {
            None => true,
            Some(SeatState::Quarantined) => row.facts.quarantined,
            Some(SeatState::Excess) => row.excess,
            Some(SeatState::WithoutUser) => row.directory.is_none(),
            Some(SeatState::Allocated) => !row.facts.quarantined,
        };
        let in_directory = filter
            .directory
            .as_ref()
            .is_none_or(|wanted| row.directory.is_some_and(|of| same(of, wanted)));
        state
            && in_directory
            && (!filter.never_used || row.facts.is_never_used())
            && filter.idle.is_none_or(|(least, most)| {
                row.facts.idle_days(self.now).is_some_and(|days| days >= least && days <= most)
            })
            && filter.words.iter().all(|word| {
                holds(row.name, word)
                    || holds(row.user_id, word)
                    || row.deleted_user.is_some_and(|account| holds(account, word))
                    || row.directory.is_some_and(|directory| {
                        word.contains('\\') && holds(&format!("{directory}\\{}", row.user_id), word)
                    })
            })
    }

    fn is_among(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        if let Some(only) = &self.filter.only
            && !only.contains(&uuid(row)?)
        {
            return Ok(false);
        }
        if self.filter.people.is_empty() {
            return Ok(true);
        }
        let user = text_of(row, 10)?.and_then(|user| user.parse().ok());
        Ok(user.is_some_and(|user| self.filter.people.iter().all(|of| of.contains(&user))))
    }

    fn key(&self, row: &Looked<'_>) -> SeatKey {
        let ms = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_millis());
        match self.order {
            SeatOrder::Idle => SeatKey::Number(ms(row.facts.idle_since()).unwrap_or(i64::MAX)),
            SeatOrder::Used => {
                let used = ms(row.facts.since());
                SeatKey::Number(used.map_or(i64::MAX, |at| at.saturating_neg()))
            }
            SeatOrder::Allocated => {
                let at = ms(row.facts.created.at());
                SeatKey::Number(at.map_or(i64::MAX, |at| at.saturating_neg()))
            }
            SeatOrder::Person => {
                let directory = row.directory.unwrap_or_default();
                let account = format!("{directory}\\{}", row.user_id).to_lowercase();
                SeatKey::Text(account.into())
            }
        }
    }
}

fn uuid(row: &Row<'_>) -> rusqlite::Result<Uuid> {
    super::row::uuid_of(row, 1)
}

fn text_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Option<&'a str>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => Some(std::str::from_utf8(text).unwrap_or_default()),
        _ => None,
    })
}

/// Whether a text is another one, in whatever case.
fn same(text: &str, wanted: &str) -> bool {
    text.eq_ignore_ascii_case(wanted)
        || !text.is_ascii() && text.to_lowercase() == wanted.to_lowercase()
}

/// Whether a word in lower case is in a text.
fn holds(text: &str, word: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(word);
    }
    let word = word.as_bytes();
    word.is_empty()
        || text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}
