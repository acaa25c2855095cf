//! Wall-clock time as a parameter, so that tests can run days in milliseconds.

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
}

/// The longest uninterrupted wait for a wall-clock time. After each the clock is read again, so
/// that a jump of the system's clock (a set clock, a resumed laptop) shifts a tick by no more.
const LONGEST_NAP: Duration = Duration::from_secs(60);

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
            Self::Following { speed, .. } => speed.max(1.0),
        }
    }

    /// How long the runtime's clock takes until it is `time` here.
    fn wait_for(&self, time: DateTime<Utc>) -> Duration {
        let shown = (time - self.now()).to_std().unwrap_or_default();
        match self {
            Self::System => shown,
            // Never rounded down to nothing while there is a wait left, and never early.
            Self::Following { speed, .. } => shown.div_f64(*speed).saturating_add(ROUNDING),
        }
    }

    /// The runtime instant at which it will be `time`, as far as is known now.
    pub fn instant_at(&self, time: DateTime<Utc>) -> Instant {
        Instant::now() + self.wait_for(time)
    }

    /// Waits until it is `time`, or until `stop`. True when the time has come.
    pub async fn sleep_until(&self, time: DateTime<Utc>, stop: &CancellationToken) -> bool {
        loop {
            if self.now() >= time {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep(self.wait_for(time).min(LONGEST_NAP)) => {}
                () = stop.cancelled() => return false,
            }
        }
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
        assert!(clock.sleep_until(time, &CancellationToken::new()).await);
        let late = clock.now() - time;
        assert!(late >= chrono::Duration::zero() && late < chrono::Duration::milliseconds(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shows_more_time_than_passes() {
        let start = "2026-03-28T12:00:00Z".parse().unwrap();
        let clock = Clock::fast(start, 3600.0);
        let began = Instant::now();
        assert!(
            clock.sleep_until(start + chrono::Duration::hours(6), &CancellationToken::new()).await
        );
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

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_early() {
        let clock = Clock::following("2026-03-28T12:00:00Z".parse().unwrap());
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(!clock.sleep_until(clock.now() + chrono::Duration::days(1), &stop).await);
    }
}
