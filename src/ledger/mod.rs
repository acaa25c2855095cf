//! The audit trail: what was decided, attempted and done to seats, by whom, in an order that can't
//! be rewritten unnoticed.
//!
//! Each record carries the hash of the one before it. The hash of the last one, the head, leaves
//! with the event of each run, so that a copy outside proves a rewrite of everything here.

mod account;
pub mod chain;
pub mod check;
pub mod csv;
pub mod lines;
pub mod past;
pub(crate) mod stored;
mod text;

pub use account::{Account, NOT_SENT, TypeAccount};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::form;
use crate::ledger::past::Accepted;
use crate::license::{Holder, Moment, SeatType, SiteIdentity};
use crate::policy::{Guard, Policy, Refusal};
use crate::who::Process;

/// One record as it stands in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Counts from 1 without gaps, over all sites.
    pub seq: u64,
    pub time: DateTime<Utc>,
    pub site: String,
    /// The run it belongs to; absent for a pause and the like.
    pub run: Option<String>,
    pub entry: Entry,
    /// Hash of the record before it; of the first one, 64 zeros.
    pub previous: String,
    /// SHA-256 as hexadecimal text.
    pub hash: String,
}

/// The last record of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub seq: u64,
    pub hash: String,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "few are in memory at a time")]
#[strum(serialize_all = "camelCase")]
pub enum Entry {
    RunStarted {
        mode: Mode,
        trigger: Trigger,
        /// Of this program.
        version: String,
        #[serde(
            serialize_with = "form::write::<stored::Policy, _, _>",
            deserialize_with = "form::read::<stored::Policy, _, _>"
        )]
        policy: Policy,
    },
    /// A plan was made; its whole text is kept beside the ledger under this digest.
    Planned {
        /// SHA-256 of the plan's JSON.
        digest: String,
        #[serde(default)]
        counts: Vec<TypeCounts>,
        #[serde(
            default,
            serialize_with = "form::write_all::<stored::Refusal, _, _>",
            deserialize_with = "form::read_all::<stored::Refusal, _, _>"
        )]
        refusals: Vec<Refusal>,
        /// Guards that a person accepted for this run.
        #[serde(default)]
        accepted: Vec<String>,
        /// What a person had accepted until a day, as far as it let this plan pass.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        standing: Vec<Accepted>,
        /// Which site answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<SiteIdentity>,
    },
    /// A seat is about to be taken.
    Intent(Intent),
    /// What became of an intent.
    Outcome(Outcome),
    Announced {
        seat_type: SeatType,
        seat: Uuid,
        holder: Holder,
        last_used: Moment,
        due: DateTime<Utc>,
    },
    Withdrawn {
        seat_type: SeatType,
        seat: Uuid,
        holder: Holder,
        why: String,
    },
    RunEnded {
        status: RunStatus,
        #[serde(default)]
        counts: Vec<TypeCounts>,
        /// Why it stopped early, if it did.
        why: Option<String>,
    },
    /// Releasing is paused until then.
    Paused {
        until: DateTime<Utc>,
        why: String,
        by: String,
    },
    Resumed {
        by: String,
    },
    /// Releases go on by a store that knows less than the one before it, on a person's word.
    LossAccepted {
        /// What was lost, in words.
        #[serde(default)]
        lost: String,
        /// The store that was set aside, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// When the store began anew, or was found to know less.
        since: DateTime<Utc>,
        why: String,
        by: String,
    },
    /// A person takes responsibility for what a guard says of a type, until a day.
    Accepted {
        guard: Guard,
        seat_type: SeatType,
        /// How many were due then, those included that were taken within the window.
        due: u64,
        /// Of so many seats.
        seats: u64,
        until: DateTime<Utc>,
        why: String,
        by: String,
    },
    /// A person says that the site which answers now is the right one.
    SiteAccepted {
        /// What was known before.
        was: Option<SiteIdentity>,
        is: SiteIdentity,
        /// The name under which the store knew this site before, and which is forgotten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_as: Option<String>,
        why: String,
        by: String,
    },
    /// Records up to a number were exported and taken out of the store.
    Archived {
        through: Head,
        records: u64,
        file: String,
        /// SHA-256 of the file.
        digest: String,
        by: String,
    },
    /// What the store notes beside the ledger did not follow from it, and was made anew from it.
    Rebuilt {
        by: String,
        /// How many notes were changed.
        count: u64,
        /// In words, the first of them.
        changes: Vec<String>,
    },
}

impl Entry {
    /// As the serialised form names it.
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

/// Whether a run may change the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Mode {
    Real,
    Rehearsal,
    /// Allocates seats again to the people who had them.
    Undo,
}

/// Who or what started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Trigger {
    Schedule,
    /// A command; `user` is the account it ran under and the machine: `anna@qlik-admin1`.
    Command {
        user: String,
        /// Absent in records of releases that noted only `user`, which the environment named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<Process>,
    },
    /// An order from a page.
    Page {
        /// Who was logged in, and how they were known: `anna, logged in`.
        user: String,
        /// The browser's address, or that of the proxy before it.
        #[serde(default)]
        peer: String,
        /// Number of the order.
        #[serde(default)]
        order: i64,
    },
}

/// What is about to be done to a seat, written before it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    pub action: Action,
    pub seat_type: SeatType,
    /// Of a seat to be allocated again: the one that was taken.
    pub seat: Uuid,
    pub holder: Holder,
    pub created: Moment,
    pub last_used: Moment,
    /// Why it may be done, in words: `idle for 43 days (threshold 30)`.
    pub because: String,
    /// Of a seat to be allocated again: how many of its type the person could use before.
    #[serde(default, skip_serializing_if = "is_none_of_them")]
    pub has: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Action {
    Release,
    /// Allocate again.
    Allocate,
}

/// What became of an intent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// `seq` of the intent.
    pub intent: u64,
    pub action: Action,
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub holder: Holder,
    pub result: SeatResult,
    /// Found by a later run, because the one that wrote the intent could not tell.
    #[serde(default)]
    pub settled_later: bool,
    /// What the result rests on.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// What an outcome rests on. Records of earlier releases have none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Evidence {
    /// What was answered to the request; absent where nobody knows, because the process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<ResponseClass>,
    /// The answer in words, where the result alone would say something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// A complete reading after the request showed that nothing had happened until then.
    #[serde(skip_serializing_if = "is_false")]
    pub there: bool,
    /// Refused because nothing had happened ten minutes after the last moment a request could leave.
    #[serde(skip_serializing_if = "is_false")]
    pub by_time: bool,
    /// Seen so late that somebody else may have done it: attributed to the intent, not proven.
    #[serde(skip_serializing_if = "is_false")]
    pub late: bool,
    /// Number of the outcome of the same intent that this one corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<u64>,
}

fn is_none_of_them(count: &u32) -> bool {
    *count == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What was answered to a request that changes a site, as far as it decides what became of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseClass {
    /// The request never left this machine.
    NotSent,
    /// 2xx.
    Accepted,
    /// 3xx, 401, 403, 404, 409, 412.
    Refused,
    /// Any other status, or no answer: it may have happened, or happen yet.
    Unclear,
}

/// What the site says of a seat after an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(tag = "result", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[strum(serialize_all = "kebab-case")]
pub enum SeatResult {
    /// The seat is free.
    Freed,
    /// Taken from the user, but blocked until its quarantine ends.
    Quarantined { until: Moment },
    /// The site said no: the seat is as it was.
    Refused { why: String },
    /// The seat was not there any more: somebody else took it.
    Gone,
    /// Not known. The intent stays unsettled.
    Unclear { why: String },
    /// The user has the seat again (undo).
    Allocated,
    /// A person says what became of it. Never counted as a release of Bursar's.
    Stated { says: Statement, by: String, why: String },
}

/// What a person says of a seat whose fate could not be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Statement {
    /// The person does not have the seat any more.
    Taken,
    /// The person has the seat.
    Kept,
}

impl Outcome {
    /// Whether it closes its intent.
    pub fn is_final(&self) -> bool {
        !matches!(self.result, SeatResult::Unclear { .. })
    }

    /// Whether the seat was taken from its user.
    pub fn is_release(&self) -> bool {
        self.action == Action::Release && self.result.is_taken()
    }

    /// Whether the user has a seat again.
    pub fn is_return(&self) -> bool {
        self.action == Action::Allocate && self.result == SeatResult::Allocated
    }
}

impl SeatResult {
    /// Whether the seat was taken.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Freed | Self::Quarantined { .. })
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum RunStatus {
    Done,
    /// Every type was stopped by guards.
    Refused,
    /// Some seats could not be released, or a type could not be read.
    Partly,
    /// Too many failures in a row.
    Broken,
    /// A person or the end of the process stopped it.
    Stopped,
    /// The site could not be read, or the store not be written.
    Failed,
}

impl RunStatus {
    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Mode {
    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schedule => f.write_str("schedule"),
            Self::Command { process: Some(process), .. } => write!(f, "command of {process}"),
            Self::Command { user, process: None } => write!(f, "command of {user}"),
            Self::Page { user, peer, order } => {
                write!(f, "order {order} of the page by {user}, from {peer}")
            }
        }
    }
}

impl Trigger {
    /// A command of this process.
    pub fn this_command() -> Self {
        let process = crate::who::am_i();
        Self::Command { user: process.short(), process: Some(process) }
    }

    /// Who gave the command, in words; `None` for the schedule.
    pub fn by(&self) -> Option<String> {
        match self {
            Self::Schedule => None,
            Self::Command { process: Some(process), .. } => Some(process.to_string()),
            Self::Command { user, process: None } => Some(user.clone()),
            Self::Page { user, peer, .. } => Some(format!("page user {user}, from {peer}")),
        }
    }
}

/// What became of the seats of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeCounts {
    pub seat_type: SeatType,
    /// Seats of the type.
    #[serde(default)]
    pub seats: u64,
    /// Planned for release.
    #[serde(default)]
    pub planned: u64,
    #[serde(default)]
    pub released: u64,
    /// Part of `released`: in quarantine.
    #[serde(default)]
    pub quarantined: u64,
    #[serde(default)]
    pub announced: u64,
    #[serde(default)]
    pub kept: u64,
    /// Planned, but kept when the seat was read again.
    #[serde(default)]
    pub changed: u64,
    #[serde(default)]
    pub refused: u64,
    #[serde(default)]
    pub gone: u64,
    /// Planned, and taken by another run before this one came to it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taken_before: u64,
    #[serde(default)]
    pub unclear: u64,
    /// Kept seats by the first reason.
    #[serde(default)]
    pub kept_by_reason: std::collections::BTreeMap<String, u64>,
}

impl TypeCounts {
    /// Nothing of a type.
    pub fn new(seat_type: SeatType) -> Self {
        Self {
            seat_type,
            seats: 0,
            planned: 0,
            released: 0,
            quarantined: 0,
            announced: 0,
            kept: 0,
            changed: 0,
            refused: 0,
            gone: 0,
            taken_before: 0,
            unclear: 0,
            kept_by_reason: std::collections::BTreeMap::new(),
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// SHA-256 as hexadecimal text.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}
