//! What the log says of the connection: a lasting cause once, then hourly with a count; that it is
//! up again only when it holds.

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

#[derive(Debug)]
struct Said {
    at: Instant,
    /// Failures since then.
    unsaid: u64,
}

impl Complaints {
    /// Nothing was complained of since the connection last held.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connection held.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn failed(&mut self, failure: &Failure) {
        let now = Instant::now();
        let Some(said) = self.0.get_mut(&failure.cause) else {
            self.0.insert(failure.cause, Said { at: now, unsaid: 0 });
            warn!(error = %failure, "no connection to the MQTT broker, trying again: {}", failure.fix());
            return;
        };
        said.unsaid += 1;
        if now.duration_since(said.at) < REPEAT {
            debug!(error = %failure, "still no connection to the MQTT broker");
            return;
        }
        warn!(
            error = %failure, times = said.unsaid,
            "still no lasting connection to the MQTT broker: {}", failure.fix()
        );
        *said = Said { at: now, unsaid: 0 };
    }
}
