//! Before a command does anything to seats: the lock of a run that died is waited for, and what it
//! left open is settled.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::limit::Reading;
use crate::cli::time as clock;
use crate::plain::one_line;
use crate::qrs::Patience;
use crate::release::run::{Engine, RunError};
use crate::store::Holder;

/// A lock that nobody renews is over by then.
const LONGEST: Duration = Duration::from_secs(60);

/// How often a lock is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until no run has the lock of the site, at most a minute, and says so.
///
/// # Errors
/// When its owner is alive: it renewed the lock meanwhile, or another run took it.
pub(super) async fn for_lock(engine: &Engine) -> Result<(), RunError> {
    let site = &engine.site.name;
    let Some(holder) = engine.store.release_holder(site).await? else { return Ok(()) };
    errln!(
        "another run has the release lock of this site: {}; waiting until {}, when it is over if \
         that process has died",
        one_line(&holder.owner),
        clock::told(holder.until),
    );
    let since = Instant::now();
    while since.elapsed() < LONGEST {
        sleep(LOOK).await;
        match engine.store.release_holder(site).await? {
            None => return Ok(()),
            Some(now) if is_alive(&holder, &now) => return Err(RunError::Busy(now)),
            Some(_) => {}
        }
    }
    // Not renewed for a minute, so nobody is there: a clock that was set back shows it as held.
    Ok(())
}

fn is_alive(before: &Holder, now: &Holder) -> bool {
    now.run != before.run || now.until > before.until
}

/// As [`for_lock`]; then finds out what became of the seats that earlier runs left open.
///
/// # Errors
/// When the store can't be used, or another run is under way.
pub(super) async fn and_settle(engine: &Engine, patience: Patience) -> Result<(), RunError> {
    for_lock(engine).await?;
    let reading = Reading::of(&engine.client);
    let left = engine.settle(patience).await;
    drop(reading);
    let left = left?;
    if left > 0 {
        errln!("it is not known yet what became of {left} seat(s) of earlier runs");
    }
    Ok(())
}
