//! What releases need to remember: the ledger, the lock of a run, pauses, announcements, plans.

mod archive;
mod attempts;
mod backed;
mod claim;
mod derived;
mod ledger;
mod open;
mod past;
mod plans;
mod reader;
mod runs;
mod seats;

pub use archive::{Archive, ArchiveError};
pub use attempts::Attempt;
pub use backed::RebuildError;
pub use derived::{Difference, Rebuilt};
pub use ledger::DoneRun;
pub(super) use ledger::{append_records, head as ledger_head};
pub use open::RefusedByTime;
pub use reader::{LedgerFile, Readable};
pub use runs::{KnownRun, RunState, TakenSeat};
pub use seats::{DoneSeat, Moments, WantedSeat};

#[cfg(test)]
pub(super) use past::TAKEN;
pub(super) use past::{from_json, to_json, unreadable};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::StoreError;
use crate::ledger::{Entry, Intent, ResponseClass};

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

/// An intent without a known outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    pub seq: u64,
    pub time: DateTime<Utc>,
    pub run: String,
    pub intent: Intent,
    /// What was answered, where an outcome tells it.
    pub answered: Option<ResponseClass>,
    /// When a complete reading after the request first showed that nothing had happened.
    pub there: Option<DateTime<Utc>>,
    /// Why the last outcome could not tell more.
    pub why: Option<String>,
}

/// Why something could not be appended to the ledger.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The claim is not this run's any more: it must stop at once.
    #[error("the release lock of site {site} was lost: {}; this run stops", lost(.by.as_ref()))]
    ClaimLost {
        site: String,
        /// Who has it now; `None`: nobody, it could not be renewed in time.
        by: Option<Holder>,
    },
    /// An earlier intent for the same seat has no known outcome.
    #[error("it is not known yet what became of the seat at an earlier attempt (record {seq})")]
    Open { seat: Uuid, seq: u64 },
    /// The store began anew, and no person has said that releases go on.
    #[error("{0}")]
    BegunAnew(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn lost(by: Option<&Holder>) -> String {
    match by {
        Some(by) => format!(
            "another run took over, {} since {}",
            by.owner,
            by.since.format("%Y-%m-%d %H:%M:%S UTC")
        ),
        None => "it could not be renewed within a minute".to_owned(),
    }
}

/// What to append to the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    pub site: String,
    pub run: Option<String>,
    pub entry: Entry,
}
