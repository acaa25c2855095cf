//! What a list of seats changes of what is known, found in parts: others use the store in between.
//!
//! Only the daemon writes lists, and only one poller those of a site, so what is known stays as it is
//! until the difference is written.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::KnownSeat;
use super::gaps::{self, IdleGap};
use super::row::{self, COLUMNS, as_stored, known_seat};
use crate::insight::activity::seen_first_use;
use crate::license::{Seat, SeatType};
use crate::store::StoreError;
use crate::store::gate::Gate;

/// Rows are read and written in parts of so many, a tenth of a second each.
pub(super) const PART: usize = 10_000;

/// What has to be written so that the list of a type is as it was read.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) seat_type: SeatType,
    /// New or changed. Of a first list they are written already.
    rows: Vec<KnownSeat>,
    gone: Vec<Uuid>,
    gaps: Vec<IdleGap>,
}

/// Compares a list with what is known, and writes the rows of a first one.
pub(super) async fn find(
    gate: &Gate,
    site: &str,
    time: DateTime<Utc>,
    seat_type: SeatType,
    seats: Vec<Seat>,
) -> Result<Difference, StoreError> {
    let name = site.to_owned();
    let query = move |db: &Connection| gaps::last_read(db, &name, seat_type);
    let last_read = gate.read("read when seats were read", query).await?;
    let mut search = Search {
        site: site.into(),
        time,
        last_read,
        found: Difference { seat_type, rows: Vec::new(), gone: Vec::new(), gaps: Vec::new() },
        new: HashMap::with_capacity(seats.len()),
    };
    // The last one, where a seat is listed twice.
    search.new.extend(seats.iter().map(as_stored).map(|seat| (seat.id, seat)));
    drop(seats);
    let mut next = Some(String::new());
    while let Some(after) = next {
        let part = move |db: &Connection| {
            let next = search.part(db, &after)?;
            Ok((search, next))
        };
        (search, next) = gate.read("read the seats", part).await?;
    }
    let is_first = search.last_read.is_none();
    let mut found = search.rest();
    if is_first {
        // Without an entry of its type in `seat_list` nobody reads these rows.
        let mut rows = std::mem::take(&mut found.rows).into_iter().peekable();
        while rows.peek().is_some() {
            let part: Vec<KnownSeat> = rows.by_ref().take(PART).collect();
            let name = site.to_owned();
            let change = move |db: &Connection| put(db, &name, &part);
            gate.write("keep seats", change).await?;
        }
    }
    Ok(found)
}

struct Search {
    site: Box<str>,
    time: DateTime<Utc>,
    /// `None`: the type was never read in full. Rows that are there are of a first list that was not kept
    /// to its end.
    last_read: Option<DateTime<Utc>>,
    found: Difference,
    /// Seats of the list that were not met among the known ones yet.
    new: HashMap<Uuid, Seat>,
}

impl Search {
    /// Compares the known seats that follow `after`. Returns the last of them, if there are more.
    fn part(&mut self, db: &Connection, after: &str) -> rusqlite::Result<Option<String>> {
        let seat_type = self.found.seat_type;
        let known = part(db, &self.site, seat_type, after)?;
        let last = known.last().filter(|_| known.len() == PART).map(|k| k.seat.id.to_string());
        for old in known {
            match (self.new.remove(&old.seat.id), self.last_read) {
                (None, _) => self.found.gone.push(old.seat.id),
                (Some(seat), None) => self.first(seat),
                (Some(seat), Some(last_read)) => self.again(seat, old, last_read),
            }
        }
        Ok(last)
    }

    fn again(&mut self, seat: Seat, old: KnownSeat, last_read: DateTime<Utc>) {
        self.found.gaps.extend(gaps::between((&old.seat, last_read), (&seat, self.time)));
        let first_used = old.first_used.or_else(|| seen_first_use(Some(&old.seat), &seat));
        let known = KnownSeat { first_seen: old.first_seen, first_used, seat };
        if old != known {
            self.found.rows.push(known);
        }
    }

    fn first(&mut self, seat: Seat) {
        let first_used = seen_first_use(None, &seat);
        self.found.rows.push(KnownSeat { first_seen: self.time, first_used, seat });
    }

    /// The seats that nobody knew.
    fn rest(mut self) -> Difference {
        for (_, seat) in std::mem::take(&mut self.new) {
            self.first(seat);
        }
        self.found
    }
}

/// The known seats of a type that follow `after`, in the order of their ids.
pub(super) fn part(
    db: &Connection,
    site: &str,
    seat_type: SeatType,
    after: &str,
) -> rusqlite::Result<Vec<KnownSeat>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM seat WHERE site = ?1 AND seat_type = ?2 AND seat > ?3
          ORDER BY seat LIMIT ?4"
    ))?;
    let range = params![site, seat_type.as_str(), after, PART as i64];
    query.query_map(range, |row| known_seat(row, seat_type))?.collect()
}

fn put(db: &Connection, site: &str, rows: &[KnownSeat]) -> rusqlite::Result<()> {
    rows.iter().try_for_each(|known| row::put(db, site, known))
}

impl Difference {
    pub(super) fn apply(
        &self,
        db: &Connection,
        site: &str,
        time: DateTime<Utc>,
    ) -> rusqlite::Result<()> {
        for gap in &self.gaps {
            gaps::keep(db, site, gap)?;
        }
        put(db, site, &self.rows)?;
        for gone in &self.gone {
            db.prepare_cached("DELETE FROM seat WHERE site = ?1 AND seat_type = ?2 AND seat = ?3")?
                .execute(params![site, self.seat_type.as_str(), gone.to_string()])?;
        }
        db.prepare_cached(
            "INSERT INTO seat_list VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT DO UPDATE SET last_read = excluded.last_read",
        )?
        .execute(params![site, self.seat_type.as_str(), time.timestamp_millis()])
        .map(drop)
    }
}
