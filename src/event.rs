//! The one vocabulary everything downstream of a monitor speaks.
//!
//! An [`Event`] is made once by a monitor, written to the outbox of every destination that wants
//! it, and translated by each destination into its own format. It is free of any destination's
//! terms. Its serialised form is what the outbox stores, so fields are only ever added, and added
//! fields have a `#[serde(default)]`. What it holds of other parts of the program is stored in forms
//! of its own, in `stored`.

mod addressing;
mod alert;
mod channel;
mod release;
pub mod seats;
pub(crate) mod stored;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::form;
use crate::license::monitor_app::MonitorApp;
use crate::license::{Pools, ServerLicenseStatus};

pub use addressing::{SendSwitch, Switches, Tag, UserTag};
pub use alert::{AlertNotice, AlertStatus, DAEMON, Key, Rule, Severity};
pub use channel::Channel;
pub use release::{
    ReleaseRefused, ReleaseRun, SeatAnnounced, SeatFacts, SeatReleased, SeatRestored,
    SeatWithdrawn, SeatsKept,
};
pub use seats::{ChangeCount, SeatActivity, SeatChanges, TypeActivity, count as count_changes};

/// Something that was observed at one site at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique for ever: receivers deduplicate by it (a UUID, version 7, so it sorts by time).
    pub id: String,
    /// Name of the site as configured; [`crate::config::DEFAULT_SITE`] when only one is watched.
    pub site: String,
    /// When the site was polled.
    pub time: DateTime<Utc>,
    pub body: Body,
    /// What the rule says that fired, where the body has a form of its own (the server license):
    /// severity, title, hint, since when, how often it was sent. Absent in events of older releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Box<AlertNotice>>,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Body {
    /// Recurring: the server license as it is now.
    ServerLicenseStatus(ServerLicenseStatus),
    /// Alert: the license ends within the configured number of days (0 = today is the last day).
    ServerLicenseExpiring(ServerLicenseStatus),
    /// Alert: the license has ended.
    ServerLicenseExpired(ServerLicenseStatus),
    /// Alert: the license is invalid, blacklisted, missing, or its end can't be told.
    ServerLicenseProblem(ServerLicenseStatus),
    /// Recurring: the access license pools as they are now.
    AccessLicenseStatus(
        #[serde(
            serialize_with = "form::write::<stored::Pools, _, _>",
            deserialize_with = "form::read::<stored::Pools, _, _>"
        )]
        Pools,
    ),
    /// A seat was taken from its user, or would have been.
    SeatReleased(SeatReleased),
    /// A seat will be taken unless it is used.
    SeatAnnounced(SeatAnnounced),
    /// An announced release will not happen.
    SeatWithdrawn(SeatWithdrawn),
    /// A seat was given back to the person who had it.
    SeatRestored(SeatRestored),
    /// Alert: guards stopped a run, or a type of it.
    ReleaseRefused(ReleaseRefused),
    /// Which seats a run kept, by reason.
    SeatsKept(SeatsKept),
    /// A run ended.
    ReleaseRun(ReleaseRun),
    /// Recurring: how the seats are used, by type.
    SeatActivity(SeatActivity),
    /// Seats that were allocated, released, quarantined ... since the list was read before.
    SeatChanges(SeatChanges),
    /// Recurring: how Qlik's License Monitor app is.
    MonitorApp(MonitorApp),
    /// Alert: a rule fires, or is resolved. Those of the server license have kinds of their own
    /// while they fire.
    Alert(AlertNotice),
}

/// Which monitor an event comes from; each has its own destination switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Monitor {
    ServerLicense,
    AccessLicense,
    Release,
    /// Who has the seats, and what changed.
    Seats,
    /// Qlik's License Monitor app.
    App,
    /// Alert rules: no monitor of a site, but with destination switches as one.
    Alert,
}

impl Monitor {
    pub const ALL: [Self; 6] = [
        Self::ServerLicense,
        Self::AccessLicense,
        Self::Release,
        Self::Seats,
        Self::App,
        Self::Alert,
    ];

    /// Short name for logs, tables and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerLicense => "server license",
            Self::AccessLicense => "access licenses",
            Self::Release => "release",
            Self::Seats => "seats",
            Self::App => "License Monitor app",
            Self::Alert => "alerts",
        }
    }
}

/// Whether losing an event means losing one sample of many, or losing the only word of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// One of a series: the first to go when an outbox overflows, and may be coalesced.
    Recurring,
    /// Never coalesced, last to go: alerts, and what was done to a seat.
    Alert,
}

impl Event {
    /// A new event with a fresh id.
    pub fn new(site: impl Into<String>, time: DateTime<Utc>, body: Body) -> Self {
        Self { id: uuid::Uuid::now_v7().to_string(), site: site.into(), time, body, notice: None }
    }

    /// Which monitor it comes from.
    pub fn monitor(&self) -> Monitor {
        match self.body {
            Body::ServerLicenseStatus(_)
            | Body::ServerLicenseExpiring(_)
            | Body::ServerLicenseExpired(_)
            | Body::ServerLicenseProblem(_) => Monitor::ServerLicense,
            Body::AccessLicenseStatus(_) => Monitor::AccessLicense,
            Body::SeatReleased(_)
            | Body::SeatAnnounced(_)
            | Body::SeatWithdrawn(_)
            | Body::SeatRestored(_)
            | Body::ReleaseRefused(_)
            | Body::SeatsKept(_)
            | Body::ReleaseRun(_) => Monitor::Release,
            Body::SeatActivity(_) | Body::SeatChanges(_) => Monitor::Seats,
            Body::MonitorApp(_) => Monitor::App,
            Body::Alert(_) => Monitor::Alert,
        }
    }

    /// Recurring data or an alert.
    pub fn class(&self) -> Class {
        match self.body {
            Body::ServerLicenseStatus(_)
            | Body::AccessLicenseStatus(_)
            | Body::SeatsKept(_)
            | Body::SeatActivity(_)
            | Body::MonitorApp(_)
            | Body::ReleaseRun(_) => Class::Recurring,
            _ => Class::Alert,
        }
    }

    /// The kind as text: what the outbox lists and what recurring data is coalesced by.
    pub fn kind(&self) -> &'static str {
        match self.body {
            Body::ServerLicenseStatus(_) => "serverLicenseStatus",
            Body::ServerLicenseExpiring(_) => "serverLicenseExpiring",
            Body::ServerLicenseExpired(_) => "serverLicenseExpired",
            Body::ServerLicenseProblem(_) => "serverLicenseProblem",
            Body::AccessLicenseStatus(_) => "accessLicenseStatus",
            Body::SeatReleased(_) => "seatReleased",
            Body::SeatAnnounced(_) => "seatAnnounced",
            Body::SeatWithdrawn(_) => "seatWithdrawn",
            Body::SeatRestored(_) => "seatRestored",
            Body::ReleaseRefused(_) => "releaseRefused",
            Body::SeatsKept(_) => "seatsKept",
            Body::ReleaseRun(_) => "releaseRun",
            Body::SeatActivity(_) => "seatActivity",
            Body::SeatChanges(_) => "seatChanges",
            Body::MonitorApp(_) => "monitorApp",
            Body::Alert(_) => "alert",
        }
    }

    /// One line for people, such as the log shows it.
    pub fn summary(&self) -> String {
        match &self.body {
            Body::ServerLicenseStatus(status) => format!("server license: {}", status.summary()),
            Body::ServerLicenseExpiring(status) => {
                format!("alert, server license about to expire: {}", status.summary())
            }
            Body::ServerLicenseExpired(status) => {
                format!("alert, server license expired: {}", status.summary())
            }
            Body::ServerLicenseProblem(status) => {
                format!("alert, server license needs a look: {}", status.summary())
            }
            Body::AccessLicenseStatus(pools) => format!("access licenses: {}", pools.summary()),
            Body::SeatReleased(released) => released.summary(),
            Body::SeatAnnounced(announced) => announced.summary(),
            Body::SeatWithdrawn(withdrawn) => withdrawn.summary(),
            Body::SeatRestored(restored) => restored.summary(),
            Body::ReleaseRefused(refused) => format!("alert, {}", refused.summary()),
            Body::SeatsKept(kept) => kept.summary(),
            Body::ReleaseRun(run) => run.summary(),
            Body::SeatActivity(activity) => activity.summary(),
            Body::SeatChanges(changes) => changes.summary(),
            Body::MonitorApp(app) => app.summary(),
            Body::Alert(notice) => notice.summary(),
        }
    }
}
