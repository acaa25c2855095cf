//! The settings that decide. Every plan carries them whole, defaults included, so that a plan can
//! be understood without the settings file of the day.

pub mod calendar;
mod guard;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use calendar::Calendar;
pub use guard::{Guard, Refusal};

use crate::license::SeatType;

/// Everything a plan depends on beside the site, the past and the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    pub never_release: NeverRelease,
    /// The enabled types, in the order of [`SeatType::ALL`], each once.
    pub types: Vec<TypeRule>,
    /// Use of one seat keeps the same person's seats of other types, too.
    pub judge_per_user: bool,
    pub limits: Limits,
    /// When seats may be taken at all.
    #[serde(default)]
    pub calendar: Calendar,
}

/// What stops a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// No seat of the site used for so many days: the signal is broken. 0 = not looked at.
    pub stale_signal_days: u32,
    /// Largest difference between this machine's clock and the site's.
    pub clock_tolerance_seconds: u32,
    /// More than this share of the people in question could not be read.
    pub max_unread_percent: u32,
    /// Intents whose outcome has been unknown for more than a day, by type; `None` = 20, or 1 % of
    /// the type's seats.
    #[serde(default)]
    pub max_unsettled: Option<u32>,
    /// Whether other sites use the same license key: `None` = nobody said so.
    pub license_key_shared: Option<bool>,
    /// Failures in a row that end a run.
    pub stop_after_failures: u32,
}

/// `licenseType.<type>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeRule {
    pub seat_type: SeatType,
    /// Idle for so many times 24 hours: due. At least 1.
    pub release_threshold_days: u32,
    /// As `release_threshold_days`, for a seat that was never used, counted from its allocation.
    pub never_used_grace_days: u32,
    /// Release only as many as it takes to have so many free; `None` = all that are due.
    pub keep_free: Option<u32>,
    /// Announce a release so many days ahead. 0 = no announcements.
    pub grace_days: u32,
    /// Most releases of one run; `None` = no limit.
    pub max_releases: Option<u32>,
    /// A plan for more than this share of the type's seats is refused (rounded up, at least 1).
    pub max_release_percent: u32,
    /// A seat that came back after a release of ours is kept for so many days.
    pub reallocated_grace_days: u32,
}

/// `neverRelease`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NeverRelease {
    /// Directory and id; both may be patterns with `*` and `?`.
    pub users: Vec<UserPattern>,
    /// Patterns.
    pub directories: Vec<String>,
    pub tags: Vec<String>,
    pub custom_properties: Vec<Property>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub inactive: ThreeWay,
    pub blocked: ThreeWay,
    pub removed_externally: ThreeWay,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserPattern {
    pub directory: String,
    pub user_id: String,
    /// The last day on which it protects, in the time zone of [`Calendar`]; absent = for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Why they are protected, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    pub name: String,
    pub value: String,
}

/// Butler's three-valued switch: whom a mark of the user keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreeWay {
    /// The mark doesn't matter.
    #[default]
    Ignore,
    /// Those who have the mark keep their seat.
    Yes,
    /// Those who don't have it keep their seat.
    No,
}

impl UserPattern {
    /// Whether it has ended before this day.
    pub fn is_over(&self, today: NaiveDate) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    /// `CORP\svc_*`, without the rest.
    pub fn account(&self) -> String {
        format!("{}\\{}", self.directory.trim(), self.user_id.trim())
    }
}

/// `CORP\anna (through 2027-03-31: parental leave)`.
impl fmt::Display for UserPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.account())?;
        match (self.until, &self.why) {
            (Some(until), Some(why)) => write!(f, " (through {until}: {why})"),
            (Some(until), None) => write!(f, " (through {until})"),
            (None, Some(why)) => write!(f, " ({why})"),
            (None, None) => Ok(()),
        }
    }
}

impl Policy {
    /// The rule of a type, if it is enabled.
    pub fn rule(&self, seat_type: SeatType) -> Option<&TypeRule> {
        self.types.iter().find(|rule| rule.seat_type == seat_type)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stale_signal_days: 7,
            clock_tolerance_seconds: 300,
            max_unread_percent: 10,
            max_unsettled: None,
            license_key_shared: None,
            stop_after_failures: 5,
        }
    }
}

impl TypeRule {
    /// The defaults of the settings for a type.
    pub fn new(seat_type: SeatType) -> Self {
        Self {
            seat_type,
            release_threshold_days: 30,
            never_used_grace_days: 30,
            keep_free: None,
            grace_days: 0,
            max_releases: None,
            max_release_percent: 25,
            reallocated_grace_days: 14,
        }
    }
}
