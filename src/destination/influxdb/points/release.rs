//! Releases as points: single seats as Butler writes them, and the counts of each run.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::LICENSE_TYPE;
use crate::destination::influxdb::line::{Field, Point};
use crate::event::{Event, ReleaseRun, SeatReleased, UserTag};
use crate::ledger::TypeCounts;
use crate::license::{Holder, SeatType};

/// A seat that was really taken. Butler's measurement, tags and field.
const RELEASED: &str = "qlik_sense_license_release";
/// What a rehearsal would have taken: never among the real ones.
const PLANNED: &str = "bursar_release_planned";
const RUN: &str = "bursar_release_run";
const LEDGER_SEQ: &str = "ledger_seq";
const LEDGER_HASH: &str = "ledger_hash";

pub(super) const USER: &str = "user";
const MODE: &str = "mode";
const STATUS: &str = "status";
const DAYS: &str = "days_since_last_use";
/// Front of the fields with the seats that were kept for one reason.
const KEPT: &str = "kept_";
/// `license_type` of a run that looked at no type.
const NO_TYPE: &str = "none";

/// Names of tags and fields of these measurements.
pub(super) fn is_reserved(name: &str) -> bool {
    [LICENSE_TYPE, USER, MODE, STATUS, DAYS, LEDGER_SEQ, LEDGER_HASH].contains(&name)
        || figures(&nothing()).iter().any(|(figure, _)| *figure == name)
        || name.starts_with(KEPT)
}

pub(super) fn seat(
    event: &Event,
    released: &SeatReleased,
    mut tags: Vec<(String, String)>,
    user_tag: UserTag,
) -> Point {
    let seat = &released.seat;
    tags.push((LICENSE_TYPE.into(), seat.seat_type.as_str().into()));
    let mut time = event.time;
    match user_tag {
        UserTag::Name => tags.push((USER.into(), seat.holder.account())),
        UserTag::Hash => tags.push((USER.into(), hash(&seat.holder))),
        UserTag::Off => time = apart(time, seat.seat),
    }
    Point {
        measurement: if seat.rehearsal { PLANNED } else { RELEASED },
        tags,
        fields: vec![(DAYS.into(), Field::Float(seat.idle_days as f64))],
        time,
    }
}

/// The first 16 hex digits of the SHA-256 of the account in lower case: the same for the same user
/// at any site. It keeps names off dashboards, not from somebody who can guess them.
pub(super) fn hash(holder: &Holder) -> String {
    let digest = Sha256::digest(holder.account().to_lowercase());
    hex::encode(&digest[..8])
}

/// Points without a user differ in nothing but their time, and those of one run may have the same.
/// So each is put less than a second later, by as much as its seat's id says: two seats that go at
/// the same time overwrite each other in one of a thousand million cases, and a repetition
/// overwrites itself.
pub(super) fn apart(time: DateTime<Utc>, seat: Uuid) -> DateTime<Utc> {
    let nanos = seat.as_u128() % 1_000_000_000;
    let nanos = i64::try_from(nanos).expect("less than 10^9");
    time.checked_add_signed(TimeDelta::nanoseconds(nanos)).unwrap_or(time)
}

/// One point for each type that was looked at; one of zeros when there is none, so that a run that
/// failed early shows.
pub(super) fn run(event: &Event, run: &ReleaseRun, tags: &[(String, String)]) -> Vec<Point> {
    // A copy outside of the store, which proves a rewrite of the ledger.
    let head = || {
        let seq = Field::Float(run.ledger.seq as f64);
        let hash = Field::Text(run.ledger.hash.clone());
        [(Cow::Borrowed(LEDGER_SEQ), seq), (Cow::Borrowed(LEDGER_HASH), hash)]
    };
    let point = |license_type: &str, counts: &TypeCounts| {
        let mut tags = tags.to_vec();
        tags.push((LICENSE_TYPE.into(), license_type.into()));
        tags.push((MODE.into(), run.mode.as_str().into()));
        tags.push((STATUS.into(), run.status.as_str().into()));
        let figures = figures(counts).map(|(name, n)| (Cow::Borrowed(name), n));
        let reasons = counts.kept_by_reason.iter().map(|(reason, n)| (kept(reason), *n));
        Point {
            measurement: RUN,
            tags,
            fields: figures
                .into_iter()
                .chain(reasons)
                .map(|(name, n)| (name, Field::Float(n as f64)))
                .chain(head())
                .collect(),
            time: event.time,
        }
    };
    if run.types.is_empty() {
        return vec![point(NO_TYPE, &nothing())];
    }
    run.types.iter().map(|counts| point(counts.seat_type.as_str(), counts)).collect()
}

fn nothing() -> TypeCounts {
    TypeCounts::new(SeatType::User)
}

fn kept(reason: &str) -> Cow<'static, str> {
    format!("{KEPT}{}", reason.replace('-', "_")).into()
}

fn figures(counts: &TypeCounts) -> [(&'static str, u64); 10] {
    [
        ("seats", counts.seats),
        ("planned", counts.planned),
        ("released", counts.released),
        ("quarantined", counts.quarantined),
        ("announced", counts.announced),
        ("kept", counts.kept),
        ("changed", counts.changed),
        ("refused", counts.refused),
        ("gone", counts.gone),
        ("unclear", counts.unclear),
    ]
}
