//! The settings and refusals in records, as they are stored: see [`crate::form`].

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::form::{back, each, same_fields};
use crate::license::SeatType;

use crate::policy::calendar::{self, Day, Minute};
use crate::policy::{self, Guard, ThreeWay};

/// [`policy::Policy`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    #[serde(default)]
    never_release: NeverRelease,
    #[serde(default)]
    types: Vec<TypeRule>,
    #[serde(default)]
    judge_per_user: bool,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    calendar: Calendar,
}

/// [`policy::NeverRelease`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NeverRelease {
    users: Vec<UserPattern>,
    directories: Vec<String>,
    tags: Vec<String>,
    custom_properties: Vec<Property>,
    roles: Vec<String>,
    groups: Vec<String>,
    inactive: ThreeWay,
    blocked: ThreeWay,
    removed_externally: ThreeWay,
}

/// [`policy::UserPattern`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserPattern {
    directory: String,
    user_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// [`policy::Property`].
#[derive(Debug, Serialize, Deserialize)]
struct Property {
    name: String,
    value: String,
}

/// [`policy::TypeRule`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeRule {
    seat_type: SeatType,
    release_threshold_days: u32,
    never_used_grace_days: u32,
    #[serde(default)]
    keep_free: Option<u32>,
    #[serde(default)]
    grace_days: u32,
    #[serde(default)]
    max_releases: Option<u32>,
    max_release_percent: u32,
    #[serde(default)]
    reallocated_grace_days: u32,
}

/// [`policy::Limits`]. A record without one of them was written before there was such a limit.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Limits {
    stale_signal_days: u32,
    clock_tolerance_seconds: u32,
    max_unread_percent: u32,
    max_unsettled: Option<u32>,
    license_key_shared: Option<bool>,
    stop_after_failures: u32,
}

/// [`calendar::Calendar`]. A record without one was written before there was any.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Calendar {
    time_zone: Tz,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    freeze: Vec<Freeze>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_hours: Vec<Hours>,
}

impl Default for Calendar {
    fn default() -> Self {
        (&calendar::Calendar::default()).into()
    }
}

/// [`calendar::Freeze`].
#[derive(Debug, Serialize, Deserialize)]
struct Freeze {
    from: Day,
    to: Day,
    #[serde(default)]
    why: String,
}

/// [`calendar::Hours`].
#[derive(Debug, Serialize, Deserialize)]
struct Hours {
    #[serde(default)]
    days: Vec<Weekday>,
    from: Minute,
    to: Minute,
}

/// [`policy::Refusal`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusal {
    guard: Guard,
    #[serde(default)]
    seat_type: Option<SeatType>,
    #[serde(default)]
    saw: String,
    #[serde(default)]
    fix: String,
}

impl From<&policy::Policy> for Policy {
    fn from(policy: &policy::Policy) -> Self {
        let policy::Policy { never_release, types, judge_per_user, limits, calendar } = policy;
        Self {
            never_release: never_release.into(),
            types: each(types),
            judge_per_user: *judge_per_user,
            limits: limits.into(),
            calendar: calendar.into(),
        }
    }
}

impl From<Policy> for policy::Policy {
    fn from(form: Policy) -> Self {
        let Policy { never_release, types, judge_per_user, limits, calendar } = form;
        Self {
            never_release: never_release.into(),
            types: back(types),
            judge_per_user,
            limits: limits.into(),
            calendar: calendar.into(),
        }
    }
}

impl From<&policy::NeverRelease> for NeverRelease {
    fn from(never: &policy::NeverRelease) -> Self {
        let policy::NeverRelease {
            users,
            directories,
            tags,
            custom_properties,
            roles,
            groups,
            inactive,
            blocked,
            removed_externally,
        } = never;
        Self {
            users: each(users),
            directories: directories.clone(),
            tags: tags.clone(),
            custom_properties: each(custom_properties),
            roles: roles.clone(),
            groups: groups.clone(),
            inactive: *inactive,
            blocked: *blocked,
            removed_externally: *removed_externally,
        }
    }
}

impl From<NeverRelease> for policy::NeverRelease {
    fn from(form: NeverRelease) -> Self {
        let NeverRelease {
            users,
            directories,
            tags,
            custom_properties,
            roles,
            groups,
            inactive,
            blocked,
            removed_externally,
        } = form;
        Self {
            users: back(users),
            directories,
            tags,
            custom_properties: back(custom_properties),
            roles,
            groups,
            inactive,
            blocked,
            removed_externally,
        }
    }
}

impl From<&calendar::Calendar> for Calendar {
    fn from(calendar: &calendar::Calendar) -> Self {
        let calendar::Calendar { time_zone, freeze, allowed_hours } = calendar;
        Self { time_zone: *time_zone, freeze: each(freeze), allowed_hours: each(allowed_hours) }
    }
}

impl From<Calendar> for calendar::Calendar {
    fn from(form: Calendar) -> Self {
        let Calendar { time_zone, freeze, allowed_hours } = form;
        Self { time_zone, freeze: back(freeze), allowed_hours: back(allowed_hours) }
    }
}

same_fields!(Freeze, calendar::Freeze, { from, to, why });
same_fields!(Hours, calendar::Hours, { days, from, to });
same_fields!(UserPattern, policy::UserPattern, { directory, user_id, until, why });
same_fields!(Property, policy::Property, { name, value });
same_fields!(TypeRule, policy::TypeRule, {
    seat_type,
    release_threshold_days,
    never_used_grace_days,
    keep_free,
    grace_days,
    max_releases,
    max_release_percent,
    reallocated_grace_days,
});
same_fields!(Limits, policy::Limits, {
    stale_signal_days,
    clock_tolerance_seconds,
    max_unread_percent,
    max_unsettled,
    license_key_shared,
    stop_after_failures,
});
same_fields!(Refusal, policy::Refusal, { guard, seat_type, saw, fix });
