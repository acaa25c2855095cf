//! Keeping what readings of years would have left: for made-up histories.

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, params};

use super::write::{add_day, keep_change, stored_changes};
use super::{IdleGap, KnownSeat, SeatList, gaps, row};
use crate::license::{Change, SeatType};
use crate::store::{Store, StoreError};

/// What is known of the seats of a site after years of looking at them.
#[derive(Debug, Clone, Default)]
pub struct SeatsPast {
    /// As they were read last.
    pub lists: Vec<SeatList>,
    /// Oldest first.
    pub changes: Vec<Change>,
    pub gaps: Vec<IdleGap>,
    pub days: Vec<UserDay>,
}

/// The users of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserDay {
    pub day: NaiveDate,
    /// `None`: of all types together.
    pub seat_type: Option<SeatType>,
    pub users: u32,
    /// How often the lists were read on that day.
    pub readings: u32,
}

impl Store {
    /// Keeps what is known of the seats of a site that was never read, all or nothing.
    pub async fn keep_seats_past(&self, site: &str, past: SeatsPast) -> Result<(), StoreError> {
        let SeatsPast { lists, changes, gaps, days } = past;
        let changes = stored_changes(changes).await?;
        let site = site.to_owned();
        let change = move |db: &Connection| {
            for list in &lists {
                keep_list(db, &site, list)?;
            }
            for (change, json) in &changes {
                keep_change(db, &site, change, json)?;
            }
            for gap in &gaps {
                gaps::keep(db, &site, gap)?;
            }
            for UserDay { day, seat_type, users, readings } in &days {
                add_day(db, &site, (*day, *seat_type), *users, *readings)?;
            }
            Ok(())
        };
        self.shared.gate.write("keep the past of seats", change).await
    }
}

fn keep_list(db: &Connection, site: &str, list: &SeatList) -> rusqlite::Result<()> {
    list.seats.iter().try_for_each(|known: &KnownSeat| row::put(db, site, known))?;
    let ms = |time: DateTime<Utc>| time.timestamp_millis();
    let times = (ms(list.first_read), ms(list.last_read));
    db.prepare_cached("INSERT INTO seat_list VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![site, list.seat_type.as_str(), times.0, times.1])
        .map(drop)
}
