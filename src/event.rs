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
mod kind;
mod latest;
mod release;
pub mod route;
pub mod seats;
mod series;
pub(crate) mod stored;
mod uptime;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::form;
use crate::license::monitor_app::MonitorApp;
use crate::license::{Pools, SenseVersion, ServerLicenseStatus};

pub use addressing::{Addressing, InForce, Queue, SendSwitch, Switches, Tag, UserTag};
pub use alert::{AlertNotice, AlertStatus, DAEMON, Key, Rule, Severity, Silenced};
pub use channel::Channel;
pub use kind::{Kind, Nature, Topic};
pub use latest::Latest;
pub use release::{
    ReleaseRefused, ReleaseRun, SeatAnnounced, SeatFacts, SeatReleased, SeatRestored,
    SeatWithdrawn, SeatsKept,
};
pub use seats::{ChangeCount, SeatActivity, SeatChanges, TypeActivity, count as count_changes};
pub use series::Series;
pub use uptime::DaemonUptime;

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

/// What was observed. What each kind says: [`Kind`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Body {
    ServerLicenseStatus(ServerLicenseStatus),
    ServerLicenseExpiring(ServerLicenseStatus),
    ServerLicenseExpired(ServerLicenseStatus),
    ServerLicenseProblem(ServerLicenseStatus),
    AccessLicenseStatus(
        #[serde(
            serialize_with = "form::write::<stored::Pools, _, _>",
            deserialize_with = "form::read::<stored::Pools, _, _>"
        )]
        Pools,
    ),
    SeatReleased(SeatReleased),
    SeatAnnounced(SeatAnnounced),
    SeatWithdrawn(SeatWithdrawn),
    SeatRestored(SeatRestored),
    ReleaseRefused(ReleaseRefused),
    SeatsKept(SeatsKept),
    ReleaseRun(ReleaseRun),
    SeatActivity(SeatActivity),
    SeatChanges(SeatChanges),
    MonitorApp(MonitorApp),
    QlikSenseVersion(SenseVersion),
    DaemonUptime(DaemonUptime),
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
    /// Which version of Qlik Sense runs.
    Version,
    /// Alert rules: no monitor of a site, but with destination switches as one.
    Alert,
    /// The daemon itself, likewise.
    Daemon,
}

impl Monitor {
    pub const ALL: [Self; 8] = [
        Self::ServerLicense,
        Self::AccessLicense,
        Self::Release,
        Self::Seats,
        Self::App,
        Self::Version,
        Self::Alert,
        Self::Daemon,
    ];

    /// For programs, as in JSON and the store.
    pub fn code(self) -> &'static str {
        match self {
            Self::ServerLicense => "serverLicense",
            Self::AccessLicense => "accessLicense",
            Self::Release => "release",
            Self::Seats => "seats",
            Self::App => "app",
            Self::Version => "version",
            Self::Alert => "alert",
            Self::Daemon => "daemon",
        }
    }

    /// Short name for logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerLicense => "server license",
            Self::AccessLicense => "access licenses",
            Self::Release => "release",
            Self::Seats => "seats",
            Self::App => "License Monitor app",
            Self::Version => "Qlik Sense version",
            Self::Alert => "alerts",
            Self::Daemon => "the daemon",
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

    /// What kind of event it is.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Which monitor it comes from.
    pub fn monitor(&self) -> Monitor {
        self.kind().monitor()
    }

    /// Recurring data or an alert.
    pub fn class(&self) -> Class {
        self.kind().class()
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
            Body::QlikSenseVersion(version) => version.summary(),
            Body::DaemonUptime(uptime) => uptime.summary(),
            Body::Alert(notice) => notice.summary(),
        }
    }
}
