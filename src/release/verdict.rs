//! What became of a seat: one table of what was answered and what complete readings show.
//!
//! | answered | the reading shows: taken | as it was |
//! | --- | --- | --- |
//! | nothing left | gone, and not by us | refused |
//! | 2xx | ours | open, for good |
//! | 3xx, 401, 403, 404, 409, 412 | ours | refused after a second look |
//! | anything else, or nothing | ours | open; refused by two observations ten minutes after the request |
//!
//! *Taken* is a seat that is missing, in quarantine, or allocated anew since. A reading that is not
//! complete shows nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::ledger::{Action, ResponseClass, SeatResult};
use crate::license::{Moment, Seat};
use crate::qrs::Error;

/// How long a request may still leave after its intent was written.
pub(super) const LEAVES_WITHIN: Duration = Duration::from_secs(60);

/// How long after that a seat that is as it was counts as refused.
const BY_TIME: Duration = Duration::from_secs(600);

/// When, after the intent, what was not answered counts as refused.
pub(super) const SETTLED_AFTER: Duration =
    Duration::from_secs(LEAVES_WITHIN.as_secs() + BY_TIME.as_secs());

/// What a complete reading shows of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SeatState {
    /// Of a release: the row is missing.
    Missing,
    /// Of a release: the row is there and blocked.
    Quarantined(Moment),
    /// Of a release: a row of the same id that was allocated after the request.
    Anew(DateTime<Utc>),
    /// Of an allocation: the user has a seat of the type that can be used.
    Has,
    /// Nothing has happened: the seat is as it was, the user has none.
    AsBefore,
}

/// A complete reading.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    pub(super) state: SeatState,
    pub(super) shown: DateTime<Utc>,
    pub(super) runtime: Instant,
}

/// What was answered to a request that changes a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WriteResponse {
    /// Absent: nobody knows, because the process ended.
    pub(super) class: Option<ResponseClass>,
    /// For people.
    pub(super) text: String,
    /// 204, the service's own answer to a DELETE: with it a 404 proves that the seat is gone.
    sure: bool,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Is(SeatResult),
    /// Refused because nothing came of it within ten minutes.
    RefusedByTime,
    /// A second look decides.
    LookAgain,
    /// Not known yet.
    Open,
}

/// When a verdict may be given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// What is as it was from then on counts as refused.
    pub(super) settled_from: DateTime<Utc>,
    /// Between the two observations of a refusal.
    pub(super) between: Duration,
}

impl WriteResponse {
    pub(super) fn of_delete(answer: &Result<u16, Error>) -> Self {
        match answer {
            Ok(204) => Self { sure: true, ..Self::accepted("the site accepted it".to_owned()) },
            Ok(status) => Self::accepted(format!("the site answered {status}")),
            Err(error) => Self::of_error(error, Action::Release),
        }
    }

    pub(super) fn of_post(answer: &Result<Seat, Error>) -> Self {
        match answer {
            Ok(_) => Self::accepted("the site accepted the allocation".to_owned()),
            Err(error) => Self::of_error(error, Action::Allocate),
        }
    }

    /// Of an attempt whose process ended before it could say.
    pub(super) fn unknown() -> Self {
        Self { sure: false, class: None, text: "the answer is not known".to_owned() }
    }

    /// As a record tells it.
    pub(super) fn recorded(class: Option<ResponseClass>, text: String) -> Self {
        Self { class, text, sure: false }
    }

    /// Whether a 404 alone proves that the seat is gone.
    pub(super) fn is_sure(&self) -> bool {
        self.sure
    }

    fn accepted(text: String) -> Self {
        Self { class: Some(ResponseClass::Accepted), text, sure: false }
    }

    fn of_error(error: &Error, action: Action) -> Self {
        let class = match (error, error.status()) {
            (
                Error::CannotConnect { .. }
                | Error::NoFiles { .. }
                | Error::NameMismatch { .. }
                | Error::UnknownIssuer { .. }
                | Error::ServerCertificateExpired { .. }
                | Error::CertificateFile { .. }
                | Error::NotSent { .. },
                _,
            ) => ResponseClass::NotSent,
            (Error::ClientCertificateRefused { .. }, _) => ResponseClass::Refused,
            // 2xx, and then something that is not what was asked for.
            (Error::NotJson { .. } | Error::UnexpectedShape { .. }, _) => ResponseClass::Accepted,
            (_, Some(status)) => of_status(status, action),
            (_, None) => ResponseClass::Unclear,
        };
        Self { class: Some(class), text: error.what(), sure: false }
    }
}

fn of_status(status: u16, action: Action) -> ResponseClass {
    match status {
        200..=299 => ResponseClass::Accepted,
        300..=399 | 401 | 403 | 404 | 409 | 412 => ResponseClass::Refused,
        // What the service says of an allocation that its rules forbid.
        400 if action == Action::Allocate => ResponseClass::Refused,
        _ => ResponseClass::Unclear,
    }
}

/// What became of the seat of an intent, by all complete readings after it, oldest first.
pub(super) fn verdict(
    answer: &WriteResponse,
    observations: &[Observation],
    times: Times,
) -> Verdict {
    let Some(last) = observations.last() else { return Verdict::Open };
    let refused = || Verdict::Is(SeatResult::Refused { why: answer.text.clone() });
    if answer.class == Some(ResponseClass::NotSent) {
        let taken = matches!(
            last.state,
            SeatState::Missing | SeatState::Quarantined(_) | SeatState::Anew(_)
        );
        return if taken { Verdict::Is(SeatResult::Gone) } else { refused() };
    }
    let is_as_before = |one: &&Observation| one.state == SeatState::AsBefore;
    match &last.state {
        SeatState::Missing | SeatState::Anew(_) => Verdict::Is(SeatResult::Freed),
        SeatState::Quarantined(until) => {
            Verdict::Is(SeatResult::Quarantined { until: until.clone() })
        }
        SeatState::Has => Verdict::Is(SeatResult::Allocated),
        SeatState::AsBefore => match answer.class {
            Some(ResponseClass::Accepted) => Verdict::Open,
            Some(ResponseClass::Refused) => {
                let all = observations.iter().filter(is_as_before);
                if are_two(all, times.between) { refused() } else { Verdict::LookAgain }
            }
            Some(ResponseClass::Unclear | ResponseClass::NotSent) | None => {
                let late = |one: &&Observation| one.shown >= times.settled_from;
                let all = observations.iter().filter(is_as_before).filter(late);
                match (late(&last), are_two(all, times.between)) {
                    (false, _) => Verdict::Open,
                    (true, false) => Verdict::LookAgain,
                    (true, true) => Verdict::RefusedByTime,
                }
            }
        },
    }
}

/// Whether the first and the last of some observations are so far apart.
fn are_two<'a>(mut observations: impl Iterator<Item = &'a Observation>, between: Duration) -> bool {
    let Some(first) = observations.next() else { return false };
    observations.last().is_some_and(|last| last.runtime.duration_since(first.runtime) >= between)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T08:00:00Z".parse().unwrap()
    }

    const BETWEEN: Duration = Duration::from_secs(10);

    fn answer(class: Option<ResponseClass>) -> WriteResponse {
        WriteResponse::recorded(class, "what was answered".into())
    }

    /// Looks at these seconds after the intent.
    fn said(class: Option<ResponseClass>, observations: &[(u64, SeatState)]) -> Verdict {
        let start = Instant::now();
        let observations: Vec<_> = observations
            .iter()
            .map(|(after, state)| Observation {
                state: state.clone(),
                shown: now() + TimeDelta::seconds(*after as i64),
                runtime: start + Duration::from_secs(*after),
            })
            .collect();
        let times = Times { settled_from: now() + SETTLED_AFTER, between: BETWEEN };
        verdict(&answer(class), &observations, times)
    }

    fn refused() -> Verdict {
        Verdict::Is(SeatResult::Refused { why: "what was answered".into() })
    }

    const SENT: [Option<ResponseClass>; 4] = [
        Some(ResponseClass::Accepted),
        Some(ResponseClass::Refused),
        Some(ResponseClass::Unclear),
        None,
    ];

    #[test]
    fn what_left_and_is_taken_is_ours_whatever_was_answered() {
        let until = Moment::At(now());
        for class in SENT {
            // Also when it was there before.
            for before in [&[][..], &[(1, SeatState::AsBefore)]] {
                let with = |seen| [before, &[(150, seen)]].concat();
                assert_eq!(said(class, &with(SeatState::Missing)), Verdict::Is(SeatResult::Freed));
                let anew = SeatState::Anew(now() + TimeDelta::seconds(1));
                assert_eq!(said(class, &with(anew)), Verdict::Is(SeatResult::Freed));
                let quarantined = SeatResult::Quarantined { until: until.clone() };
                let seen = SeatState::Quarantined(until.clone());
                assert_eq!(said(class, &with(seen)), Verdict::Is(quarantined));
                assert_eq!(said(class, &with(SeatState::Has)), Verdict::Is(SeatResult::Allocated));
            }
        }
    }

    #[test]
    fn what_never_left_took_nothing_whatever_is_there() {
        let class = Some(ResponseClass::NotSent);
        for seen in
            [SeatState::Missing, SeatState::Quarantined(Moment::Never), SeatState::Anew(now())]
        {
            assert_eq!(said(class, &[(1, seen)]), Verdict::Is(SeatResult::Gone));
        }
        assert_eq!(said(class, &[(1, SeatState::AsBefore)]), refused());
        assert_eq!(said(class, &[(1, SeatState::Has)]), refused());
    }

    #[test]
    fn what_was_accepted_and_is_as_before_stays_open() {
        let class = Some(ResponseClass::Accepted);
        for observations in [
            &[(1, SeatState::AsBefore)][..],
            &[(1, SeatState::AsBefore), (100_000, SeatState::AsBefore)],
        ] {
            assert_eq!(said(class, observations), Verdict::Open);
        }
    }

    #[test]
    fn a_refusal_needs_a_second_look() {
        let class = Some(ResponseClass::Refused);
        assert_eq!(said(class, &[(1, SeatState::AsBefore)]), Verdict::LookAgain);
        let soon = [(1, SeatState::AsBefore), (10, SeatState::AsBefore)];
        assert_eq!(said(class, &soon), Verdict::LookAgain);
        assert_eq!(said(class, &[(1, SeatState::AsBefore), (11, SeatState::AsBefore)]), refused());
    }

    #[test]
    fn what_was_not_answered_is_refused_by_two_looks_after_ten_minutes() {
        for class in [Some(ResponseClass::Unclear), None] {
            let early =
                [(1, SeatState::AsBefore), (100, SeatState::AsBefore), (659, SeatState::AsBefore)];
            assert_eq!(said(class, &early), Verdict::Open);
            let first = [(1, SeatState::AsBefore), (660, SeatState::AsBefore)];
            assert_eq!(said(class, &first), Verdict::LookAgain, "one late look");
            let two = [(660, SeatState::AsBefore), (669, SeatState::AsBefore)];
            assert_eq!(said(class, &two), Verdict::LookAgain, "too close to each other");
            let two = [(660, SeatState::AsBefore), (670, SeatState::AsBefore)];
            assert_eq!(said(class, &two), Verdict::RefusedByTime);
        }
    }

    #[test]
    fn no_reading_says_nothing() {
        for class in SENT.into_iter().chain([Some(ResponseClass::NotSent)]) {
            assert_eq!(said(class, &[]), Verdict::Open);
        }
    }

    #[test]
    fn every_answer_has_its_class() {
        let url = || "u".to_owned();
        let class = |error: &Error| WriteResponse::of_delete(&Err(error.clone())).class.unwrap();
        let address = || "a".to_owned();
        for error in [
            Error::CannotConnect { address: address(), why: "refused".into() },
            Error::NotSent { url: url() },
            Error::ServerCertificateExpired { address: address(), since: None },
        ] {
            assert_eq!(class(&error), ResponseClass::NotSent, "{error}");
        }
        for error in [
            Error::Forbidden { url: url() },
            Error::Unauthorized { url: url() },
            Error::Xsrf { url: url() },
            Error::NotFound { url: url() },
            Error::Refused { url: url(), status: 409, answer: None },
            Error::UnexpectedStatus { url: url(), status: 302 },
            Error::UnexpectedStatus { url: url(), status: 412 },
        ] {
            assert_eq!(class(&error), ResponseClass::Refused, "{error}");
        }
        for error in [
            Error::Refused { url: url(), status: 400, answer: None },
            Error::TimedOut { url: url(), after: Duration::from_secs(60) },
            Error::Interrupted { url: url(), why: "reset".into() },
            Error::NotHttp { url: url(), clear: false },
            Error::Tls { address: address(), why: "alert".into(), fix: "look" },
            Error::UnexpectedStatus { url: url(), status: 410 },
        ] {
            assert_eq!(class(&error), ResponseClass::Unclear, "{error}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            let error = Error::Server { url: url(), status, retry_after: None };
            assert_eq!(class(&error), ResponseClass::Unclear, "{status}");
        }
        for status in [200, 202, 204] {
            let accepted = Some(ResponseClass::Accepted);
            assert_eq!(WriteResponse::of_delete(&Ok(status)).class, accepted, "{status}");
            let error = Error::UnexpectedStatus { url: url(), status };
            assert_eq!(WriteResponse::of_post(&Err(error)).class, accepted, "{status}");
        }
        // The service's own words for an allocation that its rules forbid.
        let forbidden = Error::Refused { url: url(), status: 400, answer: None };
        assert_eq!(WriteResponse::of_post(&Err(forbidden)).class, Some(ResponseClass::Refused));
    }
}
