//! What is sent of seats, and printed of them by `bursar insight changes --json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::value::{ByType, Time, id_schema};
use crate::event::{self, TypeActivity};
use crate::insight::activity::{Active, FirstTime};
use crate::insight::idle;
use crate::insight::reclaim;
use crate::license::changes::{After, By, TimeFrom};
use crate::license::{self, ChangeKind, SeatType};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatActivity {
    /// The types whose list was complete.
    license_types: ByType<OfType>,
    /// People who used any seat, each once whatever they hold.
    people: Windows,
    /// People with seats of several types.
    two_seats: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OfType {
    /// All seats, those in quarantine too.
    seats: u32,
    /// Seats in quarantine.
    quarantined: u32,
    /// Seats that are allocated above what the license has.
    excess: u32,
    /// Seats whose user is deleted.
    without_user: u32,
    /// Seats by days since their last use, without those in quarantine.
    idle: Idle,
    /// Seats that are idle for so long, before the release rules are asked.
    reclaimable: Reclaimable,
    /// Users who used a seat of this type.
    active: Windows,
    /// Users who used one for the first time, as far as that was seen.
    first_time: Windows,
    /// What a release run would take now; null when it can't be told.
    by_rules: Option<ByRules>,
}

/// People within some time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Windows {
    /// Within 24 hours.
    last_day: u32,
    /// Within 7 times 24 hours.
    last_7_days: u32,
    /// Within 28 times 24 hours.
    last_28_days: u32,
    /// Within 90 times 24 hours.
    last_90_days: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Idle {
    /// 0 to 7 days.
    #[serde(rename = "0-7")]
    days_0_7: u32,
    /// 8 to 30 days.
    #[serde(rename = "8-30")]
    days_8_30: u32,
    /// 31 to 60 days.
    #[serde(rename = "31-60")]
    days_31_60: u32,
    /// 61 to 90 days.
    #[serde(rename = "61-90")]
    days_61_90: u32,
    /// More than 90 days.
    #[serde(rename = "over90")]
    over_90: u32,
    /// Never used.
    never_used: u32,
    /// The last use can't be read.
    unknown: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Reclaimable {
    /// 30 days or more.
    after_30_days: u32,
    /// 60 days or more.
    after_60_days: u32,
    /// 90 days or more.
    after_90_days: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ByRules {
    /// Whether the settings release seats of this type; if not, the figures are those of the rules that
    /// would hold.
    enabled: bool,
    /// Days after which a seat is due.
    threshold_days: u32,
    /// Seats that a run would take.
    release: u32,
    /// Seats that it would announce first.
    announce: u32,
    /// Idle for long enough, but their user is not known well enough to decide.
    unknown: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SeatChanges<'a> {
    /// How often what happened, without what the first reading told.
    counts: Vec<Count>,
    /// The changes, oldest first.
    #[schemars(length(max = event::seats::MAX_LISTED))]
    changes: Vec<Change<'a>>,
    /// Changes that are not in the list.
    omitted: u32,
}

/// How often something happened: the same in messages and on the command line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Type of the seat.
    license_type: SeatType,
    /// What happened.
    change: ChangeKind,
    /// How often.
    #[schemars(range(min = 1))]
    count: u32,
    /// How many of them got a seat again within 14 days of losing one.
    churn: u32,
    /// How many of them Bursar did.
    by_bursar: u32,
}

/// One change: the same in messages and on the command line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change<'a> {
    /// What happened: `restored` is back from quarantine, `quarantineEnded` means that the seat is free.
    change: ChangeKind,
    /// Type of the seat.
    license_type: SeatType,
    /// `CORP\anna`; null when the site named no user.
    user: Option<String>,
    /// Directory of the user; null of a deleted one.
    user_directory: Option<&'a str>,
    /// Id of the user; null of a deleted one.
    user_id: Option<&'a str>,
    /// What people call them; null of a deleted one.
    user_name: Option<&'a str>,
    /// Id of the access license in the repository.
    #[schemars(schema_with = "id_schema")]
    seat_id: String,
    /// Where the seat is now.
    after: After,
    /// Of a move: the type before; else null.
    moved_from: Option<SeatType>,
    /// When it happened, UTC, as far as that is known.
    changed: Time,
    /// Where that time comes from; `noticed`: it happened some time before.
    time_from: TimeFrom,
    /// Who did it: `bursar`, or an account as the site names it; null when the site doesn't say.
    by: Option<&'a str>,
    /// Of what Bursar did: the run, as `bursar audit show` names it; else null.
    run: Option<&'a str>,
    /// The user got a seat again within 14 days of losing one.
    churn: bool,
    /// Of churn: when the user lost the seat before, UTC; else null.
    released_before: Option<Time>,
    /// Learned from the first reading, by createdDate.
    initial: bool,
}

impl From<&event::SeatActivity> for SeatActivity {
    fn from(activity: &event::SeatActivity) -> Self {
        let event::SeatActivity { types, people, two_seats } = activity;
        Self {
            license_types: ByType(types.iter().map(|of| (of.seat_type, of.into())).collect()),
            people: people.into(),
            two_seats: *two_seats,
        }
    }
}

impl From<&TypeActivity> for OfType {
    fn from(of: &TypeActivity) -> Self {
        let TypeActivity { seat_type: _, usage, active, first_time, by_rules } = of;
        let idle::Usage { seats, quarantined, excess, without_user, idle, reclaimable } = usage;
        Self {
            seats: *seats,
            quarantined: *quarantined,
            excess: *excess,
            without_user: *without_user,
            idle: idle.into(),
            reclaimable: reclaimable.into(),
            active: active.into(),
            first_time: first_time.into(),
            by_rules: by_rules.as_ref().map(Into::into),
        }
    }
}

/// The same fields under the same names.
macro_rules! same {
    ($to:ident, $from:path, { $($name:ident),+ $(,)? }) => {
        impl From<&$from> for $to {
            fn from(of: &$from) -> Self {
                let $from { $($name),+ } = *of;
                Self { $($name),+ }
            }
        }
    };
}

same!(Windows, Active, { last_day, last_7_days, last_28_days, last_90_days });
same!(Windows, FirstTime, { last_day, last_7_days, last_28_days, last_90_days });
same!(Idle, idle::Idle, {
    days_0_7,
    days_8_30,
    days_31_60,
    days_61_90,
    over_90,
    never_used,
    unknown,
});
same!(Reclaimable, idle::Reclaimable, { after_30_days, after_60_days, after_90_days });
same!(ByRules, reclaim::ByRules, { enabled, threshold_days, release, announce, unknown });

impl<'a> From<&'a event::SeatChanges> for SeatChanges<'a> {
    fn from(told: &'a event::SeatChanges) -> Self {
        let event::SeatChanges { counts, changes, omitted } = told;
        Self {
            counts: counts.iter().map(Into::into).collect(),
            changes: changes.iter().map(Into::into).collect(),
            omitted: *omitted,
        }
    }
}

impl From<&event::ChangeCount> for Count {
    fn from(counted: &event::ChangeCount) -> Self {
        let event::ChangeCount { seat_type, kind, count, churn, by_bursar } = *counted;
        Self { license_type: seat_type, change: kind, count, churn, by_bursar }
    }
}

impl<'a> From<&'a license::Change> for Change<'a> {
    fn from(change: &'a license::Change) -> Self {
        let holder = change.holder.as_ref();
        let deleted = || change.deleted_user.as_deref().map(Into::into);
        let (by, run) = match &change.by {
            By::Unknown => (None, None),
            By::Bursar { run } => (Some("bursar"), Some(run.as_str())),
            By::Someone { user } => (Some(&**user), None),
        };
        Self {
            change: change.kind,
            license_type: change.seat_type,
            user: holder.map(|holder| holder.account()).or_else(deleted),
            user_directory: holder.map(|holder| &*holder.directory),
            user_id: holder.map(|holder| &*holder.user_id),
            user_name: holder.map(|holder| &*holder.name),
            seat_id: change.seat.to_string(),
            after: change.after,
            moved_from: change.from.as_ref().map(|from| from.seat_type),
            changed: Time(change.time),
            time_from: change.time_from,
            by,
            run,
            churn: change.is_churn(),
            released_before: change.released_before.map(Time),
            initial: change.initial,
        }
    }
}
