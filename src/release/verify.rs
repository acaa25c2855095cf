//! What the site says of a seat after something was attempted. An answer that never came, an error
//! and a seat that can't be read are three different things, and none of them means "done".

use std::time::Duration;

use uuid::Uuid;

use crate::ledger::SeatResult;
use crate::license::{Moment, Seat, SeatType};
use crate::qrs::write::Deleted;
use crate::qrs::{Client, Error, Patience};

/// How often a seat is read before its fate counts as unclear. With the client's pace the pauses
/// between are eight seconds; each read may last as long as the request timeout.
const READS: u32 = 5;

/// What is there in place of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Absent,
    Quarantined(Moment),
    /// Somebody has it.
    There,
}

/// What the answer to a change says of its effect, before the seat is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Accepted: 204 or 201.
    Accepted,
    /// Certainly none: it was refused, or nothing was ever sent.
    Never(String),
    /// The site tried and failed: what is there now stays.
    Failed(String),
    /// It may have happened, or may still happen.
    Unknown(String),
}

impl Effect {
    pub(super) fn of_delete(answer: &Result<Deleted, Error>) -> Self {
        match answer {
            Ok(Deleted::Accepted) => Self::Accepted,
            Ok(Deleted::NotFound) => {
                Self::Never("the site answered 404, as if there were no such seat".to_owned())
            }
            Err(error) => Self::of_error(error),
        }
    }

    pub(super) fn of_error(error: &Error) -> Self {
        let text = error.what();
        match error {
            Error::CannotConnect { .. }
            | Error::NameMismatch { .. }
            | Error::UnknownIssuer { .. }
            | Error::ServerCertificateExpired { .. }
            | Error::ClientCertificateRefused { .. }
            | Error::Xsrf { .. }
            | Error::Forbidden { .. }
            | Error::Unauthorized { .. }
            | Error::NotFound { .. }
            | Error::BadFilter { .. }
            | Error::NotSent { .. }
            | Error::Refused { .. } => Self::Never(text),
            // Said by something in between, which gave up waiting.
            Error::Server { status: 502 | 504, .. } => Self::Unknown(text),
            Error::Server { .. } => Self::Failed(text),
            Error::UnexpectedStatus { status: 300..=499, .. } => Self::Never(text),
            Error::Tls { .. }
            | Error::UnexpectedStatus { .. }
            | Error::NotJson { .. }
            | Error::UnexpectedShape { .. }
            | Error::Incomplete { .. }
            | Error::OutOfTime { .. }
            | Error::TimedOut { .. }
            | Error::TooLarge { .. }
            | Error::Interrupted { .. } => Self::Unknown(text),
        }
    }
}

/// What became of a seat whose DELETE had this effect, by reading it.
pub(super) async fn released(
    client: &Client,
    seat_type: SeatType,
    seat: Uuid,
    user: Uuid,
    effect: Effect,
) -> SeatResult {
    // 204 and 404 together are enough. An answer that is no 204 says too little for a 404 to be
    // believed, which a stopped service or a wrong address answers, too.
    let sure = effect == Effect::Accepted;
    let mut unread = None;
    for read in 0..READS {
        if read > 0 {
            pause(client, read).await;
        }
        match (see(client, seat_type, seat, user, sure).await, &effect) {
            (Ok(Seen::Absent | Seen::Quarantined(_)), Effect::Never(_)) => return SeatResult::Gone,
            (Ok(Seen::Absent), _) => return SeatResult::Freed,
            (Ok(Seen::Quarantined(until)), _) => return SeatResult::Quarantined { until },
            (Ok(Seen::There), Effect::Never(why) | Effect::Failed(why)) => {
                return SeatResult::Refused { why: why.clone() };
            }
            // It may still go.
            (Ok(Seen::There), Effect::Accepted | Effect::Unknown(_)) => unread = None,
            (Err(error), _) => unread = Some(error),
        }
    }
    let answer = match effect {
        Effect::Accepted => "the site accepted the release".to_owned(),
        Effect::Never(why) | Effect::Failed(why) | Effect::Unknown(why) => why,
    };
    let why = match unread {
        Some(error) => format!("{answer}; and the seat can't be read: {error}"),
        None => format!("{answer}; but the seat is still there"),
    };
    SeatResult::Unclear { why }
}

/// Looks for a seat. `sure`: a 404 alone is believed. Otherwise the list of the user's seats has to
/// say so, too.
pub(super) async fn see(
    client: &Client,
    seat_type: SeatType,
    id: Uuid,
    user: Uuid,
    sure: bool,
) -> Result<Seen, String> {
    match client.seat(seat_type, id, Patience::ONCE).await {
        Ok(Some(Seat { quarantined: Some(until), .. })) => Ok(Seen::Quarantined(until)),
        Ok(Some(_)) => Ok(Seen::There),
        Ok(None) if sure => Ok(Seen::Absent),
        Ok(None) => match client.seats_of(seat_type, user, Patience::ONCE).await {
            Ok(seats) if seats.iter().any(|seat| seat.id == id) => {
                Err("the site answers 404 for the seat and lists it all the same".to_owned())
            }
            Ok(_) => Ok(Seen::Absent),
            Err(error) => Err(error.what()),
        },
        Err(error) => Err(error.what()),
    }
}

/// What became of a seat that was to be given to a user.
pub(super) async fn allocated(
    client: &Client,
    seat_type: SeatType,
    user: Uuid,
    effect: Effect,
) -> SeatResult {
    let mut unread = None;
    for read in 0..READS {
        if read > 0 {
            pause(client, read).await;
        }
        match (has_seat(client, seat_type, user).await, &effect) {
            (Ok(true), _) => return SeatResult::Allocated,
            (Ok(false), Effect::Never(why) | Effect::Failed(why)) => {
                return SeatResult::Refused { why: why.clone() };
            }
            (Ok(false), Effect::Accepted | Effect::Unknown(_)) => unread = None,
            (Err(error), _) => unread = Some(error),
        }
    }
    let answer = match effect {
        Effect::Accepted => "the site accepted the allocation".to_owned(),
        Effect::Never(why) | Effect::Failed(why) | Effect::Unknown(why) => why,
    };
    let why = match unread {
        Some(error) => format!("{answer}; and the user's seats can't be read: {error}"),
        None => format!("{answer}; but the user has no seat"),
    };
    SeatResult::Unclear { why }
}

/// Whether a user has a seat of a type that can be used.
pub(super) async fn has_seat(
    client: &Client,
    seat_type: SeatType,
    user: Uuid,
) -> Result<bool, String> {
    match client.seats_of(seat_type, user, Patience::ONCE).await {
        Ok(seats) => Ok(seats.iter().any(|seat| seat.quarantined.is_none())),
        Err(error) => Err(error.what()),
    }
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
    use crate::qrs::error::NotJson;

    fn server(status: u16) -> Error {
        Error::Server { url: "u".into(), status, retry_after: None }
    }

    #[test]
    fn only_an_answer_that_is_a_refusal_means_that_nothing_happened() {
        let url = || "u".to_owned();
        let never = [
            Error::CannotConnect { address: "a".into(), why: "refused".into() },
            Error::Forbidden { url: url() },
            Error::Unauthorized { url: url() },
            Error::Xsrf { url: url() },
            Error::Refused { url: url(), status: 409, answer: None },
            Error::UnexpectedStatus { url: url(), status: 302 },
        ];
        for error in never {
            let effect = Effect::of_error(&error);
            assert!(matches!(effect, Effect::Never(_)), "{error}: {effect:?}");
        }
        let unknown = [
            Error::TimedOut { url: url(), after: Duration::from_secs(60) },
            Error::Interrupted { url: url(), why: "reset".into() },
            Error::NotJson { url: url(), body: NotJson::Truncated },
            Error::UnexpectedStatus { url: url(), status: 200 },
            Error::Tls { address: "a".into(), why: "alert".into(), fix: "look" },
            server(502),
            server(504),
        ];
        for error in unknown {
            let effect = Effect::of_error(&error);
            assert!(matches!(effect, Effect::Unknown(_)), "{error}: {effect:?}");
        }
        for status in [500, 503, 429] {
            assert!(matches!(Effect::of_error(&server(status)), Effect::Failed(_)));
        }
        assert_eq!(Effect::of_delete(&Ok(Deleted::Accepted)), Effect::Accepted);
        assert!(matches!(Effect::of_delete(&Ok(Deleted::NotFound)), Effect::Never(_)));
    }
}
