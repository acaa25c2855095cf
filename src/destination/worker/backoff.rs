//! Waits between failed attempts.

use std::time::Duration;

/// The longest first wait; doubles with each failure.
const BASE: Duration = Duration::from_secs(1);
/// No wait is longer.
const CAP: Duration = Duration::from_secs(5 * 60);

/// Exponential back-off with full jitter: the wait after the n-th failure in a row is anywhere
/// between nothing and `min(CAP, BASE * 2^n)`, so that many clients of a receiver that comes back
/// don't all call at once.
#[derive(Debug)]
pub(super) struct Backoff {
    rng: fastrand::Rng,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(rng: fastrand::Rng) -> Self {
        Self { rng, failures: 0 }
    }

    /// The wait after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let ceiling = ceiling(self.failures);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(self.rng.u64(0..=ceiling.as_millis() as u64))
    }

    /// It worked: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn ceiling(failures: u32) -> Duration {
    let factor = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
    BASE.saturating_mul(factor).min(CAP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_wait_is_within_its_bounds(seed: u64, failures in 0u32..100) {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            for n in 0..failures {
                let bound = 1000.0 * 2f64.powi(n as i32);
                let wait = backoff.next();
                prop_assert!(wait.as_millis() as f64 <= bound.min(300_000.0), "{wait:?} at {n}");
            }
            backoff.reset();
            prop_assert!(backoff.next() <= Duration::from_secs(1));
        }
    }

    #[test]
    fn waits_reach_close_to_their_bounds() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(1));
        let longest = (0..500).map(|_| backoff.next()).max();
        assert!(longest > Some(Duration::from_secs(290)), "{longest:?}");
        assert_eq!(ceiling(3), Duration::from_secs(8));
        assert_eq!(ceiling(u32::MAX), CAP);
    }
}
