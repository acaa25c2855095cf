//! How often a question is asked, and for how long.

use std::time::Duration;

use tokio::time::Instant;

/// How patient a reading is. Two things that have nothing to do with each other:
///
/// - whether a request that failed is sent again, and until when;
/// - whether the whole reading, of however many requests, has an end.
///
/// How long a single request may last is neither: that is the request timeout of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    retry_until: Option<Instant>,
    end: Option<Instant>,
}

impl Patience {
    /// Every request is sent once. The reading takes as long as it takes.
    pub const ONCE: Self = Self { retry_until: None, end: None };

    /// A request that failed is sent again as long as that is before `at`, and the new try is over
    /// by then. The first try of a request may come later and last longer.
    pub fn retrying_until(at: Instant) -> Self {
        Self { retry_until: Some(at), end: None }
    }

    /// [`retrying_until`](Self::retrying_until) so long from now.
    pub fn retrying_for(time: Duration) -> Self {
        Self::retrying_until(Instant::now() + time)
    }

    /// The same, but nothing is retried beyond `at`.
    pub fn no_retry_after(self, at: Instant) -> Self {
        Self { retry_until: self.retry_until.map(|until| until.min(at)), ..self }
    }

    /// The same, but the whole reading is over at `at`: no request is sent after it, and none lasts
    /// beyond it. What is unread by then fails with [`Error::OutOfTime`](super::Error::OutOfTime).
    pub fn ending_at(self, at: Instant) -> Self {
        Self { end: Some(self.end.map_or(at, |end| end.min(at))), ..self }
    }

    /// When the whole reading is over, if it has an end.
    pub fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Whether the end of the whole reading has come.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// When a retry has to be over; `None` when there is none.
    pub fn last_retry(&self) -> Option<Instant> {
        let until = self.retry_until?;
        Some(self.end.map_or(until, |end| end.min(until)))
    }

    /// Whether something that failed may be tried again now.
    pub fn may_retry(&self) -> bool {
        self.last_retry().is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_and_the_end_of_the_whole_are_two_things() {
        let second = Duration::from_secs(1);
        let now = Instant::now();
        assert_eq!((Patience::ONCE.last_retry(), Patience::ONCE.end()), (None, None));
        let retrying = Patience::retrying_for(second * 5);
        assert_eq!((retrying.last_retry(), retrying.end()), (Some(now + second * 5), None));
        let both = retrying.ending_at(now + second * 3).ending_at(now + second * 9);
        assert_eq!(
            (both.last_retry(), both.end()),
            (Some(now + second * 3), Some(now + second * 3))
        );
        let fewer = retrying.no_retry_after(now + second);
        assert_eq!((fewer.last_retry(), fewer.end()), (Some(now + second), None));
        assert_eq!(Patience::ONCE.no_retry_after(now + second), Patience::ONCE);
        tokio::time::advance(second * 6).await;
        assert!(!retrying.is_over() && !retrying.may_retry());
        assert!(both.is_over() && !Patience::ONCE.is_over());
    }
}
