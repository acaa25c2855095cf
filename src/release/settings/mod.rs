//! `qlikSenseLicense.licenseRelease`.

pub(crate) mod raw;
pub(crate) mod validate;

use chrono_tz::Tz;

use crate::event::{Switches, UserTag};
use crate::policy::Policy;
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
    /// The other sites of the settings: a seat may be shared with them.
    pub others: Vec<Other>,
}

impl Site {
    /// Whose days and hours count.
    pub fn time_zone(&self) -> Tz {
        self.release.policy.calendar.time_zone
    }
}

/// Another site of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    pub name: String,
    pub connection: Connection,
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
