//! What is sent of releases.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::value::{ByType, Moment, Time, id_schema};
use crate::event::{self, SeatFacts};
use crate::ledger::{self, Mode, RunStatus, SeatResult, TypeCounts};
use crate::license::SeatType;
use crate::policy::{self, Guard};

/// The run that it belongs to.
#[derive(Debug, Serialize, JsonSchema)]
struct Run<'a> {
    /// True: nothing was done, this is what would have been.
    rehearsal: bool,
    /// Id of the run, as `bursar release history` and `bursar audit show` name it.
    run: &'a str,
}

/// Whose seat it is, and how it is used.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Seat<'a> {
    /// Directory and id of the user, as Qlik writes them: `CORP\anna`.
    user: String,
    /// Directory of the user.
    user_directory: &'a str,
    /// Id of the user.
    user_id: &'a str,
    /// What people call the user; may be empty.
    user_name: &'a str,
    /// Type of the seat.
    license_type: SeatType,
    /// Id of the access license in the repository.
    #[schemars(schema_with = "id_schema")]
    seat_id: String,
    /// When the user got the seat, UTC; null where the site doesn't know. A text that is no time is
    /// given as the site wrote it.
    allocated: Moment<'a>,
    /// When the seat was used last, UTC; null: never. A text that is no time is given as the site wrote
    /// it.
    last_used: Moment<'a>,
    /// Whole days since the last use or, of a seat that was never used, since its allocation.
    idle_days: i64,
    #[serde(flatten)]
    run: Run<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatReleased<'a> {
    #[serde(flatten)]
    seat: Seat<'a>,
    /// What became of the seat: free for others, or blocked until its quarantine ends.
    result: Fate,
    /// The end of the quarantine, UTC; null where the site doesn't say. A text that is no time is given
    /// as the site wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-onlyWhere" = ["result", "quarantined"]))]
    quarantined_until: Option<Moment<'a>>,
    /// True: found out so long after the request that somebody else may have done it; attributed to the
    /// run, not proven.
    late: bool,
}

/// What became of a seat that was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Freed,
    Quarantined,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SeatAnnounced<'a> {
    #[serde(flatten)]
    seat: Seat<'a>,
    /// The first run after this time, UTC, takes the seat if it is still idle.
    due: Time,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SeatWithdrawn<'a> {
    #[serde(flatten)]
    seat: Seat<'a>,
    /// Why it will not happen: one sentence.
    why: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SeatRestored<'a> {
    #[serde(flatten)]
    seat: Seat<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReleaseRefused<'a> {
    /// What the guards saw; at least one.
    #[schemars(length(min = 1))]
    refusals: Vec<Refusal<'a>>,
    #[serde(flatten)]
    run: Run<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    /// The reason to stop.
    guard: Guard,
    /// The type that is stopped; null when the whole run is.
    license_type: Option<SeatType>,
    /// What the guard saw, in words.
    saw: &'a str,
    /// What to do about it, in words.
    fix: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatsKept<'a> {
    /// The types that were looked at.
    license_types: ByType<Kept<'a>>,
    #[serde(flatten)]
    run: Run<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    /// Seats of the type.
    seats: u64,
    /// Seats that were kept.
    kept: u64,
    /// Kept seats by the first reason that applies, such as `used`, `never-used`, `tag`.
    #[schemars(extend(
        "propertyNames" = { "pattern": "^[a-z]+(-[a-z]+)*$" },
        "additionalProperties" = { "type": "integer", "minimum": 1 },
    ))]
    kept_by_reason: &'a BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleaseRun<'a> {
    /// `real`: the site was changed; `rehearsal`: it was not; `undo`: seats were allocated again.
    mode: Mode,
    /// `done`; `refused` by guards; `partly`: some seats or a type failed; `broken`: too many failures
    /// in a row; `stopped` by a person or the end of the process; `failed` before anything was done.
    status: RunStatus,
    /// What started it.
    trigger: Trigger,
    /// User, process and machine of a command by the operating system, then what its environment says
    /// beyond that, such as SUDO_USER; of a page the user and the address of the browser; null for the schedule.
    started_by: Option<String>,
    /// Start of the run, UTC.
    started: Time,
    /// End of the run, UTC.
    ended: Time,
    /// Why it stopped early, in words; null if it did not.
    why: Option<&'a str>,
    /// The types that were looked at.
    license_types: ByType<Counts>,
    /// SHA-256 of the plan; null when none could be made.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    plan_digest: Option<&'a str>,
    /// The last record of the ledger: a copy outside proves whether the ledger was rewritten.
    ledger: Head<'a>,
    #[serde(flatten)]
    run: Run<'a>,
}

/// What starts a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Trigger {
    Schedule,
    Command,
    Page,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Counts {
    /// Seats of the type.
    seats: u64,
    /// Seats that the plan would release.
    planned: u64,
    /// Seats that were released; of an undo, allocated again.
    released: u64,
    /// Those of `released` that are in quarantine.
    quarantined: u64,
    /// Seats whose release was announced.
    announced: u64,
    /// Seats that were kept.
    kept: u64,
    /// Planned, but kept when the seat was read again.
    changed: u64,
    /// Planned, but the site said no.
    refused: u64,
    /// Planned, but the seat was not there any more.
    gone: u64,
    /// Attempted, and it isn't known what became of it.
    unclear: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Head<'a> {
    /// Number of the record.
    seq: u64,
    /// Its hash.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    hash: &'a str,
}

impl<'a> From<&'a SeatFacts> for Seat<'a> {
    fn from(seat: &'a SeatFacts) -> Self {
        let SeatFacts { run, rehearsal, seat_type, seat, holder, created, last_used, idle_days } =
            seat;
        Self {
            user: holder.account(),
            user_directory: &holder.directory,
            user_id: &holder.user_id,
            user_name: &holder.name,
            license_type: *seat_type,
            seat_id: seat.to_string(),
            allocated: Moment(created),
            last_used: Moment(last_used),
            idle_days: *idle_days,
            run: Run { rehearsal: *rehearsal, run },
        }
    }
}

impl<'a> From<&'a event::SeatReleased> for SeatReleased<'a> {
    fn from(released: &'a event::SeatReleased) -> Self {
        let (result, quarantined_until) = match &released.result {
            SeatResult::Quarantined { until } => (Fate::Quarantined, Some(Moment(until))),
            // Whatever else the site said, the seat is not its user's any more.
            _ => (Fate::Freed, None),
        };
        Self { seat: (&released.seat).into(), result, quarantined_until, late: released.late }
    }
}

impl<'a> From<&'a event::SeatAnnounced> for SeatAnnounced<'a> {
    fn from(announced: &'a event::SeatAnnounced) -> Self {
        Self { seat: (&announced.seat).into(), due: Time(announced.due) }
    }
}

impl<'a> From<&'a event::SeatWithdrawn> for SeatWithdrawn<'a> {
    fn from(withdrawn: &'a event::SeatWithdrawn) -> Self {
        Self { seat: (&withdrawn.seat).into(), why: &withdrawn.why }
    }
}

impl<'a> From<&'a event::SeatRestored> for SeatRestored<'a> {
    fn from(restored: &'a event::SeatRestored) -> Self {
        Self { seat: (&restored.seat).into() }
    }
}

impl<'a> From<&'a event::ReleaseRefused> for ReleaseRefused<'a> {
    fn from(refused: &'a event::ReleaseRefused) -> Self {
        let event::ReleaseRefused { run, rehearsal, refusals } = refused;
        Self {
            refusals: refusals.iter().map(Into::into).collect(),
            run: Run { rehearsal: *rehearsal, run },
        }
    }
}

impl<'a> From<&'a policy::Refusal> for Refusal<'a> {
    fn from(refusal: &'a policy::Refusal) -> Self {
        let policy::Refusal { guard, seat_type, saw, fix } = refusal;
        Self { guard: *guard, license_type: *seat_type, saw, fix }
    }
}

impl<'a> From<&'a event::SeatsKept> for SeatsKept<'a> {
    fn from(kept: &'a event::SeatsKept) -> Self {
        let event::SeatsKept { run, rehearsal, types } = kept;
        let of_type = |counts: &'a TypeCounts| Kept {
            seats: counts.seats,
            kept: counts.kept,
            kept_by_reason: &counts.kept_by_reason,
        };
        Self { license_types: by_type(types, of_type), run: Run { rehearsal: *rehearsal, run } }
    }
}

impl<'a> From<&'a event::ReleaseRun> for ReleaseRun<'a> {
    fn from(run: &'a event::ReleaseRun) -> Self {
        let event::ReleaseRun {
            run,
            mode,
            trigger,
            status,
            started,
            ended,
            types,
            plan_digest,
            ledger,
            why,
            // Told by an event of their own.
            refusals: _,
        } = run;
        Self {
            mode: *mode,
            status: *status,
            trigger: match trigger {
                ledger::Trigger::Schedule => Trigger::Schedule,
                ledger::Trigger::Command { .. } => Trigger::Command,
                ledger::Trigger::Page { .. } => Trigger::Page,
            },
            started_by: trigger.by(),
            started: Time(*started),
            ended: Time(*ended),
            why: why.as_deref(),
            license_types: by_type(types, Into::into),
            plan_digest: plan_digest.as_deref(),
            ledger: Head { seq: ledger.seq, hash: &ledger.hash },
            run: Run { rehearsal: *mode == Mode::Rehearsal, run },
        }
    }
}

impl From<&TypeCounts> for Counts {
    fn from(counts: &TypeCounts) -> Self {
        let TypeCounts {
            seat_type: _,
            seats,
            planned,
            released,
            quarantined,
            announced,
            kept,
            changed,
            refused,
            gone,
            // Told in the store only.
            taken_before: _,
            unclear,
            kept_by_reason: _,
        } = *counts;
        Self {
            seats,
            planned,
            released,
            quarantined,
            announced,
            kept,
            changed,
            refused,
            gone,
            unclear,
        }
    }
}

fn by_type<'a, T>(types: &'a [TypeCounts], of_type: impl Fn(&'a TypeCounts) -> T) -> ByType<T> {
    ByType(types.iter().map(|counts| (counts.seat_type, of_type(counts))).collect())
}
