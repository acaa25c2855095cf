//! One monitor of one site, polled on its schedule.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::clock::{Clock, Waited, ticks_count_from};
use crate::qrs::Patience;
use crate::schedule::Schedule;

/// When a poller works.
#[derive(Debug, Clone)]
pub struct Timing {
    pub clock: Clock,
    pub zone: Tz,
    pub schedule: Schedule,
    /// Added to every tick: spreads the ticks of many sites, always by the same amount.
    pub offset: Duration,
    /// Wait before the very first poll, for the same reason.
    pub start_delay: Duration,
}

/// A time of the schedule at which a poll begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// How late it begins.
    pub lag: chrono::Duration,
    /// Times of the schedule before it that went by while a poll was under way.
    pub missed: u64,
}

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Done,
    /// Worth trying again soon: the site is down, busy or slow.
    FailedForNow,
    /// A person has to do something first (rights, certificates), so trying often is pointless.
    FailedUntilFixed,
}

/// An attempt may retry single requests for so long; after it the failure is made known and the
/// poller's own backoff decides.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);

/// So many ticks that went by are counted at once.
const MOST_MISSED: u64 = 1000;

/// The end of an attempt, of however many requests: the users of a site of 200,000 are 1,500.
const END: Duration = Duration::from_secs(3600);

/// The pace of tries while a site is down.
const SOON: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) };

/// The pace of tries while somebody has to do something first.
const LATER: Backoff = Backoff { first: Duration::from_secs(60), cap: Duration::from_secs(1800) };

/// Polls at once, then at every tick, until `stop`.
///
/// Never polls twice at the same time: a tick that comes while a poll is still under way is
/// skipped. A failed poll is tried again, with backoff, until the next tick takes over.
/// `told` hears of each tick before its poll begins. `poll` gets the time that its results belong to and its patience: no retry after the next tick. It
/// is dropped at an await when `stop` comes.
pub async fn run<F: Future<Output = Attempt>>(
    timing: Timing,
    mut rng: fastrand::Rng,
    stop: CancellationToken,
    mut poll: impl FnMut(DateTime<Utc>, Patience) -> F,
    mut told: impl FnMut(Tick),
) {
    let clock = timing.clock;
    if !clock.pass(to_chrono(timing.start_delay), &stop).await {
        return;
    }
    let mut kept = None;
    loop {
        let mut soon = SOON.series(rng.fork());
        let mut later = LATER.series(rng.fork());
        let next = next_tick(&timing, kept, clock.now());
        loop {
            let now = clock.now();
            let patience = Patience::retrying_for(LONGEST_ATTEMPT).ending_at(Instant::now() + END);
            let patience =
                next.map_or(patience, |tick| patience.no_retry_after(clock.instant_at(tick)));
            let attempt = tokio::select! {
                attempt = poll(now, patience) => attempt,
                () = stop.cancelled() => return,
            };
            let wait = match attempt {
                Attempt::Done => break,
                Attempt::FailedForNow => soon.next_delay(),
                Attempt::FailedUntilFixed => later.next_delay(),
            };
            let again = clock.now() + to_chrono(wait);
            if next.is_some_and(|tick| again >= tick) {
                break;
            }
            if !clock.pass(to_chrono(wait), &stop).await {
                return;
            }
        }
        let tick = loop {
            // Earlier than the one that was next before the poll, if the clock was set back meanwhile.
            let Some(tick) = next_tick(&timing, kept, clock.now()) else {
                tracing::warn!(
                    schedule = timing.schedule.text(),
                    "the schedule has no further time"
                );
                return;
            };
            match clock.wait_until(tick, &stop).await {
                Waited::Come => break tick,
                Waited::SetBack => {}
                Waited::Stopped => return,
            }
        };
        kept = Some(tick);
        let missed = missed(&timing, next, tick);
        told(Tick { lag: (clock.now() - tick).max(chrono::Duration::zero()), missed });
    }
}

/// How many ticks from one that went by (included) to the one that a poll begins at (not included).
fn missed(timing: &Timing, from: Option<DateTime<Utc>>, until: DateTime<Utc>) -> u64 {
    let mut tick = from;
    let mut missed = 0;
    while let Some(at) = tick.filter(|at| *at < until && missed < MOST_MISSED) {
        missed += 1;
        tick = tick_after(timing, at);
    }
    missed
}

/// The first tick that comes after `now` and was not kept.
fn next_tick(
    timing: &Timing,
    kept: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    tick_after(timing, ticks_count_from(kept, now, |after| tick_after(timing, after)))
}

/// The first tick after a time, offset included.
pub(super) fn tick_after(timing: &Timing, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let offset = to_chrono(timing.offset);
    timing.schedule.next_after(after - offset, timing.zone).map(|tick| tick + offset)
}

fn to_chrono(duration: Duration) -> chrono::Duration {
    chrono::Duration::from_std(duration).unwrap_or(chrono::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn timing(schedule: &str, start: &str) -> Timing {
        Timing {
            clock: Clock::following(start.parse().unwrap()),
            zone: Tz::UTC,
            schedule: Schedule::parse(schedule).unwrap(),
            offset: Duration::ZERO,
            start_delay: Duration::ZERO,
        }
    }

    /// Runs for `span` of virtual time and returns when each poll began, to the second.
    async fn begins(
        timing: Timing,
        span: Duration,
        script: impl AsyncFn(usize, Patience) -> Attempt,
    ) -> Vec<String> {
        let log = RefCell::new(Vec::new());
        let stop = CancellationToken::new();
        let rng = fastrand::Rng::with_seed(7);
        let (script, log_ref) = (&script, &log);
        let poll = move |now: DateTime<Utc>, patience: Patience| async move {
            let n = log_ref.borrow().len();
            log_ref.borrow_mut().push(now.format("%d %H:%M:%S").to_string());
            script(n, patience).await
        };
        tokio::select! {
            () = run(timing, rng, stop.clone(), poll, |_| {}) => {}
            () = tokio::time::sleep(span) => {}
        }
        log.into_inner()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn polls_at_start_and_then_at_every_tick() {
        let polls =
            begins(timing("every 6 hours", "2026-01-15T10:07:23Z"), HOUR * 24, async |_, _| {
                Attempt::Done
            });
        assert_eq!(
            polls.await,
            ["15 10:07:23", "15 12:00:00", "15 18:00:00", "16 00:00:00", "16 06:00:00"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_overruns_its_tick_skips_it() {
        let polls =
            begins(timing("every 1 hour", "2026-01-15T10:30:00Z"), HOUR * 5, async |n, _| {
                if n == 1 {
                    tokio::time::sleep(HOUR * 2 + HOUR / 2).await;
                }
                Attempt::Done
            });
        assert_eq!(polls.await, ["15 10:30:00", "15 11:00:00", "15 14:00:00", "15 15:00:00"]);
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_that_went_by_are_counted_and_each_poll_says_how_late_it_is() {
        let told = RefCell::new(Vec::new());
        let polls = RefCell::new(0);
        let poll = async |_, _| {
            *polls.borrow_mut() += 1;
            if *polls.borrow() == 2 {
                tokio::time::sleep(HOUR * 2 + HOUR / 2).await;
            }
            Attempt::Done
        };
        let timing = timing("every 1 hour", "2026-01-15T10:30:00Z");
        let (rng, stop) = (fastrand::Rng::with_seed(7), CancellationToken::new());
        tokio::select! {
            () = run(timing, rng, stop, poll, |tick| told.borrow_mut().push(tick)) => {}
            () = tokio::time::sleep(HOUR * 5) => {}
        }
        let told = told.into_inner();
        let missed: Vec<_> = told.iter().map(|tick| tick.missed).collect();
        assert_eq!(missed, [0, 2, 0], "11:00, then 14:00 after 12:00 and 13:00, then 15:00");
        assert!(told.iter().all(|tick| tick.lag < chrono::Duration::seconds(1)), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_site_that_is_down_at_start_is_tried_again_within_minutes() {
        let polls = begins(timing("every 24 hours", "2026-01-15T10:00:00Z"), HOUR, async |n, _| {
            if n < 6 { Attempt::FailedForNow } else { Attempt::Done }
        })
        .await;
        assert_eq!(polls.len(), 7, "{polls:?}");
        assert!(polls[6].as_str() < "15 10:01:03", "{polls:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_tick_takes_over_from_retries() {
        let deadlines = RefCell::new(Vec::new());
        let began = Instant::now();
        let polls =
            begins(timing("every 1 minute", "2026-01-15T10:00:30Z"), HOUR / 30, async |_, d| {
                deadlines.borrow_mut().push((
                    began.elapsed().as_secs_f64(),
                    (d.last_retry().unwrap() - began).as_secs_f64(),
                ));
                Attempt::FailedUntilFixed
            })
            .await;
        assert!(polls.contains(&"15 10:01:00".to_owned()), "{polls:?}");
        assert!(polls.contains(&"15 10:02:00".to_owned()), "{polls:?}");

        for (begun, deadline) in deadlines.into_inner() {
            assert!(deadline <= begun + 5.001, "{begun} {deadline}");
            let overrun = [30.0, 90.0].iter().any(|tick| begun < *tick && *tick + 0.001 < deadline);
            assert!(!overrun, "{begun} {deadline}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_a_day_keeps_no_poll_back() {
        use std::sync::atomic::{AtomicI64, Ordering};
        let off: &AtomicI64 = Box::leak(Box::default());
        let mut timing = timing("every 1 hour", "2026-01-15T10:30:00Z");
        let start = timing.clock.now();
        timing.clock = Clock::Jumping { start, since: Instant::now(), speed: 1.0, off };
        let polls = begins(timing, HOUR * 4, async |n, _| {
            if n == 1 {
                tokio::spawn(async move {
                    tokio::time::sleep(HOUR / 4).await;
                    off.store(-86_400_000, Ordering::Relaxed);
                });
            }
            Attempt::Done
        });
        assert_eq!(
            polls.await,
            ["15 10:30:00", "15 11:00:00", "14 12:00:00", "14 13:00:00", "14 14:00:00"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_corrected_repeats_no_poll() {
        use std::sync::atomic::{AtomicI64, Ordering};
        let off: &AtomicI64 = Box::leak(Box::default());
        let mut timing = timing("every 1 hour", "2026-01-15T10:30:00Z");
        let start = timing.clock.now();
        timing.clock = Clock::Jumping { start, since: Instant::now(), speed: 1.0, off };
        let polls = begins(timing, HOUR * 2, async |n, _| {
            if n == 1 {
                off.store(-5_000, Ordering::Relaxed);
            }
            Attempt::Done
        });
        assert_eq!(polls.await, ["15 10:30:00", "15 11:00:00", "15 12:00:00"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_offset_moves_every_tick_by_the_same_amount() {
        let mut timing = timing("every 1 hour", "2026-01-15T10:00:10Z");
        timing.offset = Duration::from_secs(42);
        timing.start_delay = Duration::from_secs(5);
        let polls = begins(timing, HOUR * 2, async |_, _| Attempt::Done).await;
        assert_eq!(polls, ["15 10:00:15", "15 10:00:42", "15 11:00:42", "15 12:00:10"][..3]);
    }
}
