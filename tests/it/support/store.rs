//! Where the integration tests open a store, and look behind it: the one place to change for the same
//! tests on another engine.

use std::path::Path;

use bursar::store::settings::OutboxLimits;
use bursar::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::Connection;

/// A store on a clock of the test.
pub async fn open(
    path: &Path,
    limits: OutboxLimits,
    clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
) -> Result<Store, StoreError> {
    Store::open_with_clock(path, limits, clock).await
}

/// A store of another process that is only read.
pub async fn open_to_read(path: &Path, limits: OutboxLimits) -> Result<Store, StoreError> {
    Store::open_to_read(path, limits).await
}

/// The database of a store, as another process would have it.
pub fn database(path: impl AsRef<Path>) -> Connection {
    Connection::open(path).expect("the database opens")
}
