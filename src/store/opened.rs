//! Where the library's tests open a store, and look behind it: the one place to change for the same
//! tests on another engine.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::settings::OutboxLimits;
use super::{Store, StoreError};

/// A store on a clock of the test.
pub(crate) async fn open(
    path: &Path,
    limits: OutboxLimits,
    clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
) -> Result<Store, StoreError> {
    let store = Store::open_with_clock(path, limits, clock).await?;
    // What the operating system has is enough for tests, and much faster.
    let fast = |db: &Connection| db.pragma_update(None, "synchronous", "OFF");
    store.shared.gate.read("go without syncs", fast).await?;
    Ok(store)
}

/// The database of a store, as another process would have it.
pub(crate) fn database(path: &Path) -> Connection {
    Connection::open(path).expect("the database opens")
}

/// An empty database that is nowhere on the disk.
pub(crate) fn empty_database() -> Connection {
    Connection::open_in_memory().expect("memory is there")
}
