//! What releases need to remember: the ledger, the lock of a run, pauses, announcements, plans.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::event::Event;
use crate::ledger::{Entry, Head, Intent, Record};
use crate::license::SeatType;
use crate::release::plan::Past;

/// The right to release seats of a site, held by one run at a time, over all processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub site: String,
    pub run: String,
}

/// Who holds the right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    pub run: String,
    /// Process and machine, for people.
    pub owner: String,
    pub since: DateTime<Utc>,
    /// Renewed until then; after that another run may take it.
    pub until: DateTime<Utc>,
}

/// A person's pause of all real runs of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    pub until: DateTime<Utc>,
    pub why: String,
    pub by: String,
    pub since: DateTime<Utc>,
}

/// An intent without a known outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    pub seq: u64,
    pub time: DateTime<Utc>,
    pub run: String,
    pub intent: Intent,
}

/// Why something could not be appended to the ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Another run has taken over: this one must stop at once.
    #[error("the release lock of site {site} was lost: another run took over; this one stops")]
    ClaimLost { site: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to append to the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    pub site: String,
    pub run: Option<String>,
    pub entry: Entry,
}

impl Store {
    /// Takes the right to release seats of a site for `lease`; `Err` names who has it.
    pub async fn claim_release(
        &self,
        _site: &str,
        _run: &str,
        _owner: &str,
        _lease: Duration,
    ) -> Result<Result<Claim, Holder>, StoreError> {
        unimplemented!("store")
    }

    /// Prolongs a claim; false when it was lost.
    pub async fn renew_claim(&self, _claim: &Claim, _lease: Duration) -> Result<bool, StoreError> {
        unimplemented!("store")
    }

    /// Gives a claim back. Nothing happens when it was lost.
    pub async fn drop_claim(&self, _claim: &Claim) -> Result<(), StoreError> {
        unimplemented!("store")
    }

    /// Appends records, in this order, and the events that tell of them, all or nothing, durable
    /// on return. With a claim, only while it is held. `events` gets the head after the additions.
    /// Keeps what [`Past`] is made of up to date. Returns the numbers of the records and the head.
    pub async fn append(
        &self,
        _claim: Option<&Claim>,
        _additions: Vec<Addition>,
        _events: impl FnOnce(&Head) -> Vec<(Event, Vec<String>)> + Send + 'static,
    ) -> Result<(Vec<u64>, Head), AppendError> {
        unimplemented!("store")
    }

    /// The last record's number and hash; `None` for an empty ledger.
    pub async fn head(&self) -> Result<Option<Head>, StoreError> {
        unimplemented!("store")
    }

    /// Records from number `from` on, at most `max`, in order.
    pub async fn records(&self, _from: u64, _max: usize) -> Result<Vec<Record>, StoreError> {
        unimplemented!("store")
    }

    /// The records of a run, in order. `run` may be the beginning of its id.
    pub async fn records_of(&self, _run: &str) -> Result<Vec<Record>, StoreError> {
        unimplemented!("store")
    }

    /// The `runStarted` records of a site (of all sites when absent), newest first.
    pub async fn run_starts(
        &self,
        _site: Option<&str>,
        _max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        unimplemented!("store")
    }

    /// Intents without a known outcome, oldest first.
    pub async fn unsettled(&self, _site: &str) -> Result<Vec<Unsettled>, StoreError> {
        unimplemented!("store")
    }

    /// What a plan for a site needs to know of earlier runs.
    pub async fn release_past(&self, _site: &str) -> Result<Past, StoreError> {
        unimplemented!("store")
    }

    /// When Bursar last took a seat of this type from this user or gave it back.
    pub async fn last_released(
        &self,
        _site: &str,
        _seat_type: SeatType,
        _user: Uuid,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        unimplemented!("store")
    }

    /// The pause of a site that holds at the store's time.
    pub async fn pause(&self, _site: &str) -> Result<Option<Pause>, StoreError> {
        unimplemented!("store")
    }

    /// Keeps a plan's JSON under its run; the oldest plans of the site beyond a number are removed.
    pub async fn save_plan(
        &self,
        _site: &str,
        _run: &str,
        _json: Vec<u8>,
    ) -> Result<(), StoreError> {
        unimplemented!("store")
    }

    /// The JSON of a run's plan, where it is still kept. `run` may be the beginning of its id.
    pub async fn load_plan(&self, _run: &str) -> Result<Option<Vec<u8>>, StoreError> {
        unimplemented!("store")
    }
}
