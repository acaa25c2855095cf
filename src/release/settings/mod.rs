//! `qlikSenseLicense.licenseRelease`.

pub(crate) mod raw;
pub(crate) mod validate;

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::event::{Switches, UserTag};
use crate::insight::order::Runs;
use crate::ledger::past::WINDOW;
use crate::license::SeatType;
use crate::policy::{NeverRelease, Policy, TypeRule};
use crate::qrs::settings::Connection;
use crate::schedule::Schedule;

/// What the engine knows of the site whose seats it releases.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub name: String,
    /// Whether people know it by its name: the settings have a list of sites.
    pub is_named: bool,
    pub host: String,
    pub release: Release,
    /// All sites of the settings in force: a seat may be shared with the others.
    pub sites: Sites,
}

impl Site {
    /// The other sites of the settings in force.
    pub fn others(&self) -> Vec<Other> {
        self.sites.now().iter().filter(|other| other.name != self.name).cloned().collect()
    }

    /// Whose days and hours count.
    pub fn time_zone(&self) -> Tz {
        self.release.policy.calendar.time_zone
    }
}

/// All sites of the settings in force: one list, whoever holds it, also when other settings come.
#[derive(Debug, Clone, Default)]
pub struct Sites(Arc<RwLock<Arc<[Other]>>>);

impl Sites {
    pub fn new(all: Vec<Other>) -> Self {
        Self(Arc::new(RwLock::new(all.into())))
    }

    /// From now on, for all who hold this.
    pub fn set(&self, all: Vec<Other>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all.into();
    }

    fn now(&self) -> Arc<[Other]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// It says nothing of the one who holds it.
impl PartialEq for Sites {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A site of the settings, as the others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    pub name: String,
    pub connection: Connection,
}

/// What is said where `neverRelease` is empty, and what to do about it.
pub const NOBODY_PROTECTED: &str = "nobody is protected except the users of the directory INTERNAL";
pub const PROTECT: &str = "list in neverRelease who must never lose their seat, such as service accounts and administrators";

impl Release {
    /// Whether seats go for real while `neverRelease` names nobody.
    pub fn takes_from_anybody(&self) -> bool {
        let is_real = self.enable && !self.dry_run && !self.policy.types.is_empty();
        is_real && self.policy.never_release == NeverRelease::default()
    }
}

/// `licenseRelease`. There even when it is off, so that a plan can be made before it is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Run on the schedule.
    pub enable: bool,
    /// Plan and record, but change nothing.
    pub dry_run: bool,
    pub schedule: Schedule,
    pub policy: Policy,
    /// Seats that are released at the same time.
    pub concurrency: usize,
    pub destination: Switches,
    pub user_tag: UserTag,
}

/// More runs than so many are not counted.
const MOST_RUNS: u32 = 1_000;

impl Release {
    /// The runs that so many seats take, and those that the schedule has for it from a time to the end of a day: runs
    /// that are nearer to one another than the window of `maxReleases` are one, and one in a freeze or outside of the
    /// allowed hours is none. `after_notice`: some go only after an announcement, so that what runs take before its
    /// end is not counted on.
    pub fn runs(
        &self,
        (seat_type, seats): (SeatType, u32),
        after_notice: bool,
        (from, last): (DateTime<Utc>, NaiveDate),
    ) -> Runs {
        let rule = self.policy.rule(seat_type).cloned();
        let rule = rule.unwrap_or_else(|| TypeRule::new(seat_type));
        let notice = if after_notice { rule.grace_days } else { 0 };
        let calendar = &self.policy.calendar;
        let mut after = from + TimeDelta::days(notice.into());
        let mut left = 0;
        while left < MOST_RUNS {
            let Some(run) = self.schedule.next_after(after, calendar.time_zone) else { break };
            if calendar.date(run) > last {
                break;
            }
            after = run;
            if calendar.closed(run).is_none() {
                left += 1;
                // What follows within the window takes nothing more.
                after = run + WINDOW - TimeDelta::milliseconds(1);
            }
        }
        Runs::of(seats, rule.max_releases, left)
    }
}
