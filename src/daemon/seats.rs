//! Looking at the seats: what the store knows, what the site says, and the difference.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::{Blind, Seen, Shared};
use crate::config::settings::Site;
use crate::event::Body;
use crate::license::Pools;
use crate::monitor::allocation_changes::{self, Before, Wishes};
use crate::qrs;
use crate::store::{Seats, Store, StoreError};

/// The clock may have been set back a little.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// One look at the seats of a site.
pub(super) async fn look(
    shared: &Shared,
    client: &qrs::Client,
    site: &Site,
    now: DateTime<Utc>,
    deadline: Instant,
) -> Result<Seen, Blind> {
    let monitor = site.seats.as_ref().expect("a site whose seats are looked at has the settings");
    let seats = shared.store.seats(&site.name).await?;
    let read = allocation_changes::read(client, &seats, deadline).await?;
    let before = before(&shared.store, &site.name, seats, now).await?;
    let (policy, zone) = (&site.release.policy, shared.settings.time_zone);
    let wishes = Wishes { monitor, policy, zone };
    let observed = allocation_changes::observe(client, wishes, read, &before, now, deadline).await;
    Ok(Seen { bodies: observed.bodies, reading: Some(observed.reading), problem: observed.problem })
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
    let latest = store.latest().await?.into_iter().filter(|event| event.site == site);
    Ok(latest.into_iter().find_map(|event| match event.body {
        Body::AccessLicenseStatus(pools) => Some(pools),
        _ => None,
    }))
}
