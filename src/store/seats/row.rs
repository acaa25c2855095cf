//! Seats as rows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, named_params};
use uuid::Uuid;

use super::KnownSeat;
use crate::license::{Holder, Moment, Seat, SeatType};
use crate::store::release::unreadable;
use crate::store::time_of;

/// In the order in which [`known_seat`] reads them.
pub(super) const COLUMNS: &str = "seat, user, directory, user_id, name, deleted_user, created, \
     last_used, excess, quarantined, quarantine_end, first_seen, first_used";

pub(in crate::store) fn seat_type_of(row: &Row<'_>, column: usize) -> rusqlite::Result<SeatType> {
    let text = text_of(row, column)?;
    SeatType::ALL
        .into_iter()
        .find(|seat_type| seat_type.as_str() == text)
        .ok_or_else(|| unreadable(column, format!("no type of seat: {text}").into()))
}

pub(in crate::store) fn uuid_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::try_parse(text_of(row, column)?).map_err(|error| unreadable(column, error.into()))
}

/// Where it lies: millions of rows are read.
fn text_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    row.get_ref(column)?.as_str().map_err(|error| unreadable(column, error.into()))
}

/// A time of the site in a column.
struct Stored<'a>(&'a Moment);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Moment::Never => ToSqlOutput::Borrowed(ValueRef::Null),
            Moment::At(at) => ToSqlOutput::from(at.timestamp_millis()),
            Moment::Unreadable(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

pub(super) fn moment_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Moment> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Moment::Never,
        ValueRef::Integer(ms) => Moment::At(time_of(ms)),
        other => Moment::Unreadable(other.as_str().unwrap_or_default().into()),
    })
}

pub(super) fn known_seat(row: &Row<'_>, seat_type: SeatType) -> rusqlite::Result<KnownSeat> {
    let holder = match row.get::<_, Option<String>>(1)? {
        None => None,
        Some(_) => Some(Arc::new(Holder {
            id: uuid_of(row, 1)?,
            directory: row.get::<_, String>(2)?.into(),
            user_id: row.get::<_, String>(3)?.into(),
            name: row.get::<_, String>(4)?.into(),
        })),
    };
    let seat = Seat {
        id: uuid_of(row, 0)?,
        seat_type,
        holder,
        deleted_user: row.get::<_, Option<String>>(5)?.map(Into::into),
        created: moment_of(row, 6)?,
        last_used: moment_of(row, 7)?,
        excess: row.get(8)?,
        quarantined: if row.get(9)? { Some(moment_of(row, 10)?) } else { None },
    };
    Ok(KnownSeat {
        seat,
        first_seen: time_of(row.get(11)?),
        first_used: row.get::<_, Option<i64>>(12)?.map(time_of),
    })
}

pub(super) fn put(
    db: &rusqlite::Connection,
    site: &str,
    known: &KnownSeat,
) -> rusqlite::Result<()> {
    let seat = &known.seat;
    let holder = seat.holder.as_ref();
    let ms = |time: DateTime<Utc>| time.timestamp_millis();
    db.prepare_cached(
        "INSERT OR REPLACE INTO seat
             (site, seat_type, seat, user, directory, user_id, name, deleted_user, created,
              last_used, excess, quarantined, quarantine_end, first_seen, first_used)
         VALUES (:site, :seat_type, :seat, :user, :directory, :user_id, :name, :deleted_user,
              :created, :last_used, :excess, :quarantined, :quarantine_end, :first_seen,
              :first_used)",
    )?
    .execute(named_params! {
        ":site": site,
        ":seat_type": seat.seat_type.as_str(),
        ":seat": seat.id.to_string(),
        ":user": holder.map(|holder| holder.id.to_string()),
        ":directory": holder.map(|holder| &*holder.directory),
        ":user_id": holder.map(|holder| &*holder.user_id),
        ":name": holder.map(|holder| &*holder.name),
        ":deleted_user": seat.deleted_user.as_deref(),
        ":created": Stored(&seat.created),
        ":last_used": Stored(&seat.last_used),
        ":excess": seat.excess,
        ":quarantined": seat.quarantined.is_some(),
        ":quarantine_end": seat.quarantined.as_ref().map(Stored),
        ":first_seen": ms(known.first_seen),
        ":first_used": known.first_used.map(ms),
    })
    .map(drop)
}

/// A seat as the store will give it back: times of the site to the millisecond.
pub(super) fn as_stored(seat: &Seat) -> Seat {
    let cut = |moment: &Moment| match moment {
        Moment::At(at) => Moment::At(time_of(at.timestamp_millis())),
        other => other.clone(),
    };
    Seat {
        created: cut(&seat.created),
        last_used: cut(&seat.last_used),
        quarantined: seat.quarantined.as_ref().map(cut),
        ..seat.clone()
    }
}
