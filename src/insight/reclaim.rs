//! Seats that could be released, as the rules say: all of them, over as many runs as that takes.

use serde::Serialize;

/// Seats that the rules let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByRules {
    /// Whether the settings release seats of this type at all. If not, the figures are those of the
    /// rules that would hold.
    pub enabled: bool,
    pub threshold_days: u32,
    /// So many can be taken, the longest idle first: what `keepFree` holds back is not among them, what
    /// `maxReleases` leaves to later runs is. None where a guard stops the run.
    pub release: u32,
    /// So many more can be, once their notice is over: announced already, or by a run to come.
    pub announce: u32,
    /// Idle for long enough, but their user is not known well enough to decide.
    pub unknown: u32,
}

impl ByRules {
    /// Seats that nothing keeps: runs take them, at once or after they were announced.
    pub fn reclaimable(&self) -> u32 {
        self.release.saturating_add(self.announce)
    }
}

/// How what is reclaimable goes, and what of it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Of what is reclaimable, so many go in the next run, as if none went within the last 22 hours.
    pub next_run: u32,
    /// `maxReleases`, where it leaves some of them to later runs.
    pub max_releases: Option<u32>,
    /// Of what is reclaimable, so many go only when their notice is over.
    pub after_notice: u32,
    /// What `keepFree` holds back, and is not reclaimable; absent where it holds nothing back.
    pub keep_free: Option<KeepFree>,
    /// What a guard holds back, and is not reclaimable until a person accepts it; absent where none does.
    pub held_back: Option<HeldBack>,
    /// What of `maxReleases` runs of the last 22 hours have used up, where they have: it is not taken off here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// Whether the settings let runs release it; absent where they were not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releasing: Option<Releasing>,
}

/// Whether what is reclaimable goes by itself, as the settings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Releasing {
    /// Runs on the schedule release it.
    Real,
    /// `dryRun` is on: they rehearse.
    Rehearsal,
    /// `licenseRelease` is off.
    Off,
    /// The type is not among those that are released, whether `licenseRelease` is on or off.
    TypeOff,
}

/// What runs of the last 22 hours took of what `maxReleases` allows in that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spent {
    pub taken: u32,
    pub of: u32,
}

/// So many are to be free, and so many are: that is why seats that the rules let go stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeepFree {
    pub is: u32,
    pub free: u32,
    pub seats: u32,
}

/// Seats that would go if the guard of `maxReleasePercent` did not stop the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldBack {
    pub seats: u32,
    pub max_release_percent: u32,
    /// So many are due before anything trims the plan: what the guard compares, with all seats of the type.
    pub due: u32,
    pub of: u32,
}
