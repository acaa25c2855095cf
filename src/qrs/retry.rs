//! When a failed GET is tried again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Error, Patience};
use crate::backoff::Backoff;

/// The pace of retries: half a second at first, because a dropped connection is usually replaced at
/// once; up to a minute, because a restarting repository service needs several.
pub(super) const PACE: Backoff =
    Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(60) };

/// So many requests that failed are sent again in a minute, over all requests of a client, whatever
/// the site says: at the usual pace four at a time send about thirty.
pub(super) const RETRIES_A_MINUTE: usize = 60;

const MINUTE: Duration = Duration::from_secs(60);

/// What retries of all requests to one site share.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// When the retries of the last minute were sent.
    sent: Mutex<VecDeque<Instant>>,
}

impl Allowance {
    /// Waits until another retry may be sent; false when that is not before `until`.
    pub(super) async fn one(&self, until: Option<Instant>) -> bool {
        while let Err(free) = self.take() {
            if until.is_some_and(|until| free >= until) {
                return false;
            }
            tokio::time::sleep_until(free).await;
        }
        true
    }

    /// Counts a retry, or says when the next one may be.
    fn take(&self) -> Result<(), Instant> {
        let now = Instant::now();
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        while sent.front().is_some_and(|first| *first + MINUTE <= now) {
            sent.pop_front();
        }
        match sent.front() {
            Some(first) if sent.len() >= RETRIES_A_MINUTE => Err(*first + MINUTE),
            _ => {
                sent.push_back(now);
                Ok(())
            }
        }
    }
}

/// The tries of one request. The first is bounded by the end of the whole reading only; a later one
/// starts before the last moment for retries and is over by then.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    site: &'a str,
    backoff: Backoff,
    patience: Patience,
    number: u32,
    /// Why the try before failed.
    before: Option<Error>,
}

impl<'a> Tries<'a> {
    pub(super) fn new(site: &'a str, backoff: Backoff, patience: Patience) -> Self {
        Self { site, backoff, patience, number: 0, before: None }
    }

    /// When the next try must be over, if ever.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.before {
            None => self.patience.end(),
            Some(_) => self.patience.last_retry(),
        }
    }

    /// How long to wait before the next try, or the error to give up with: one that lasts, or the
    /// last one in time. A server's `Retry-After` makes the wait longer, never shorter.
    pub(super) fn failed(
        &mut self,
        error: Error,
        rng: &mut fastrand::Rng,
    ) -> Result<Duration, Error> {
        let now = Instant::now();
        if self.until().is_some_and(|until| now >= until)
            && let Error::TimedOut { url, .. } | Error::NotSent { url } = &error
        {
            // No fault of the site ended this try. The one before says more, if there was one.
            let late = Error::OutOfTime { url: url.clone() };
            return Err(self.before.take().unwrap_or(late));
        }
        let pause = self.backoff.delay(self.number, rng);
        let wait = error.retry_after().map_or(pause, |asked| asked.max(pause));
        self.number += 1;
        let last = self.patience.last_retry();
        let in_time = last.zip(now.checked_add(wait)).is_some_and(|(last, next)| next < last);
        if !error.is_transient() || !in_time {
            return Err(error);
        }
        tracing::debug!(
            site = self.site,
            code = error.code(),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            retry = self.number,
            error = %error,
            "a request failed and is tried again"
        );
        self.before = Some(error);
        Ok(wait)
    }

    /// Why the try before failed, when there is no other one.
    pub(super) fn given_up(&mut self) -> Option<Error> {
        self.before.take()
    }
}

/// The generator, even after a panic elsewhere: it has no state that could be half-changed.
pub(super) fn lock(rng: &Mutex<fastrand::Rng>) -> MutexGuard<'_, fastrand::Rng> {
    rng.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(retry_after: Option<Duration>) -> Error {
        Error::Server { url: "u".into(), status: 503, retry_after }
    }

    fn timed_out() -> Error {
        Error::TimedOut { url: "u".into(), after: Duration::from_secs(60) }
    }

    /// Runs the answers one after the other (the last one for ever); returns the result, the times
    /// of the tries since the start, and the limits they were given.
    async fn run(
        deadline: Duration,
        answers: Vec<Result<u32, Error>>,
    ) -> (Result<u32, Error>, Vec<Duration>, Vec<Option<Duration>>) {
        let start = Instant::now();
        let mut rng = fastrand::Rng::with_seed(7);
        let mut tries = Tries::new("s", PACE, Patience::retrying_until(start + deadline));
        let (mut times, mut limits) = (Vec::new(), Vec::new());
        let mut answers = answers.into_iter();
        let mut last = None;
        loop {
            times.push(start.elapsed());
            limits.push(tries.until().map(|until| until - start));
            last = answers.next().or(last);
            match last.clone().expect("at least one answer") {
                Ok(value) => return (Ok(value), times, limits),
                Err(error) => match tries.failed(error, &mut rng) {
                    Ok(wait) => tokio::time::sleep(wait).await,
                    Err(error) => return (Err(error), times, limits),
                },
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn transient_failures_are_tried_again() {
        let minute = Duration::from_secs(60);
        let (result, times, limits) =
            run(minute, vec![Err(server_error(None)), Err(timed_out()), Ok(1)]).await;
        assert_eq!(result, Ok(1));
        assert_eq!(times.len(), 3);
        assert!(times[1] <= Duration::from_millis(501), "{times:?}");
        assert_eq!(limits[0], None);
        assert_eq!(limits[1..], [Some(minute); 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn lasting_failures_are_not() {
        let forbidden = Error::Forbidden { url: "u".into() };
        let (result, times, _) = run(Duration::from_secs(60), vec![Err(forbidden.clone())]).await;
        assert_eq!((result, times.len()), (Err(forbidden), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_try_starts_at_or_after_the_deadline() {
        let deadline = Duration::from_secs(3600);
        let (result, times, _) = run(deadline, vec![Err(server_error(None))]).await;
        assert_eq!(result, Err(server_error(None)));
        assert!(times.iter().all(|time| *time < deadline), "{times:?}");
        // About two a minute once the cap is reached.
        assert!((60..300).contains(&times.len()), "{} tries", times.len());
        let (_, times, _) = run(Duration::ZERO, vec![Err(server_error(None))]).await;
        assert_eq!(times, [Duration::ZERO]);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_obeyed_or_ends_it() {
        let wait = Duration::from_secs(20);
        let answers = || vec![Err(server_error(Some(wait))), Ok(1)];
        let (result, times, _) = run(wait + wait, answers()).await;
        assert_eq!(result, Ok(1));
        assert_eq!(times[1].as_secs(), 20);
        let (result, times, _) = run(wait, answers()).await;
        assert_eq!((result.is_err(), times.len()), (true, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_makes_the_wait_shorter_than_the_backoff() {
        let deadline = Duration::from_secs(3600);
        let (_, expected, _) = run(deadline, vec![Err(server_error(None))]).await;
        let (_, times, _) = run(deadline, vec![Err(server_error(Some(Duration::ZERO)))]).await;
        assert_eq!(times, expected, "as if the server had asked for nothing");
        assert!(times.len() < 300, "{} tries", times.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_gets_at_most_60_retries_a_minute() {
        let allowance = Allowance::default();
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..200 {
            assert!(allowance.one(None).await);
            sent.push(start.elapsed());
        }
        for first in &sent {
            let minute = *first..*first + MINUTE;
            let count = sent.iter().filter(|time| minute.contains(*time)).count();
            assert!(count <= 60, "{count} within a minute from {first:?}");
        }
        assert_eq!(sent[59], Duration::ZERO);
        assert_eq!(sent[60], MINUTE);
        assert_eq!(sent[199], MINUTE * 3);
        let now = Instant::now();
        while allowance.one(Some(now + MINUTE)).await {}
        assert_eq!(Instant::now(), now, "what can't be in time is not waited for");
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_cut_short_by_the_deadline_does_not_hide_the_reason() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut tries = Tries::new("s", PACE, Patience::retrying_for(Duration::from_secs(5)));
        let wait = tries.failed(server_error(None), &mut rng).unwrap();
        tokio::time::sleep(wait).await;
        tokio::time::sleep_until(tries.until().unwrap()).await;
        assert_eq!(tries.failed(timed_out(), &mut rng), Err(server_error(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn once_is_once_and_has_no_limit() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut tries = Tries::new("s", PACE, Patience::ONCE);
        assert_eq!(tries.until(), None);
        assert_eq!(tries.failed(server_error(None), &mut rng), Err(server_error(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_end_of_the_whole_cut_short_is_no_slow_answer() {
        let mut rng = fastrand::Rng::with_seed(7);
        let end = Instant::now() + Duration::from_secs(5);
        let late = Err(Error::OutOfTime { url: "u".into() });
        for patience in [Patience::ONCE, Patience::retrying_for(Duration::from_secs(60))] {
            let mut tries = Tries::new("s", PACE, patience.ending_at(end));
            assert_eq!(tries.until(), Some(end));
            tokio::time::sleep_until(end).await;
            assert_eq!(tries.failed(timed_out(), &mut rng), late);
            assert_eq!(tries.failed(Error::NotSent { url: "u".into() }, &mut rng), late);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_overflows_the_clock() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut tries = Tries::new("s", PACE, Patience::retrying_for(Duration::from_secs(5)));
        let error = server_error(Some(Duration::from_secs(u64::MAX)));
        assert_eq!(tries.failed(error.clone(), &mut rng), Err(error));
    }
}
