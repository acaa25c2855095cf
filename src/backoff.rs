//! How long to wait before trying again.

use std::time::Duration;

/// Exponential backoff with full jitter: after the n-th failure in a row (counted from 0) a
/// uniformly random time up to `first` · 2ⁿ, and never more than `cap`. Many clients of one server
/// that comes back spread by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// The wait after so many earlier failures in a row.
    pub fn delay(&self, failures: u32, rng: &mut fastrand::Rng) -> Duration {
        self.ceiling(failures).mul_f64(rng.f64())
    }

    /// The longest that wait can be.
    pub fn ceiling(&self, failures: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.cap)
    }

    /// Counts failures from now on.
    pub fn series(self, rng: fastrand::Rng) -> Series {
        Series { backoff: self, rng, failures: 0 }
    }
}

/// The waits of one thing that fails again and again.
#[derive(Debug, Clone)]
pub struct Series {
    backoff: Backoff,
    rng: fastrand::Rng,
    failures: u32,
}

impl Series {
    /// The wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.backoff.delay(self.failures, &mut self.rng);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// It worked: the next failure is the first again.
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
            seed: u64, first_ms in 1_u64..10_000, cap_ms in 1_u64..1_000_000, steps in 1_u32..80,
        ) {
            let (first, cap) = (Duration::from_millis(first_ms), Duration::from_millis(cap_ms));
            let backoff = Backoff { first, cap };
            let mut series = backoff.series(fastrand::Rng::with_seed(seed));
            for step in 0..steps {
                let ceiling = backoff.ceiling(step);
                prop_assert!(ceiling <= cap);
                if step < 31 {
                    prop_assert_eq!(ceiling, first.saturating_mul(1 << step).min(cap));
                }
                prop_assert!(series.next_delay() <= ceiling);
            }
            series.reset();
            prop_assert!(series.next_delay() <= first.min(cap));
        }
    }

    #[test]
    fn waits_use_the_whole_range() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) };
        let mut rng = fastrand::Rng::with_seed(1);
        for failures in [0, 3, 20, u32::MAX] {
            let ceiling = backoff.ceiling(failures);
            let waits: Vec<_> = (0..500).map(|_| backoff.delay(failures, &mut rng)).collect();
            assert!(waits.iter().max() > Some(&ceiling.mul_f64(0.95)), "{failures}");
            assert!(waits.iter().min() < Some(&ceiling.mul_f64(0.05)), "{failures}");
        }
    }
}
