//! The kinds of events, and what each of them is: one table.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Body, Class, Monitor};

/// What an event tells of. Its word is stored, sent on MQTT and written in templates; what is said of
/// each here is in `docs/events.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Recurring: the server license as it is now.
    ServerLicenseStatus,
    /// Alert: the license ends within the configured number of days (0 = today is the last day).
    ServerLicenseExpiring,
    /// Alert: the license has ended.
    ServerLicenseExpired,
    /// Alert: the license is invalid, blacklisted, missing, or its end can't be told.
    ServerLicenseProblem,
    /// Recurring: the access license pools as they are now.
    AccessLicenseStatus,
    /// A seat was taken from its user, or would have been.
    SeatReleased,
    /// A seat will be taken unless it is used. Nothing has happened to it yet.
    SeatAnnounced,
    /// An announced release will not happen.
    SeatWithdrawn,
    /// A seat was allocated again to the person who had it.
    SeatRestored,
    /// Alert: guards stopped a run, or a type of it, before its first seat.
    ReleaseRefused,
    /// Which seats a run kept, by reason.
    SeatsKept,
    /// A run ended.
    ReleaseRun,
    /// Recurring: how the seats are used, by type.
    SeatActivity,
    /// Seats that were allocated, released, quarantined ... since the lists were read before.
    SeatChanges,
    /// Recurring: how Qlik's License Monitor app is.
    MonitorApp,
    /// Recurring: which version of Qlik Sense the site runs.
    QlikSenseVersion,
    /// Recurring: how long the daemon has been running, and with how much memory. Only InfluxDB gets it.
    DaemonUptime,
    /// Alert: a rule fires, or is resolved. Those of the server license have kinds of their own
    /// while they fire.
    // The last one: `Kind::ALL` counts on it.
    Alert,
}

/// What belongs together for whoever listens: one topic on MQTT, one list of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    ServerLicense,
    /// Alerts of the server license, as Butler sends them.
    ServerLicenseAlert,
    AccessLicense,
    Release,
    Seats,
    /// Single changes of seats.
    SeatChanges,
    MonitorApp,
    Version,
    /// The daemon itself.
    Daemon,
    /// Alerts of all rules, as Bursar sends them.
    Alert,
}

/// What is lost when an event is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// How something is now: the next one says it again, and who comes later wants the newest.
    State,
    /// The counts of one run: one of a series.
    Counts,
    /// What was done, or happened, to single seats: nothing else says it.
    Action,
    /// Somebody has to look.
    Alert,
}

/// What is known of a kind.
struct Row {
    /// Stored, so it never changes. The same as serde's tag of [`Body`].
    word: &'static str,
    /// For people, and `event` of webhooks. The first three are Butler's.
    title: &'static str,
    topic: Topic,
    nature: Nature,
    /// Has figures for a database of time series.
    figures: bool,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; Self::Alert as usize + 1] = [
        Self::ServerLicenseStatus,
        Self::ServerLicenseExpiring,
        Self::ServerLicenseExpired,
        Self::ServerLicenseProblem,
        Self::AccessLicenseStatus,
        Self::SeatReleased,
        Self::SeatAnnounced,
        Self::SeatWithdrawn,
        Self::SeatRestored,
        Self::ReleaseRefused,
        Self::SeatsKept,
        Self::ReleaseRun,
        Self::SeatActivity,
        Self::SeatChanges,
        Self::MonitorApp,
        Self::QlikSenseVersion,
        Self::DaemonUptime,
        Self::Alert,
    ];

    const fn row(self) -> Row {
        use Nature::{Action, Alert, Counts, State};
        match self {
            Self::ServerLicenseStatus => Row {
                word: "serverLicenseStatus",
                title: "server license status",
                topic: Topic::ServerLicense,
                nature: State,
                figures: true,
            },
            Self::ServerLicenseExpiring => Row {
                word: "serverLicenseExpiring",
                title: "server license about to expire alert",
                topic: Topic::ServerLicenseAlert,
                nature: Alert,
                figures: false,
            },
            Self::ServerLicenseExpired => Row {
                word: "serverLicenseExpired",
                title: "server license has expired alert",
                topic: Topic::ServerLicenseAlert,
                nature: Alert,
                figures: false,
            },
            Self::ServerLicenseProblem => Row {
                word: "serverLicenseProblem",
                title: "server license problem alert",
                topic: Topic::ServerLicenseAlert,
                nature: Alert,
                figures: false,
            },
            Self::AccessLicenseStatus => Row {
                word: "accessLicenseStatus",
                title: "access license status",
                topic: Topic::AccessLicense,
                nature: State,
                figures: true,
            },
            Self::SeatReleased => Row {
                word: "seatReleased",
                title: "seat released",
                topic: Topic::Release,
                nature: Action,
                figures: true,
            },
            Self::SeatAnnounced => Row {
                word: "seatAnnounced",
                title: "seat release announced",
                topic: Topic::Release,
                nature: Action,
                figures: false,
            },
            Self::SeatWithdrawn => Row {
                word: "seatWithdrawn",
                title: "seat release withdrawn",
                topic: Topic::Release,
                nature: Action,
                figures: false,
            },
            Self::SeatRestored => Row {
                word: "seatRestored",
                title: "seat allocated again",
                topic: Topic::Release,
                nature: Action,
                figures: false,
            },
            Self::ReleaseRefused => Row {
                word: "releaseRefused",
                title: "license release refused alert",
                topic: Topic::Release,
                nature: Alert,
                figures: false,
            },
            Self::SeatsKept => Row {
                word: "seatsKept",
                title: "seats kept",
                topic: Topic::Release,
                nature: Counts,
                figures: false,
            },
            Self::ReleaseRun => Row {
                word: "releaseRun",
                title: "license release run",
                topic: Topic::Release,
                nature: Counts,
                figures: true,
            },
            Self::SeatActivity => Row {
                word: "seatActivity",
                title: "seat activity",
                topic: Topic::Seats,
                nature: State,
                figures: true,
            },
            Self::SeatChanges => Row {
                word: "seatChanges",
                title: "seat changes",
                topic: Topic::SeatChanges,
                nature: Action,
                figures: true,
            },
            Self::MonitorApp => Row {
                word: "monitorApp",
                title: "license monitor app status",
                topic: Topic::MonitorApp,
                nature: State,
                figures: true,
            },
            Self::QlikSenseVersion => Row {
                word: "qlikSenseVersion",
                title: "qlik sense version",
                topic: Topic::Version,
                nature: State,
                figures: true,
            },
            Self::DaemonUptime => Row {
                word: "daemonUptime",
                title: "daemon uptime",
                topic: Topic::Daemon,
                nature: State,
                figures: true,
            },
            Self::Alert => Row {
                word: "alert",
                title: "alert",
                topic: Topic::Alert,
                nature: Alert,
                figures: true,
            },
        }
    }

    /// As it is stored and sent: what recurring data is coalesced by.
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// For people: what webhooks and e-mails call it.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Where it is heard of.
    pub const fn topic(self) -> Topic {
        self.row().topic
    }

    pub const fn nature(self) -> Nature {
        self.row().nature
    }

    /// Whether it has figures for a database of time series.
    pub const fn has_figures(self) -> bool {
        self.row().figures
    }

    /// Which monitor it comes from.
    pub const fn monitor(self) -> Monitor {
        self.topic().monitor()
    }

    /// Whether it may be coalesced.
    pub const fn class(self) -> Class {
        self.nature().class()
    }
}

impl Topic {
    /// The monitor whose switches decide about it.
    pub const fn monitor(self) -> Monitor {
        match self {
            Self::ServerLicense | Self::ServerLicenseAlert => Monitor::ServerLicense,
            Self::AccessLicense => Monitor::AccessLicense,
            Self::Release => Monitor::Release,
            Self::Seats | Self::SeatChanges => Monitor::Seats,
            Self::MonitorApp => Monitor::App,
            Self::Version => Monitor::Version,
            Self::Daemon => Monitor::Daemon,
            Self::Alert => Monitor::Alert,
        }
    }
}

impl Nature {
    const fn class(self) -> Class {
        match self {
            Self::State | Self::Counts => Class::Recurring,
            Self::Action | Self::Alert => Class::Alert,
        }
    }
}

impl Body {
    /// What kind of event it makes.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ServerLicenseStatus(_) => Kind::ServerLicenseStatus,
            Self::ServerLicenseExpiring(_) => Kind::ServerLicenseExpiring,
            Self::ServerLicenseExpired(_) => Kind::ServerLicenseExpired,
            Self::ServerLicenseProblem(_) => Kind::ServerLicenseProblem,
            Self::AccessLicenseStatus(_) => Kind::AccessLicenseStatus,
            Self::SeatReleased(_) => Kind::SeatReleased,
            Self::SeatAnnounced(_) => Kind::SeatAnnounced,
            Self::SeatWithdrawn(_) => Kind::SeatWithdrawn,
            Self::SeatRestored(_) => Kind::SeatRestored,
            Self::ReleaseRefused(_) => Kind::ReleaseRefused,
            Self::SeatsKept(_) => Kind::SeatsKept,
            Self::ReleaseRun(_) => Kind::ReleaseRun,
            Self::SeatActivity(_) => Kind::SeatActivity,
            Self::SeatChanges(_) => Kind::SeatChanges,
            Self::MonitorApp(_) => Kind::MonitorApp,
            Self::QlikSenseVersion(_) => Kind::QlikSenseVersion,
            Self::DaemonUptime(_) => Kind::DaemonUptime,
            Self::Alert(_) => Kind::Alert,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_there_once_with_words_of_its_own() {
        let kinds: BTreeSet<Kind> = Kind::ALL.into();
        let words: BTreeSet<&str> = Kind::ALL.map(Kind::as_str).into();
        let titles: BTreeSet<&str> = Kind::ALL.map(Kind::title).into();
        assert_eq!([kinds.len(), words.len(), titles.len()], [Kind::ALL.len(); 3]);
    }

    /// The words of the table are those that serde writes and reads.
    #[test]
    fn the_words_are_those_of_stored_events() {
        let unknown = serde_json::from_str::<Body>(r#"{"kind":"?"}"#).unwrap_err().to_string();
        let known: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, Kind::ALL.map(Kind::as_str), "{unknown}");
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn what_each_kind_is() {
        let line = |kind: Kind| {
            let (monitor, class, nature) = (kind.monitor(), kind.class(), kind.nature());
            let figures = if kind.has_figures() { ", figures" } else { "" };
            format!("{kind}: {}, {class:?}, {nature:?}{figures}", monitor.as_str())
        };
        insta::assert_snapshot!(Kind::ALL.map(line).join("\n"), @r"
        serverLicenseStatus: server license, Recurring, State, figures
        serverLicenseExpiring: server license, Alert, Alert
        serverLicenseExpired: server license, Alert, Alert
        serverLicenseProblem: server license, Alert, Alert
        accessLicenseStatus: access licenses, Recurring, State, figures
        seatReleased: release, Alert, Action, figures
        seatAnnounced: release, Alert, Action
        seatWithdrawn: release, Alert, Action
        seatRestored: release, Alert, Action
        releaseRefused: release, Alert, Alert
        seatsKept: release, Recurring, Counts
        releaseRun: release, Recurring, Counts, figures
        seatActivity: seats, Recurring, State, figures
        seatChanges: seats, Alert, Action, figures
        monitorApp: License Monitor app, Recurring, State, figures
        qlikSenseVersion: Qlik Sense version, Recurring, State, figures
        daemonUptime: the daemon, Recurring, State, figures
        alert: alerts, Alert, Alert, figures
        ");
    }
}
