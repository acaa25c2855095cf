//! The snapshot of a site that a plan is made of.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::plan::{Past, Snapshot};
use super::policy::Policy;
use crate::qrs::Client;

/// Reads the seats of the enabled types (and of the others that matter), the pools, and the users
/// of exactly the seats in question. A type whose list can't be read is in the snapshot with the
/// reason; so is a user.
pub async fn snapshot(
    _client: &Client,
    _policy: &Policy,
    _past: &Past,
    _now: DateTime<Utc>,
    _deadline: Instant,
) -> Snapshot {
    unimplemented!("read")
}
