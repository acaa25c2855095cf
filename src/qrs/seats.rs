//! The seats of a type, as the rules of release look at them.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::json::Failure;
use super::list::{self, Form, Limits, Rest};
use super::loose::{Any, RequiredMoment};
use super::{Client, Error, Field, Filter, Patience, Reading};
use crate::license::changes;
use crate::license::{Holder, Moment, Seat, SeatType, ShapeError};

const ID: Field = Field::new("id");
const USER: Field = Field::new("user.id");
const CREATED: Field = Field::new("createdDate");
const MODIFIED: Field = Field::new("modifiedDate");
const LAST_USED: Field = Field::new("lastUsed");
const QUARANTINED: Field = Field::new("quarantined");
const EXCESS: Field = Field::new("excess");

/// Most bytes of a row: the usual one has 700.
const MAX_ROW: usize = 64 * 1024;

/// Most bytes of a row on average in an answer of several seats.
const MEAN_ROW: usize = 4 * 1024;

/// Most seats of a type that a user is expected to hold, on average of those who are asked for at once.
const SEATS_OF_A_USER: usize = 16;

/// Seats of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatsOf {
    All,
    Quarantined,
    Excess,
    /// Used at this time or later.
    UsedSince(DateTime<Utc>),
}

impl SeatsOf {
    /// Whether a seat is one of these.
    pub fn holds(self, seat: &Seat) -> bool {
        match self {
            Self::All => true,
            Self::Quarantined => seat.quarantined.is_some(),
            Self::Excess => seat.excess,
            Self::UsedSince(time) => seat.last_used.at().is_some_and(|used| used >= time),
        }
    }
}

/// A row of `license/...accesstype/full`. What isn't here is ignored. What decides whether the
/// seat may go is demanded (`quarantined`: unknown is not fine) or read as it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatRow {
    id: Uuid,
    #[serde(default)]
    created_date: Any<RequiredMoment>,
    #[serde(default)]
    user: Option<UserRef>,
    #[serde(default)]
    last_used: Any<RequiredMoment>,
    /// Old servers and token licenses don't have it.
    #[serde(default)]
    excess: Option<bool>,
    quarantined: bool,
    #[serde(default)]
    quarantine_end: Any<Moment>,
    #[serde(default)]
    deleted_user_id: Any<Option<Box<str>>>,
    #[serde(default)]
    deleted_user_directory: Any<Option<Box<str>>>,
    #[serde(default)]
    schema_path: Option<String>,
    #[serde(default)]
    modified_date: Any<Moment>,
    #[serde(default)]
    modified_by_user_name: Any<Option<Box<str>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserRef {
    #[serde(default)]
    id: Any<Option<Uuid>>,
    #[serde(default)]
    user_id: Any<Option<Box<str>>>,
    #[serde(default)]
    user_directory: Any<Option<Box<str>>>,
    #[serde(default)]
    name: Any<Option<Box<str>>>,
}

impl SeatRow {
    /// The seat of a row that was asked for as one of this type.
    pub(super) fn seat(self, seat_type: SeatType) -> Result<Seat, ShapeError> {
        let expected = seat_type.schema_path();
        if let Some(path) = &self.schema_path
            && !path.eq_ignore_ascii_case(expected)
        {
            return Err(ShapeError::new(expected, "a row of another type"));
        }
        Ok(Seat {
            id: self.id,
            seat_type,
            holder: self.user.and_then(UserRef::holder),
            deleted_user: match (self.deleted_user_directory.0, self.deleted_user_id.0) {
                (Some(directory), Some(id)) => Some(format!("{directory}\\{id}").into()),
                (_, id) => id,
            },
            created: self.created_date.0.0,
            last_used: self.last_used.0.0,
            excess: self.excess.unwrap_or(false),
            quarantined: self.quarantined.then_some(self.quarantine_end.0),
        })
    }
}

impl UserRef {
    /// `None` for a user who can't be looked up or named in a record: their seat is kept, like
    /// that of no user.
    fn holder(self) -> Option<Arc<Holder>> {
        Some(Arc::new(Holder {
            id: self.id.0?,
            directory: self.user_directory.0?.into(),
            user_id: self.user_id.0?.into(),
            name: self.name.0.unwrap_or_default().into(),
        }))
    }
}

/// Reads a list's element as a seat of a type, with who changed it last.
fn changed_element(
    seat_type: SeatType,
    rest: Rest<'_>,
) -> Result<Option<(changes::SeatRow, usize)>, Failure> {
    let Some((mut row, length)) = list::element::<SeatRow>(rest)? else { return Ok(None) };
    let modified = std::mem::replace(&mut row.modified_date.0, Moment::Never);
    let modified_by = row.modified_by_user_name.0.take();
    let seat = row.seat(seat_type).map_err(Failure::Shape)?;
    Ok(Some((changes::SeatRow { seat, modified, modified_by }, length)))
}

/// Reads a list's element as a seat of a type.
fn element(seat_type: SeatType, rest: Rest<'_>) -> Result<Option<(Seat, usize)>, Failure> {
    let Some((row, length)) = list::element::<SeatRow>(rest)? else { return Ok(None) };
    let seat = row.seat(seat_type).map_err(Failure::Shape)?;
    Ok(Some((seat, length)))
}

impl Client {
    /// All seats of a type, compared with the count. A row whose user has no usable id, directory
    /// or user id is a seat without a holder.
    ///
    /// # Errors
    /// See [`Error`]; a row that is no seat is an error of the whole list.
    pub async fn seats(
        &self,
        seat_type: SeatType,
        patience: Patience,
    ) -> Result<Reading<Vec<Seat>>, Error> {
        self.list(seat_type.path(), None, (parse(seat_type), MAX_ROW), patience).await
    }

    /// As [`seats`](Self::seats), with who changed each row last and when.
    ///
    /// # Errors
    /// As [`seats`](Self::seats).
    pub async fn seat_rows(
        &self,
        seat_type: SeatType,
        patience: Patience,
    ) -> Result<Reading<Vec<changes::SeatRow>>, Error> {
        self.list(seat_type.path(), None, (changed_parse(seat_type), MAX_ROW), patience).await
    }

    /// As [`seat_rows`](Self::seat_rows), of seats that were allocated, used or otherwise changed at
    /// `since` or later, as far as the dates of their rows say so. Rows that are gone are in no list.
    ///
    /// # Errors
    /// As [`seats`](Self::seats); [`Error::BadFilter`] where the server has no such dates.
    pub async fn changed_seat_rows(
        &self,
        seat_type: SeatType,
        since: DateTime<Utc>,
        patience: Patience,
    ) -> Result<Reading<Vec<changes::SeatRow>>, Error> {
        let filter = MODIFIED.ge(since).or(CREATED.ge(since)).or(LAST_USED.ge(since));
        self.list(seat_type.path(), Some(&filter), (changed_parse(seat_type), MAX_ROW), patience)
            .await
    }

    /// How many seats of a type there are, of a kind.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn count_seats(
        &self,
        seat_type: SeatType,
        of: SeatsOf,
        patience: Patience,
    ) -> Result<u64, Error> {
        let filter = match of {
            SeatsOf::All => None,
            SeatsOf::Quarantined => Some(QUARANTINED.eq(true)),
            SeatsOf::Excess => Some(EXCESS.eq(true)),
            SeatsOf::UsedSince(time) => Some(LAST_USED.ge(time)),
        };
        self.count(seat_type.path(), filter.as_ref(), patience).await
    }

    /// One seat; `None` when the site answers 404.
    ///
    /// # Errors
    /// See [`Error`]; an answer that is another seat is [`Error::UnexpectedShape`].
    pub async fn seat(
        &self,
        seat_type: SeatType,
        id: Uuid,
        patience: Patience,
    ) -> Result<Option<Seat>, Error> {
        let seat = self.seat_reading(seat_type, id, patience).await?;
        Ok(seat.map(|reading| reading.value))
    }

    /// As [`seat`](Self::seat), with the site's clock.
    ///
    /// # Errors
    /// As [`seat`](Self::seat).
    pub async fn seat_reading(
        &self,
        seat_type: SeatType,
        id: Uuid,
        patience: Patience,
    ) -> Result<Option<Reading<Seat>>, Error> {
        let path = format!("{}/{id}", seat_type.path());
        let row: Reading<SeatRow> = match self.get_object(&path, &[], patience).await {
            Ok(row) => row,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let shape = |error| Error::shape(&self.shown(&path), error);
        let Reading { value, server_date, answered, latency } = row;
        let value = value.seat(seat_type).map_err(shape)?;
        if value.id != id {
            return Err(shape(ShapeError::new("the seat that was asked for", "another seat")));
        }
        Ok(Some(Reading { value, server_date, answered, latency }))
    }

    /// Those of these seats that the site has. Complete: nothing that was not asked for, nothing
    /// twice, and as many rows as the site counts by the same filter.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Incomplete`] when list and count differ twice.
    ///
    /// # Panics
    /// When no seat is named: there is no filter for that.
    pub async fn seats_by_id(
        &self,
        seat_type: SeatType,
        ids: &[Uuid],
        patience: Patience,
    ) -> Result<Reading<Vec<Seat>>, Error> {
        let filter = ID.any_of(ids.iter().copied()).expect("seats are named");
        let seats = self.counted_seats(seat_type, &filter, 2 * ids.len(), patience).await?;
        let mut asked: HashSet<Uuid> = ids.iter().copied().collect();
        if seats.value.iter().all(|seat| asked.remove(&seat.id)) {
            return Ok(seats);
        }
        let error = ShapeError::new("the seats that were asked for, each once", "another seat");
        Err(Error::shape(&self.shown(&format!("{}/full", seat_type.path())), error))
    }

    /// As [`seats_of`](Self::seats_of), of several users at once, complete as
    /// [`seats_by_id`](Self::seats_by_id).
    ///
    /// # Errors
    /// As [`seats_by_id`](Self::seats_by_id).
    ///
    /// # Panics
    /// When no user is named.
    pub async fn seats_of_users(
        &self,
        seat_type: SeatType,
        users: &[Uuid],
        patience: Patience,
    ) -> Result<Vec<Seat>, Error> {
        let filter = USER.any_of(users.iter().copied()).expect("users are named");
        let rows = SEATS_OF_A_USER * users.len();
        let seats = self.counted_seats(seat_type, &filter, rows, patience).await?.value;
        let asked: HashSet<Uuid> = users.iter().copied().collect();
        let theirs =
            |seat: &Seat| seat.holder.as_ref().is_some_and(|holder| asked.contains(&holder.id));
        if seats.iter().all(theirs) && are_distinct(&seats) {
            return Ok(seats);
        }
        let expected = "seats of the users that were asked for, each once";
        let error = ShapeError::new(expected, "another seat");
        Err(Error::shape(&self.shown(&format!("{}/full", seat_type.path())), error))
    }

    /// List and count at once, until they agree; asked twice at most.
    async fn counted_seats(
        &self,
        seat_type: SeatType,
        filter: &Filter,
        rows: usize,
        patience: Patience,
    ) -> Result<Reading<Vec<Seat>>, Error> {
        let path = format!("{}/full", seat_type.path());
        let text = filter.to_string();
        let query = [("filter", text.as_str())];
        let limits = Limits { bytes: (rows * MEAN_ROW).max(MAX_ROW), element: MAX_ROW, rows };
        let form = Form { parse: parse(seat_type), limits };
        let mut again = true;
        loop {
            let (seats, counted) = tokio::join!(
                self.get(&path, &query, || list::Reader::new(form, self.progress()), patience),
                self.count(seat_type.path(), Some(filter), patience),
            );
            let (seats, counted) = (seats?, counted?);
            let listed = seats.value.len();
            if listed as u64 == counted {
                return Ok(seats);
            }
            if !std::mem::take(&mut again) {
                return Err(Error::Incomplete { url: self.shown(&path), listed, counted });
            }
        }
    }

    /// The seats of a type that a user holds, quarantined ones included.
    ///
    /// # Errors
    /// See [`Error`]; a seat of somebody else in the answer is [`Error::UnexpectedShape`].
    pub async fn seats_of(
        &self,
        seat_type: SeatType,
        user: Uuid,
        patience: Patience,
    ) -> Result<Vec<Seat>, Error> {
        let filter = USER.eq(user);
        let path = seat_type.path();
        let seats =
            self.list(path, Some(&filter), (parse(seat_type), MAX_ROW), patience).await?.value;
        let theirs = |seat: &Seat| seat.holder.as_ref().is_some_and(|holder| holder.id == user);
        if seats.iter().all(theirs) && are_distinct(&seats) {
            return Ok(seats);
        }
        let error = ShapeError::new("seats of the user that was asked for", "another seat");
        Err(Error::shape(&self.shown(&format!("{path}/full")), error))
    }

    /// A digest of the license's number or key, equal for sites that share it; `None` without a
    /// license. The number has few digits, so the digest is not for display either.
    ///
    /// # Errors
    /// See [`Error`]; a license without any number is [`Error::UnexpectedShape`].
    pub async fn license_fingerprint(&self, patience: Patience) -> Result<Option<String>, Error> {
        let path = "license";
        let answer: Value = self.get_json(path, &[], patience).await?.value;
        fingerprint(&answer).map_err(|error| Error::shape(&self.shown(path), error))
    }
}

/// A row that stands for another one as well makes a list as long as the count says.
fn are_distinct(seats: &[Seat]) -> bool {
    let mut known = HashSet::with_capacity(seats.len());
    seats.iter().all(|seat| known.insert(seat.id))
}

/// One function a type, because a list is read by a plain function.
fn parse(seat_type: SeatType) -> list::Parse<Seat> {
    match seat_type {
        SeatType::Professional => |rest| element(SeatType::Professional, rest),
        SeatType::Analyzer => |rest| element(SeatType::Analyzer, rest),
        SeatType::User => |rest| element(SeatType::User, rest),
    }
}

fn changed_parse(seat_type: SeatType) -> list::Parse<changes::SeatRow> {
    match seat_type {
        SeatType::Professional => |rest| changed_element(SeatType::Professional, rest),
        SeatType::Analyzer => |rest| changed_element(SeatType::Analyzer, rest),
        SeatType::User => |rest| changed_element(SeatType::User, rest),
    }
}

/// Of the number, which both kinds of license have; else of the key or the LEF text. Blanks, dashes
/// and case don't count.
fn fingerprint(answer: &Value) -> Result<Option<String>, ShapeError> {
    if answer.is_null() {
        return Ok(None);
    }
    for field in ["serial", "key", "lef"] {
        let text = answer.get(field).and_then(Value::as_str).unwrap_or_default();
        let mut hash = Sha256::new();
        let mut length = 0;
        for c in text.chars().filter(|c| c.is_alphanumeric()) {
            hash.update(c.to_lowercase().to_string());
            length += 1;
        }
        if length > 0 {
            return Ok(Some(hex::encode(hash.finalize())));
        }
    }
    Err(ShapeError::new("a license with a number, a key or a LEF", "none of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(json: &Value) -> Result<Seat, Failure> {
        let text = format!("{json},");
        Ok(element(SeatType::Professional, Rest::Text(&text))?.expect("a whole element").0)
    }

    fn sample(name: &str) -> Value {
        let path = format!("{}/tests/data/qrs/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn active() -> Value {
        sample("professionalaccesstype_full_states.constructed")[0].clone()
    }

    fn with(field: &str, value: Value) -> Value {
        let mut row = active();
        row[field] = value;
        row
    }

    fn without(field: &str) -> Value {
        let mut row = active();
        row.as_object_mut().unwrap().shift_remove(field);
        row
    }

    fn at(text: &str) -> Moment {
        Moment::At(text.parse().unwrap())
    }

    #[test]
    fn every_state_of_a_seat() {
        let rows = sample("professionalaccesstype_full_states.constructed");
        let seats: Vec<Seat> = rows.as_array().unwrap().iter().map(|r| one(r).unwrap()).collect();
        let [active, never, quarantined, deleted, excess] = &seats[..] else { panic!() };
        let holder = Holder {
            id: "10000000-0000-4000-8000-000000000011".parse().unwrap(),
            directory: "CORP".into(),
            user_id: "user11".into(),
            name: "User11".into(),
        };
        let expected = Seat {
            id: "30000000-0000-4000-8000-000000000011".parse().unwrap(),
            seat_type: SeatType::Professional,
            holder: Some(holder.into()),
            deleted_user: None,
            created: at("2025-01-01T00:00:00Z"),
            last_used: at("2026-01-10T08:00:00.123Z"),
            excess: false,
            quarantined: None,
        };
        assert_eq!(*active, expected);
        assert_eq!(never.last_used, Moment::Never);
        assert_eq!(quarantined.quarantined, Some(at("2026-01-17T10:05:00Z")));
        assert_eq!(
            (&deleted.holder, deleted.deleted_user.as_deref()),
            (&None, Some(r"CORP\user14"))
        );
        assert!(excess.excess && !active.excess);
    }

    #[test]
    fn a_row_of_a_live_server() {
        let row = sample("analyzeraccesstype_full")[0].to_string() + "]";
        let (seat, length) = element(SeatType::Analyzer, Rest::Text(&row)).unwrap().unwrap();
        assert_eq!(length, row.len() - 1);
        assert_eq!(seat.holder.unwrap().account(), r"CORP\user01");
        let error = element(SeatType::User, Rest::Bytes(row.as_bytes())).unwrap_err();
        assert_eq!(
            error,
            Failure::Shape(ShapeError::new("License.UserAccessType", "a row of another type"))
        );
    }

    #[test]
    fn what_old_servers_lack_and_new_ones_add() {
        for field in ["excess", "deletedUserId", "deletedUserDirectory", "schemaPath", "privileges"]
        {
            assert_eq!(one(&without(field)), one(&active()), "{field}");
        }
        assert_eq!(one(&with("brandNew", serde_json::json!({"a": [1]}))), one(&active()));
        assert_eq!(one(&with("excess", Value::Null)), one(&active()));
        // "Never" is what the server writes as 1753; nothing at all is unknown.
        let nothing = Moment::Unreadable("nothing".into());
        for row in [with("lastUsed", Value::Null), without("lastUsed")] {
            assert_eq!(one(&row).unwrap().last_used, nothing);
        }
        for row in [with("createdDate", Value::Null), without("createdDate")] {
            assert_eq!(one(&row).unwrap().created, nothing);
        }
        let odd = one(&with("lastUsed", "soon".into())).unwrap().last_used;
        assert_eq!(odd, Moment::Unreadable("soon".into()));
        let mut row = with("quarantined", true.into());
        row["quarantineEnd"] = Value::Null;
        assert_eq!(one(&row).unwrap().quarantined, Some(Moment::Never));
    }

    #[test]
    fn what_decides_is_demanded() {
        for row in [
            without("quarantined"),
            with("quarantined", Value::Null),
            with("quarantined", "false".into()),
            with("quarantined", 0.into()),
            with("excess", "no".into()),
            without("id"),
            with("id", Value::Null),
            with("id", "30".into()),
            with("user", "CORP\\anna".into()),
            with("schemaPath", "License.AnalyzerAccessType".into()),
            Value::Null,
            serde_json::json!([]),
            serde_json::json!({}),
        ] {
            assert!(matches!(one(&row), Err(Failure::Shape(_))), "{row}");
        }
        let twice = active().to_string().replacen('{', "{\"quarantined\":true,", 1);
        assert!(
            element(SeatType::Professional, Rest::Text(&twice)).is_err(),
            "two answers to one question"
        );
    }

    #[test]
    fn a_user_who_cannot_be_looked_up_is_no_holder() {
        for (field, value) in [
            ("id", Value::Null),
            ("id", "x".into()),
            ("id", "00000000-0000-0000-0000-000000000000".into()),
            ("userId", Value::Null),
            ("userId", "".into()),
            ("userDirectory", 5.into()),
            ("userDirectory", "".into()),
        ] {
            let mut row = active();
            row["user"][field] = value;
            assert_eq!(one(&row).unwrap().holder, None, "{row}");
        }
        let mut row = active();
        row["user"]["name"] = Value::Null;
        assert_eq!(one(&row).unwrap().holder.as_ref().map(|h| &*h.name), Some(""));
        for row in [with("user", Value::Null), without("user"), with("user", serde_json::json!({}))]
        {
            assert_eq!(one(&row).unwrap().holder, None, "{row}");
        }
    }

    #[test]
    fn equal_licenses_have_equal_fingerprints_and_no_other_do() {
        let of = |json: Value| fingerprint(&json).unwrap();
        assert_eq!(of(Value::Null), None);
        let signed = of(sample("license_signed_key")).unwrap();
        let mut other = sample("license_signed_key");
        let serial = other["serial"].as_str().unwrap().replace(' ', "");
        assert!(!serial.is_empty() && !signed.contains(&serial));
        other["name"] = "another site".into();
        other["id"] = "other".into();
        other["serial"] = serial.into();
        assert_eq!(of(other.clone()), Some(signed.clone()), "blanks don't count");
        other["serial"] = "0000 0000 0000 0002".into();
        assert_ne!(of(other), Some(signed.clone()));
        let mut lef = sample("license_lef_2017");
        lef["serial"] = "9999000012345678".into();
        assert_ne!(of(lef), Some(signed.clone()));
        assert_eq!(signed.len(), 64);
        let key = serde_json::json!({"serial": null, "key": "SECRET"});
        assert_ne!(of(key.clone()), Some(signed));
        assert!(!of(key).unwrap().contains("SECRET"));
        for nothing in [
            serde_json::json!({}),
            serde_json::json!([]),
            serde_json::json!({"serial": " ", "key": "", "lef": 5}),
        ] {
            assert!(fingerprint(&nothing).is_err(), "{nothing}");
        }
    }
}
