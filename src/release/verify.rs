//! Reading what became of a seat after something was attempted. An answer that never came, an error
//! and a seat that can't be read are three different things, and none of them means "done".

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::plan::dates::known;
use super::run::Engine;
use super::settle::all_the_same;
use super::verdict::{
    Observation, SETTLED_AFTER, SeatState, Times, Verdict, WriteResponse, verdict,
};
use crate::ledger::{Action, Evidence, Intent, NOT_SENT, ResponseClass, SeatResult};
use crate::license::{Seat, SeatType};
use crate::qrs::{Client, Patience};

/// How often a seat is read before its fate is left open. With the client's pace the pauses between
/// are eight seconds; each read may last as long as the request timeout.
const READS: u32 = 5;

/// What became of an attempt, and what that rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttemptResult {
    pub(super) result: SeatResult,
    pub(super) evidence: Evidence,
}

impl AttemptResult {
    /// Nothing was sent, for this reason.
    pub(super) fn not_sent(why: &str) -> Self {
        let evidence = Evidence { answered: Some(ResponseClass::NotSent), ..Evidence::default() };
        Self { result: SeatResult::Refused { why: format!("{NOT_SENT}{why}") }, evidence }
    }

    /// What a final verdict means in the record.
    pub(super) fn of(verdict: Verdict, answer: &WriteResponse) -> Option<Self> {
        let mut evidence = Evidence { answered: answer.class, ..Evidence::default() };
        let result = match verdict {
            Verdict::Is(result) => {
                let told = matches!(result, SeatResult::Refused { .. });
                if !told && !matches!(answer.class, Some(ResponseClass::Accepted) | None) {
                    evidence.remark = Some(answer.text.clone());
                }
                result
            }
            Verdict::RefusedByTime => {
                evidence.by_time = true;
                let why = format!(
                    "{}; nothing had come of it ten minutes later: it did not arrive, or the site \
                     refused it",
                    answer.text
                );
                SeatResult::Refused { why }
            }
            Verdict::LookAgain | Verdict::Open => return None,
        };
        Some(Self { result, evidence })
    }

    /// Not known; `unread` is why the last reading failed.
    pub(super) fn open(
        action: Action,
        answer: &WriteResponse,
        observations: &[Observation],
        unread: Option<String>,
    ) -> Self {
        let there = observations.iter().any(|one| one.state == SeatState::AsBefore);
        let remark = unread.map(|error| format!("the seat can't be read: {error}"));
        let evidence = Evidence { answered: answer.class, there, remark, ..Evidence::default() };
        let mut why = answer.text.clone();
        let but = all_the_same(action);
        if there && answer.class == Some(ResponseClass::Accepted) && !why.ends_with(but) {
            why.push_str(but);
        }
        Self { result: SeatResult::Unclear { why }, evidence }
    }
}

/// What became of an intent that was written at `time` and answered like this, by reading.
pub(super) async fn find_out(
    engine: &Engine,
    intent: &Intent,
    time: DateTime<Utc>,
    answer: &WriteResponse,
) -> AttemptResult {
    let times = times(engine, time);
    let (mut observations, mut unread) = (Vec::new(), None);
    for read in 1..=READS {
        match read_state(&engine.client, intent, answer.is_sure()).await {
            Ok(state) => {
                unread = None;
                observations.push(observation(engine, state));
            }
            Err(error) => unread = Some(error),
        }
        let verdict = verdict(answer, &observations, times);
        let again = verdict == Verdict::LookAgain;
        if let Some(became) = AttemptResult::of(verdict, answer) {
            return became;
        }
        if read == READS {
            break;
        }
        if again {
            tokio::time::sleep(times.between).await;
        } else {
            pause(&engine.client, read).await;
        }
    }
    AttemptResult::open(intent.action, answer, &observations, unread)
}

/// A complete reading, now.
pub(super) fn observation(engine: &Engine, state: SeatState) -> Observation {
    Observation { state, shown: engine.clock.now(), runtime: Instant::now() }
}

/// When what became of an intent of this time may be told.
pub(super) fn times(engine: &Engine, time: DateTime<Utc>) -> Times {
    let after = chrono::Duration::from_std(engine.clock.shown(SETTLED_AFTER))
        .unwrap_or(chrono::Duration::MAX);
    let settled_from = time.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Times { settled_from, between: engine.waits.second_look }
}

/// What there is now of the seat of an intent. `sure`: a 404 alone is believed. Otherwise the list
/// of the user's seats has to say so, too: a stopped service answers 404, as well.
///
/// # Errors
/// When the reading is not complete: why.
pub(super) async fn read_state(
    client: &Client,
    intent: &Intent,
    sure: bool,
) -> Result<SeatState, String> {
    let (seat_type, user) = (intent.seat_type, intent.holder.id);
    match intent.action {
        Action::Allocate => {
            let has = usable_seats(client, seat_type, user).await?.len();
            Ok(if has > intent.has as usize { SeatState::Has } else { SeatState::AsBefore })
        }
        Action::Release => {
            let once = Patience::ONCE;
            match client.seat(seat_type, intent.seat, once).await.map_err(|e| e.what())? {
                Some(seat) => of_row(intent, seat),
                None if sure => Ok(SeatState::Missing),
                None => {
                    let seats = client.seats_of(seat_type, user, once).await;
                    let seats = seats.map_err(|error| error.what())?;
                    if seats.iter().any(|seat| seat.id == intent.seat) {
                        let why = "the site answers 404 for the seat and lists it all the same";
                        return Err(why.to_owned());
                    }
                    Ok(SeatState::Missing)
                }
            }
        }
    }
}

/// What a row of the seat's id shows.
fn of_row(intent: &Intent, seat: Seat) -> Result<SeatState, String> {
    if let Some(until) = seat.quarantined {
        return Ok(SeatState::Quarantined(until));
    }
    if seat.created == intent.created {
        let other = seat.holder.is_some_and(|holder| holder.id != intent.holder.id);
        return match other {
            true => Err("the seat belongs to somebody else, and was not allocated anew".to_owned()),
            false => Ok(SeatState::AsBefore),
        };
    }
    match (known(&intent.created), known(&seat.created)) {
        (Some(before), Some(now)) if now > before => Ok(SeatState::Anew(now)),
        _ => Err("the seat has another time of allocation, which is not later".to_owned()),
    }
}

/// The seats of a type that a user can use.
pub(super) async fn usable_seats(
    client: &Client,
    seat_type: SeatType,
    user: Uuid,
) -> Result<Vec<Seat>, String> {
    let seats = client.seats_of(seat_type, user, Patience::ONCE).await;
    let mut seats = seats.map_err(|error| error.what())?;
    seats.retain(|seat| seat.quarantined.is_none());
    Ok(seats)
}

/// Waits before reading again, after so many reads.
pub(super) async fn pause(client: &Client, failures: u32) {
    let longest = client.pace().ceiling(failures.saturating_sub(1));
    tokio::time::sleep(longest.min(LONGEST_PAUSE)).await;
}

const LONGEST_PAUSE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::{Holder, Moment};

    fn at(text: &str) -> Moment {
        Moment::At(text.parse().unwrap())
    }

    fn holder(id: u128) -> Holder {
        Holder {
            id: Uuid::from_u128(id),
            directory: "CORP".into(),
            user_id: "anna".into(),
            name: "".into(),
        }
    }

    fn intent(created: Moment) -> Intent {
        Intent {
            action: Action::Release,
            seat_type: SeatType::Analyzer,
            seat: Uuid::from_u128(1),
            holder: holder(7),
            created,
            last_used: Moment::Never,
            because: String::new(),
            has: 0,
        }
    }

    fn row(created: Moment) -> Seat {
        Seat {
            id: Uuid::from_u128(1),
            seat_type: SeatType::Analyzer,
            holder: Some(holder(7).into()),
            deleted_user: None,
            created,
            last_used: Moment::Never,
            excess: false,
            quarantined: None,
        }
    }

    #[test]
    fn a_row_of_the_same_id_is_the_same_seat_only_if_it_was_allocated_then() {
        let old = at("2026-01-01T00:00:00Z");
        let seen = |created, row| of_row(&intent(created), row);
        assert_eq!(seen(old.clone(), row(old.clone())), Ok(SeatState::AsBefore));
        let deleted = Seat { holder: None, ..row(old.clone()) };
        assert_eq!(seen(old.clone(), deleted), Ok(SeatState::AsBefore));
        let new: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        assert_eq!(seen(old.clone(), row(Moment::At(new))), Ok(SeatState::Anew(new)));
        let quarantined = Seat { quarantined: Some(Moment::Never), ..row(old.clone()) };
        assert_eq!(seen(old.clone(), quarantined), Ok(SeatState::Quarantined(Moment::Never)));
        // What can't be told is no reading.
        let stranger = Seat { holder: Some(holder(8).into()), ..row(old.clone()) };
        assert!(seen(old.clone(), stranger).is_err());
        assert!(seen(at("2026-02-01T00:00:00Z"), row(old.clone())).is_err());
        assert!(seen(old.clone(), row(Moment::Unreadable("soon".into()))).is_err());
        assert!(seen(old, row(Moment::Never)).is_err());
    }
}
