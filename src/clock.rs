//! Wall-clock time as a parameter, so that tests can run days in milliseconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Where the time of day comes from.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The operating system's clock, jumps included.
    System,
    /// Starts at a given time and follows the runtime's clock, which tests may pause and advance,
    /// at `speed` times its pace.
    Following { start: DateTime<Utc>, since: Instant, speed: f64 },
    /// As [`Following`](Self::Following), and off by so many milliseconds, which may change: a clock that is set, or
    /// goes on while the machine sleeps.
    Jumping { start: DateTime<Utc>, since: Instant, speed: f64, off: &'static AtomicI64 },
}

/// The longest uninterrupted wait for a wall-clock time. After each the clock is read again, so
/// that a jump of the system's clock (a set clock, a resumed laptop) shifts a tick by no more.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// A clock that was set back by more than this was set back.
const SET_BACK: Duration = Duration::from_secs(60);

/// The time after which the next tick of a schedule counts: a tick that was kept is not kept again where the clock was set
/// back to before it. Set back by more than lies between two ticks, it would be waited for too long, and that tick counts again.
///
/// `next`: the first tick after a time.
pub fn ticks_count_from(
    kept: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    next: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let holds = |kept: &DateTime<Utc>| {
        *kept > now && next(*kept).is_none_or(|following| *kept - now < following - *kept)
    };
    kept.filter(holds).unwrap_or(now)
}

/// How a wait for a time of day ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time has come.
    Come,
    /// The clock was set back meanwhile.
    SetBack,
    /// It was told to stop.
    Stopped,
}

/// Makes up for fractions of a nanosecond lost in the conversion between clocks.
const ROUNDING: Duration = Duration::from_nanos(1);

impl Clock {
    /// A clock that shows `start` now and then follows the runtime's clock.
    pub fn following(start: DateTime<Utc>) -> Self {
        Self::fast(start, 1.0)
    }

    /// A clock that shows `start` now and then runs `speed` times as fast as the runtime's clock.
    pub fn fast(start: DateTime<Utc>, speed: f64) -> Self {
        Self::Following { start, since: Instant::now(), speed }
    }

    /// The time of day.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Following { start, since, speed } => {
                let shown = since.elapsed().mul_f64(*speed);
                *start + chrono::Duration::from_std(shown).unwrap_or_default()
            }
            Self::Jumping { start, since, speed, off } => {
                let (start, since, speed) = (*start, *since, *speed);
                let off = chrono::Duration::milliseconds(off.load(Ordering::Relaxed));
                Self::Following { start, since, speed }.now() + off
            }
        }
    }

    /// How much time passes on this clock while `real` passes on the runtime's; never less.
    pub fn shown(&self, real: Duration) -> Duration {
        real.mul_f64(self.pace())
    }

    /// How much time has passed since this clock showed `time` and the runtime's was at `since`:
    /// the larger of what the two say. The runtime's stands still while a machine sleeps, the
    /// system's may be set.
    pub fn age(&self, time: DateTime<Utc>, since: Instant) -> Duration {
        let shown = (self.now() - time).abs().to_std().expect("it is not negative");
        since.elapsed().max(shown.div_f64(self.pace()))
    }

    fn pace(&self) -> f64 {
        match self {
            Self::System => 1.0,
            Self::Following { speed, .. } | Self::Jumping { speed, .. } => speed.max(1.0),
        }
    }

    /// How long the runtime's clock takes until it is `time` here.
    fn wait_for(&self, time: DateTime<Utc>) -> Duration {
        let shown = (time - self.now()).to_std().unwrap_or_default();
        match self {
            Self::System => shown,
            // Never rounded down to nothing while there is a wait left, and never early.
            Self::Following { speed, .. } | Self::Jumping { speed, .. } => {
                shown.div_f64(*speed).saturating_add(ROUNDING)
            }
        }
    }

    /// Seconds that are shown for each of the runtime's.
    fn speed(&self) -> f64 {
        match self {
            Self::System => 1.0,
            Self::Following { speed, .. } | Self::Jumping { speed, .. } => *speed,
        }
    }

    /// The runtime instant at which it will be `time`, as far as is known now.
    pub fn instant_at(&self, time: DateTime<Utc>) -> Instant {
        Instant::now() + self.wait_for(time)
    }

    /// Waits until so much time has passed, or until `stop`: on this clock or on the runtime's, whichever says so first. A
    /// clock that is set back makes it no longer. True when the time has passed.
    pub async fn pass(&self, time: chrono::Duration, stop: &CancellationToken) -> bool {
        let until = self.now() + time;
        let by = self.instant_at(until);
        loop {
            if self.now() >= until || Instant::now() >= by {
                return true;
            }
            let nap = self.wait_for(until).min(LONGEST_NAP).min(by - Instant::now());
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = stop.cancelled() => return false,
            }
        }
    }

    /// Waits until it is `time`, until the clock is set back, or until `stop`. Who waits for a time of a schedule looks
    /// for the next one anew when the clock was set back: there may be others before it.
    pub async fn wait_until(&self, time: DateTime<Utc>, stop: &CancellationToken) -> Waited {
        let mut seen = (self.now(), Instant::now());
        loop {
            if self.now() >= time {
                return Waited::Come;
            }
            tokio::select! {
                () = tokio::time::sleep(self.wait_for(time).min(LONGEST_NAP)) => {}
                () = stop.cancelled() => return Waited::Stopped,
            }
            let now = (self.now(), Instant::now());
            if self.was_set_back(seen, now) {
                return Waited::SetBack;
            }
            seen = now;
        }
    }

    /// Whether it shows less at a later time than it has to, by more than what corrections of a clock come to.
    fn was_set_back(&self, then: (DateTime<Utc>, Instant), now: (DateTime<Utc>, Instant)) -> bool {
        if matches!(self, Self::Following { .. }) {
            return false;
        }
        let real = now.1.saturating_duration_since(then.1);
        let shown = chrono::Duration::from_std(real.mul_f64(self.speed())).unwrap_or_default();
        let allowed = chrono::Duration::from_std(SET_BACK.mul_f64(self.speed()));
        then.0 + shown - now.0 > allowed.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_ends_exactly_on_time() {
        let start = "2026-03-28T12:00:00Z".parse().unwrap();
        let clock = Clock::following(start);
        let time = start + chrono::Duration::milliseconds(100_500);
        assert_eq!(clock.wait_until(time, &CancellationToken::new()).await, Waited::Come);
        let late = clock.now() - time;
        assert!(late >= chrono::Duration::zero() && late < chrono::Duration::milliseconds(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shows_more_time_than_passes() {
        let start = "2026-03-28T12:00:00Z".parse().unwrap();
        let clock = Clock::fast(start, 3600.0);
        let began = Instant::now();
        let time = start + chrono::Duration::hours(6);
        assert_eq!(clock.wait_until(time, &CancellationToken::new()).await, Waited::Come);
        assert_eq!(began.elapsed().as_secs(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn an_age_is_what_the_slower_of_two_clocks_did_not_see() {
        let start: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let minute = Duration::from_secs(60);
        let clock = Clock::fast(start, 10.0);
        assert_eq!(clock.shown(minute), minute * 10);
        let since = Instant::now();
        tokio::time::advance(minute).await;
        assert_eq!(clock.age(start, since), minute);
        // Set, in either direction.
        assert_eq!(clock.age(start - chrono::Duration::seconds(600), since), minute * 2);
        assert_eq!(clock.age(start + chrono::Duration::seconds(1800), since), minute * 2);
        // A clock that stood still saw nothing.
        assert_eq!(clock.age(clock.now(), since), minute);
    }

    fn jumping(start: DateTime<Utc>) -> (Clock, &'static AtomicI64) {
        let off: &AtomicI64 = Box::leak(Box::default());
        (Clock::Jumping { start, since: Instant::now(), speed: 1.0, off }, off)
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_is_noticed_and_makes_no_pause_longer() {
        let start: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let (clock, off) = jumping(start);
        let (began, stop) = (Instant::now(), CancellationToken::new());
        let jump = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            off.store(-86_400_000, Ordering::Relaxed);
        };
        let waits = async {
            tokio::join!(
                clock.wait_until(start + chrono::Duration::minutes(10), &stop),
                clock.pass(chrono::Duration::minutes(10), &stop),
            )
        };
        let ((waited, passed), ()) = tokio::join!(waits, jump);
        assert_eq!((waited, passed), (Waited::SetBack, true));
        assert_eq!(began.elapsed().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_corrected_or_jumps_ahead_was_not_set_back() {
        let start: DateTime<Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        let (clock, off) = jumping(start);
        let (began, stop) = (Instant::now(), CancellationToken::new());
        let jump = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            off.store(-30_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(100)).await;
            off.store(3_600_000, Ordering::Relaxed);
        };
        let until = start + chrono::Duration::minutes(50);
        let (waited, ()) = tokio::join!(clock.wait_until(until, &stop), jump);
        assert_eq!(waited, Waited::Come);
        assert!(began.elapsed().as_secs() <= 240, "{:?}", began.elapsed());
    }

    #[test]
    fn a_tick_is_kept_once_though_the_clock_is_set_back_a_little() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let noon = at("2026-03-28T12:00:00Z");
        // Every hour, on the hour.
        let next = |after: DateTime<Utc>| {
            let seconds = after.timestamp().div_euclid(3600) * 3600 + 3600;
            DateTime::from_timestamp(seconds, 0)
        };
        let tick = |kept, now| next(ticks_count_from(kept, now, next)).unwrap();
        assert_eq!(tick(None, at("2026-03-28T11:59:58Z")), noon);
        assert_eq!(tick(Some(noon), noon), at("2026-03-28T13:00:00Z"));
        assert_eq!(tick(Some(noon), at("2026-03-28T11:59:58Z")), at("2026-03-28T13:00:00Z"));
        assert_eq!(tick(Some(noon), at("2026-03-28T11:00:01Z")), at("2026-03-28T13:00:00Z"));
        // A day: nobody waits for as long.
        assert_eq!(tick(Some(noon), at("2026-03-27T12:10:00Z")), at("2026-03-27T13:00:00Z"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_early() {
        let clock = Clock::following("2026-03-28T12:00:00Z".parse().unwrap());
        let stop = CancellationToken::new();
        stop.cancel();
        let tomorrow = clock.now() + chrono::Duration::days(1);
        assert_eq!(clock.wait_until(tomorrow, &stop).await, Waited::Stopped);
    }
}
