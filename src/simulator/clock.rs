//! The simulated clock.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::time::Instant;

use super::scenario::ClockSettings;

/// A clock that may run fast, stand still, be off, and be set. It follows the runtime's, which tests may pause.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// When the site began to exist; what relative times of a scenario count from.
    pub start: DateTime<Utc>,
    base: DateTime<Utc>,
    since: Instant,
    speed: f64,
}

impl Clock {
    pub(crate) fn new(settings: &ClockSettings) -> Self {
        let start =
            settings.start.and_then(|when| when.resolve(Utc::now())).unwrap_or_else(Utc::now);
        let start = start.trunc_subsecs(3) + TimeDelta::seconds(settings.skew_seconds);
        Self { start, base: start, since: Instant::now(), speed: settings.speed.max(0.0) }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        let passed = self.since.elapsed().as_secs_f64() * self.speed * 1000.0;
        // Past the year 9999 the texts change shape; nobody needs to go there.
        let passed = TimeDelta::milliseconds(passed.min(2.5e14) as i64);
        self.base + passed
    }

    pub(crate) fn set(&mut self, now: DateTime<Utc>) {
        self.base = now.trunc_subsecs(3);
        self.since = Instant::now();
    }

    pub(crate) fn set_speed(&mut self, speed: f64) {
        self.set(self.now());
        self.speed = speed.max(0.0);
    }
}
