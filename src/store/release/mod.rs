//! What releases need to remember: the ledger, the lock of a run, pauses, announcements, plans.

mod archive;
mod attempts;
mod claim;
mod ledger;
mod past;
mod plans;
mod reader;

pub use archive::{Archive, ArchiveError};
pub use attempts::Attempt;
pub use reader::{LedgerFile, Readable};

pub(super) use past::{from_json, to_json, unreadable};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::StoreError;
use crate::ledger::{Entry, Intent};

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
