//! Copies of the store on their schedule.

use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::clock::{Waited, ticks_count_from};
use crate::store::care;

/// Without a schedule it is waited for other settings.
const FAR: chrono::Duration = chrono::Duration::days(1);

/// Makes a copy at every tick of the schedule in force, until `stop`. A tick that passed while the daemon was down is not
/// made up for.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    let clock = shared.clock;
    let mut settings = shared.settings.subscribe();
    let mut known = None;
    let mut last = clock.now();
    loop {
        let now = clock.now();
        let in_force = settings.borrow_and_update().clone();
        let (backup, zone) = (&in_force.storage.backup, in_force.time_zone);
        // A time of the schedule that was over when it was set is nobody's.
        if known.as_ref() != Some(&(backup.schedule.clone(), zone)) {
            known = Some((backup.schedule.clone(), zone));
            last = now;
        }
        let next = backup.schedule.as_ref().and_then(|schedule| schedule.next_after(last, zone));
        let Some(tick) = next.filter(|tick| *tick <= now) else {
            let until = next.unwrap_or(now + FAR);
            tokio::select! {
                waited = clock.wait_until(until, &stop) => match waited {
                    Waited::Come => {}
                    Waited::SetBack => {
                        let schedule = backup.schedule.as_ref();
                        let next = |after| schedule.and_then(|of| of.next_after(after, zone));
                        last = ticks_count_from(Some(last), clock.now(), next);
                    }
                    Waited::Stopped => return,
                },
                changed = settings.changed() => if changed.is_err() { return },
            }
            continue;
        };
        last = now.max(tick);
        let (store, folder) = (in_force.storage.path.clone(), in_force.storage.backup_folder());
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
