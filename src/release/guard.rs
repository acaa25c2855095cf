//! What stops a run before it takes the first seat.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::license::SeatType;

/// A reason to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// More than `maxReleasePercent` of a type's seats.
    Percent,
    /// More than `maxReleases` of a type (a plan that was edited or made under other settings).
    MaxReleases,
    /// No seat of the site was used for `staleSignalDays`.
    StaleSignal,
    /// A list is short, or too many people could not be read (`maxUnreadPercent`).
    Incomplete,
    /// The clocks differ by more than `clockToleranceSeconds`.
    Clock,
    /// The outcome of an earlier run is unknown (`maxUnsettled`).
    Unsettled,
    /// Other sites use the same license and `licenseKeyShared` says nothing about it.
    SharedLicense,
    /// A person paused releasing (`bursar release lock`).
    Paused,
}

/// What a guard saw, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub guard: Guard,
    /// The type that is stopped; absent when the whole run is.
    pub seat_type: Option<SeatType>,
    pub saw: String,
    pub fix: String,
}

impl Guard {
    pub const ALL: [Self; 8] = [
        Self::Percent,
        Self::MaxReleases,
        Self::StaleSignal,
        Self::Incomplete,
        Self::Clock,
        Self::Unsettled,
        Self::SharedLicense,
        Self::Paused,
    ];

    /// As commands, events and the ledger name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::MaxReleases => "max-releases",
            Self::StaleSignal => "stale-signal",
            Self::Incomplete => "incomplete",
            Self::Clock => "clock",
            Self::Unsettled => "unsettled",
            Self::SharedLicense => "shared-license",
            Self::Paused => "paused",
        }
    }

    /// Whether a person who has read the plan may apply it all the same. What is not known can't
    /// be reviewed.
    pub fn can_be_accepted(self) -> bool {
        match self {
            Self::Percent
            | Self::MaxReleases
            | Self::StaleSignal
            | Self::Clock
            | Self::SharedLicense => true,
            Self::Incomplete | Self::Unsettled | Self::Paused => false,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.saw, self.fix)
    }
}

/// Everything that speaks against applying a plan unattended. `paused` is a person's pause that
/// holds now: until when and why.
pub fn check(
    _plan: &super::Plan,
    _snapshot: &super::plan::Snapshot,
    _past: &super::plan::Past,
    _paused: Option<&crate::store::Pause>,
) -> Vec<Refusal> {
    unimplemented!("guard")
}
