//! Keeping the history in shape: rolled up, and no longer than the settings say.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::Shared;

/// Maintains the history at once and then every hour, until `stop`. A step in hand is finished, the
/// others are left for the next start.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    loop {
        let settings = shared.settings();
        let (retention, zone) = (settings.storage.history, settings.time_zone);
        let began = Instant::now();
        let done = tokio::select! {
            done = shared.store.maintain_history(retention, zone) => done,
            () = stop.cancelled() => return,
        };
        match done {
            Ok(done) => tracing::debug!(
                hours = done.hours,
                days = done.days,
                deleted = done.deleted,
                took_ms = began.elapsed().as_millis(),
                "the history was maintained"
            ),
            Err(error) => tracing::error!(%error, "the history can't be maintained"),
        }
        if !shared.clock.pass(chrono::Duration::hours(1), &stop).await {
            return;
        }
    }
}
