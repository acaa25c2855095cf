//! Copies of the store on their schedule.

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::store::care;

/// How often it is looked whether the settings have another schedule.
const LOOK: chrono::Duration = chrono::Duration::minutes(1);

/// Makes a copy at every tick of the schedule in force, until `stop`. A tick that passed while the daemon was down is not
/// made up for.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    let clock = shared.clock;
    let mut last = clock.now();
    loop {
        let settings = shared.settings();
        let backup = &settings.storage.backup;
        let schedule = backup.schedule.as_ref();
        let next = schedule.and_then(|schedule| schedule.next_after(last, settings.time_zone));
        let now = clock.now();
        let Some(tick) = next.filter(|tick| *tick <= now) else {
            let look = now + LOOK;
            if !clock.sleep_until(next.map_or(look, |next| next.min(look)), &stop).await {
                return;
            }
            continue;
        };
        last = now.max(tick);
        let (store, folder) = (settings.storage.path.clone(), settings.storage.backup_folder());
        let keep = backup.keep;
        let made =
            tokio::task::spawn_blocking(move || care::back_up_into(&store, &folder, keep, now));
        match made.await {
            Ok(Ok((copy, bytes))) => {
                tracing::info!(file = %copy.display(), bytes, "the store was backed up");
            }
            Ok(Err(error)) => tracing::error!(%error, "the store could not be backed up"),
            Err(_) => return,
        }
    }
}
