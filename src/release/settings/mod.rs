//! `qlikSenseLicense.licenseRelease`.

pub(crate) mod raw;
pub(crate) mod validate;

use std::sync::{Arc, PoisonError, RwLock};

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
