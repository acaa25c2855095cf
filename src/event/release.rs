//! What is told of releases.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::{Head, Mode, RunStatus, SeatResult, Trigger, TypeCounts};
use crate::license::{Holder, Moment, SeatType};
use crate::release::Refusal;

/// A seat that a release is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatFacts {
    pub run: String,
    /// Nothing was done: this is what would have been.
    pub rehearsal: bool,
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    pub created: Moment,
    pub last_used: Moment,
    /// Whole days since last use or, for a seat that was never used, since its allocation.
    pub idle_days: i64,
}

/// A seat was taken from its user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatReleased {
    #[serde(flatten)]
    pub seat: SeatFacts,
    /// Freed or quarantined; of a rehearsal always freed.
    #[serde(flatten)]
    pub result: SeatResult,
}

/// A seat will be taken unless it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatAnnounced {
    #[serde(flatten)]
    pub seat: SeatFacts,
    pub due: DateTime<Utc>,
}

/// An announced release will not happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatWithdrawn {
    #[serde(flatten)]
    pub seat: SeatFacts,
    pub why: String,
}

/// A seat was given back to the person who had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatRestored {
    #[serde(flatten)]
    pub seat: SeatFacts,
}

/// Guards stopped a run, or a type of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRefused {
    pub run: String,
    pub rehearsal: bool,
    pub refusals: Vec<Refusal>,
}

/// Which seats a run kept, by reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatsKept {
    pub run: String,
    pub rehearsal: bool,
    pub types: Vec<TypeCounts>,
}

/// A run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRun {
    pub run: String,
    pub mode: Mode,
    pub trigger: Trigger,
    pub status: RunStatus,
    pub started: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub types: Vec<TypeCounts>,
    /// Of the plan; absent when none could be made.
    pub plan_digest: Option<String>,
    /// The ledger up to and with the end of this run.
    pub ledger: Head,
    /// Why it stopped early, if it did.
    pub why: Option<String>,
}
