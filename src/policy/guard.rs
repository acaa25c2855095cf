//! The reasons to stop a run before it takes the first seat.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::license::SeatType;

/// A reason to stop.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Guard {
    /// More than `maxReleasePercent` of a type's seats are due, before anything trims the plan.
    Percent,
    /// More than `maxReleases` of a type within the window (a plan that was edited, or made under
    /// other settings or before another run).
    MaxReleases,
    /// No seat of the site was used for `staleSignalDays`.
    StaleSignal,
    /// A list is short, or too many people could not be read (`maxUnreadPercent`).
    Incomplete,
    /// The clocks differ by more than `clockToleranceSeconds`.
    Clock,
    /// What became of too many seats has been unknown for more than a day (`maxUnsettled`).
    Unsettled,
    /// Other sites use the same license and `licenseKeyShared` says nothing about it.
    SharedLicense,
    /// A person paused releasing (`bursar release lock`).
    Paused,
    /// The store began anew or knows less than it did, and nobody has said that releases go on (`bursar store accept`).
    StoreBegunAnew,
    /// Another site answers than before, or it can't be told which.
    OtherSite,
    /// A freeze window of the settings holds, or it is outside of the allowed hours.
    Frozen,
    /// A rule of `neverRelease` names somebody of the site in a form that is not compared.
    RuleMisspelt,
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
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// As commands, events and the ledger name it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it is about the time at which seats are taken or the settings of now, so that only what
    /// it says now counts and not what it said when a plan was made.
    pub fn is_of_the_moment(self) -> bool {
        matches!(self, Self::Paused | Self::StoreBegunAnew | Self::Frozen | Self::RuleMisspelt)
    }

    /// Whether it stops what somebody wanted stopped at this time: a person's pause, or a freeze or the hours of
    /// the settings. Nothing is wrong then, and nobody has to look.
    pub fn is_deliberate(self) -> bool {
        matches!(self, Self::Paused | Self::Frozen)
    }

    /// Whether a person who has read the plan may apply it all the same.
    pub fn can_be_accepted(self) -> bool {
        self.not_acceptable().is_none()
    }

    /// Why a person who has read the plan may not apply it all the same, and what to do instead.
    pub fn not_acceptable(self) -> Option<&'static str> {
        match self {
            Self::Percent
            | Self::MaxReleases
            | Self::StaleSignal
            | Self::Clock
            | Self::SharedLicense => None,
            Self::Incomplete => Some(
                "what was not read can't be reviewed; see whether the site answers (`bursar \
                 check`) and make a new plan",
            ),
            Self::Unsettled => Some(
                "what is not known can't be reviewed; `bursar release settle` lists the open seats \
                 and closes them by your word",
            ),
            Self::Paused => Some(
                "a person has paused releasing, and the pause holds for everybody; end it with \
                 `bursar release unlock`",
            ),
            Self::StoreBegunAnew => Some(
                "what pauses and limits the store of before held can't be read in a plan; put a copy of it back, or \
                 let releases go on without it: `bursar store accept --why 'no copy is left'`",
            ),
            Self::OtherSite => Some(
                "the plan may be of other people; if the site is the right one, say so with \
                 `bursar release accept site --why 'license renewed'`",
            ),
            Self::Frozen => Some(
                "the settings allow no release at this time; wait until the time that the plan \
                 names, or change `freeze` or `allowedHours`",
            ),
            Self::RuleMisspelt => Some(
                "whom the rule is to protect would lose the seat; write it in `neverRelease` as \
                 the site has it, or remove it",
            ),
        }
    }
}

impl Refusal {
    /// With what to do about a rehearsal: commands that it names take no seat.
    pub fn of_rehearsal(mut self) -> Self {
        self.fix = self.fix.replace(" --real`", "`");
        self
    }

    /// Those that somebody has to look at: all but what is [deliberate](Guard::is_deliberate).
    pub fn unwanted(all: &[Self]) -> impl Iterator<Item = &Self> {
        all.iter().filter(|refusal| !refusal.guard.is_deliberate())
    }

    /// Whether there are some, and nothing but a pause, a freeze or the hours of the settings among them.
    pub fn are_deliberate(all: &[Self]) -> bool {
        !all.is_empty() && Self::unwanted(all).next().is_none()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.saw, self.fix)
    }
}
