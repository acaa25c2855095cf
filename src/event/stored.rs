//! What events hold of other parts of the program, as it is stored: see [`crate::form`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::form::same_fields;
use crate::insight::{activity, idle, reclaim};
use crate::license::changes::{After, By, TimeFrom};
use crate::license::{self, ChangeKind, Holder, SeatType, changes, pools};

/// [`activity::Active`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Active {
    last_day: u32,
    last_7_days: u32,
    last_28_days: u32,
    last_90_days: u32,
}

/// [`activity::FirstTime`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FirstTime {
    last_day: u32,
    last_7_days: u32,
    last_28_days: u32,
    last_90_days: u32,
}

/// [`idle::Usage`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Usage {
    seats: u32,
    quarantined: u32,
    excess: u32,
    without_user: u32,
    idle: Idle,
    reclaimable: Reclaimable,
}

/// [`idle::Idle`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Idle {
    #[serde(rename = "0-7")]
    days_0_7: u32,
    #[serde(rename = "8-30")]
    days_8_30: u32,
    #[serde(rename = "31-60")]
    days_31_60: u32,
    #[serde(rename = "61-90")]
    days_61_90: u32,
    #[serde(rename = "over90")]
    over_90: u32,
    never_used: u32,
    unknown: u32,
}

/// [`idle::Reclaimable`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reclaimable {
    after_30_days: u32,
    after_60_days: u32,
    after_90_days: u32,
}

/// [`reclaim::ByRules`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ByRules {
    enabled: bool,
    threshold_days: u32,
    release: u32,
    announce: u32,
    unknown: u32,
}

/// [`license::Pools`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pools {
    professional: Option<SeatPool>,
    analyzer: Option<SeatPool>,
    analyzer_capacity: Option<MinutePool>,
    token_user: Option<TokenUserPool>,
    token_login: Option<TokenLoginPool>,
    tokens: Option<TokenTotals>,
}

/// [`pools::SeatPool`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeatPool {
    enabled: bool,
    total: f64,
    allocated: f64,
    available: f64,
    #[serde(default)]
    used: f64,
    #[serde(default)]
    quarantined: f64,
    #[serde(default)]
    excess: f64,
}

/// [`pools::MinutePool`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MinutePool {
    enabled: bool,
    allocated_minutes: f64,
    used_minutes: f64,
    #[serde(default)]
    unavailable_minutes: f64,
}

/// [`pools::TokenUserPool`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenUserPool {
    enabled: bool,
    #[serde(default)]
    token_cost: f64,
    allocated_tokens: f64,
    used_tokens: f64,
    #[serde(default)]
    quarantined_tokens: f64,
}

/// [`pools::TokenLoginPool`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenLoginPool {
    enabled: bool,
    #[serde(default)]
    token_cost: f64,
    allocated_tokens: f64,
    used_tokens: f64,
    #[serde(default)]
    unavailable_tokens: f64,
}

/// [`pools::TokenTotals`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenTotals {
    enabled: bool,
    total_tokens: f64,
    available_tokens: f64,
}

/// [`license::Change`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    kind: ChangeKind,
    seat_type: SeatType,
    seat: Uuid,
    #[serde(default)]
    holder: Option<Holder>,
    #[serde(default)]
    deleted_user: Option<Box<str>>,
    after: After,
    #[serde(default)]
    from: Option<MovedFrom>,
    time: DateTime<Utc>,
    time_from: TimeFrom,
    by: By,
    #[serde(default)]
    released_before: Option<DateTime<Utc>>,
    #[serde(default)]
    initial: bool,
}

/// [`changes::MovedFrom`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MovedFrom {
    seat_type: SeatType,
    seat: Uuid,
    after: After,
}

same_fields!(Active, activity::Active, { last_day, last_7_days, last_28_days, last_90_days });
same_fields!(FirstTime, activity::FirstTime, { last_day, last_7_days, last_28_days, last_90_days });
same_fields!(Idle, idle::Idle, {
    days_0_7,
    days_8_30,
    days_31_60,
    days_61_90,
    over_90,
    never_used,
    unknown,
});
same_fields!(Reclaimable, idle::Reclaimable, { after_30_days, after_60_days, after_90_days });
same_fields!(ByRules, reclaim::ByRules, { enabled, threshold_days, release, announce, unknown });
same_fields!(SeatPool, pools::SeatPool, {
    enabled,
    total,
    allocated,
    available,
    used,
    quarantined,
    excess,
});
same_fields!(MinutePool, pools::MinutePool, {
    enabled,
    allocated_minutes,
    used_minutes,
    unavailable_minutes,
});
same_fields!(TokenUserPool, pools::TokenUserPool, {
    enabled,
    token_cost,
    allocated_tokens,
    used_tokens,
    quarantined_tokens,
});
same_fields!(TokenLoginPool, pools::TokenLoginPool, {
    enabled,
    token_cost,
    allocated_tokens,
    used_tokens,
    unavailable_tokens,
});
same_fields!(TokenTotals, pools::TokenTotals, { enabled, total_tokens, available_tokens });
same_fields!(MovedFrom, changes::MovedFrom, { seat_type, seat, after });

impl From<&idle::Usage> for Usage {
    fn from(usage: &idle::Usage) -> Self {
        let idle::Usage { seats, quarantined, excess, without_user, idle, reclaimable } = usage;
        Self {
            seats: *seats,
            quarantined: *quarantined,
            excess: *excess,
            without_user: *without_user,
            idle: idle.into(),
            reclaimable: reclaimable.into(),
        }
    }
}

impl From<Usage> for idle::Usage {
    fn from(form: Usage) -> Self {
        let Usage { seats, quarantined, excess, without_user, idle, reclaimable } = form;
        Self {
            seats,
            quarantined,
            excess,
            without_user,
            idle: idle.into(),
            reclaimable: reclaimable.into(),
        }
    }
}

impl From<&license::Pools> for Pools {
    fn from(pools: &license::Pools) -> Self {
        let license::Pools {
            professional,
            analyzer,
            analyzer_capacity,
            token_user,
            token_login,
            tokens,
        } = pools;
        Self {
            professional: professional.as_ref().map(Into::into),
            analyzer: analyzer.as_ref().map(Into::into),
            analyzer_capacity: analyzer_capacity.as_ref().map(Into::into),
            token_user: token_user.as_ref().map(Into::into),
            token_login: token_login.as_ref().map(Into::into),
            tokens: tokens.as_ref().map(Into::into),
        }
    }
}

impl From<Pools> for license::Pools {
    fn from(form: Pools) -> Self {
        let Pools { professional, analyzer, analyzer_capacity, token_user, token_login, tokens } =
            form;
        Self {
            professional: professional.map(Into::into),
            analyzer: analyzer.map(Into::into),
            analyzer_capacity: analyzer_capacity.map(Into::into),
            token_user: token_user.map(Into::into),
            token_login: token_login.map(Into::into),
            tokens: tokens.map(Into::into),
        }
    }
}

impl From<&license::Change> for Change {
    fn from(change: &license::Change) -> Self {
        let license::Change {
            kind,
            seat_type,
            seat,
            holder,
            deleted_user,
            after,
            from,
            time,
            time_from,
            by,
            released_before,
            initial,
        } = change;
        Self {
            kind: *kind,
            seat_type: *seat_type,
            seat: *seat,
            holder: holder.clone(),
            deleted_user: deleted_user.clone(),
            after: *after,
            from: from.as_ref().map(Into::into),
            time: *time,
            time_from: *time_from,
            by: by.clone(),
            released_before: *released_before,
            initial: *initial,
        }
    }
}

impl From<Change> for license::Change {
    fn from(form: Change) -> Self {
        let Change {
            kind,
            seat_type,
            seat,
            holder,
            deleted_user,
            after,
            from,
            time,
            time_from,
            by,
            released_before,
            initial,
        } = form;
        Self {
            kind,
            seat_type,
            seat,
            holder,
            deleted_user,
            after,
            from: from.map(Into::into),
            time,
            time_from,
            by,
            released_before,
            initial,
        }
    }
}
