//! Looking at the seats: what the store knows, what the site says, and the difference.

use chrono::{DateTime, TimeDelta, Utc};

use super::PollFailure;
use crate::event::Latest;
use crate::license::Pools;
use crate::monitor::allocation_changes::{self, Before, Observed, Options};
use crate::monitor::seat_lists::Memory;
use crate::monitor::settings::SeatMonitor;
use crate::qrs;
use crate::release::run::Engine;
use crate::store::{Seats, Store, StoreError};

/// The clock may have been set back a little.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// One poll of the seats of a site; nothing is kept of it yet.
///
/// # Errors
/// When the store can't be read, or not one list of the site.
pub async fn poll(
    engine: &Engine,
    monitor: &SeatMonitor,
    memory: &mut Memory,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Observed, PollFailure> {
    let Engine { site, client, store, .. } = engine;
    let seats = store.seats(&site.name).await?;
    let read = allocation_changes::read(client, &seats, memory, now, patience).await?;
    // What Bursar did is asked for after the lists: a seat that is missing there is in the ledger.
    let before = before(store, &site.name, seats, now).await?;
    let options = Options { monitor, policy: &site.release.policy, zone: site.time_zone() };
    Ok(allocation_changes::observe(client, options, read, &before, now, patience).await)
}

/// What is known beside the lists.
async fn before(
    store: &Store,
    site: &str,
    seats: Seats,
    now: DateTime<Utc>,
) -> Result<Before, StoreError> {
    let since = seats.lists.iter().map(|list| list.last_read).min().unwrap_or(now) - OVERLAP;
    Ok(Before {
        known: store.known_of_seats(site, since, now).await?,
        past: store.release_past(site).await?,
        pools: pools(store, site).await?,
        seats,
    })
}

/// The pools as they were seen last.
async fn pools(store: &Store, site: &str) -> Result<Option<Pools>, StoreError> {
    let latest = store.latest().await?;
    Ok(Latest::new(&latest, site).pools().map(|(_, pools)| pools.clone()))
}
