//! What the log says of the connection: a lasting cause once, then hourly with a count; that it is
//! up again only when that is news.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use super::failure::{Cause, Failure};

/// The shortest time between two lines about the same cause.
const REPEAT: Duration = Duration::from_secs(60 * 60);

/// By cause: two that take turns are two lines, not one per attempt.
#[derive(Debug, Default)]
pub(super) struct Complaints(HashMap<Cause, Said>);

/// When to say that a connection is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    AtOnce,
    WhenItHolds,
    /// It is up again and again, and something else goes on failing.
    No,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    last: Instant,
    /// Failures since then.
    unsaid: u64,
}

impl Complaints {
    /// Whether it is news that a connection is up.
    pub(super) fn news(&self) -> News {
        if self.0.is_empty() {
            return News::AtOnce;
        }
        match self.0.keys().all(|cause| cause.is_about_a_message()) {
            true => News::No,
            false => News::WhenItHolds,
        }
    }

    /// The connection held. What messages met with says nothing of that, and goes on.
    pub(super) fn held(&mut self) {
        self.0.retain(|cause, said| cause.is_about_a_message() && said.last.elapsed() < REPEAT);
    }

    pub(super) fn failed(&mut self, failure: &Failure) {
        let now = Instant::now();
        let Some(said) = self.0.get_mut(&failure.cause) else {
            self.0.insert(failure.cause, Said { at: now, last: now, unsaid: 0 });
            warn!(error = %failure, "no connection to the MQTT broker, trying again: {}", failure.fix());
            return;
        };
        said.unsaid += 1;
        said.last = now;
        if now.duration_since(said.at) < REPEAT {
            debug!(error = %failure, "still no connection to the MQTT broker");
            return;
        }
        warn!(
            error = %failure, times = said.unsaid,
            "still no lasting connection to the MQTT broker: {}", failure.fix()
        );
        *said = Said { at: now, last: now, unsaid: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn up_is_no_news_while_messages_go_on_failing() {
        let mut complaints = Complaints::default();
        assert_eq!(complaints.news(), News::AtOnce);
        complaints.failed(&Failure::new(Cause::ConnectionRefused, "refused"));
        assert_eq!(complaints.news(), News::WhenItHolds);
        complaints.failed(&Failure::new(Cause::HungUp, "hung up"));
        complaints.held();
        assert_eq!(complaints.news(), News::No);
        for _ in 0..3 {
            tokio::time::advance(REPEAT / 2).await;
            complaints.failed(&Failure::new(Cause::HungUp, "hung up"));
            complaints.held();
            assert_eq!(complaints.news(), News::No);
        }
        tokio::time::advance(REPEAT).await;
        complaints.held();
        assert_eq!(complaints.news(), News::AtOnce);
    }
}
