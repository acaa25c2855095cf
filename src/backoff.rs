//! How long to wait before trying again.

use std::time::Duration;

/// Exponential backoff with full jitter: a uniformly random time up to a ceiling that doubles with
/// every failure. Spreads the retries of many clients better than a fixed delay with some noise.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// The first ceiling is `base`; no ceiling exceeds `cap`.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// The wait after one more failure.
    pub fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(rng.f64())
    }

    /// The longest that the next wait can be.
    pub fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).filter(|f| *f != 0).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// How many failures in a row there were.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_stay_below_the_ceiling_and_the_ceiling_below_the_cap(
            seed: u64, base_ms in 1_u64..10_000, cap_ms in 1_u64..1_000_000, steps in 1_usize..80,
        ) {
            let (base, cap) = (Duration::from_millis(base_ms), Duration::from_millis(cap_ms));
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut backoff = Backoff::new(base, cap);
            let mut previous = Duration::ZERO;
            for step in 0..steps {
                let ceiling = backoff.ceiling();
                prop_assert!(ceiling <= cap);
                prop_assert!(ceiling >= previous);
                if step < 31 {
                    prop_assert_eq!(ceiling, base.saturating_mul(1 << step).min(cap));
                }
                prop_assert!(backoff.next(&mut rng) <= ceiling);
                previous = ceiling;
            }
        }
    }
}
