//! Seats that could be released, as the rules say.

use serde::Serialize;

/// Seats that could be released under the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByRules {
    /// Whether the settings release seats of this type at all. If not, the figures are those of the
    /// rules that would hold.
    pub enabled: bool,
    pub threshold_days: u32,
    /// A run would take so many.
    pub release: u32,
    /// It would announce so many more, and a later one take them.
    pub announce: u32,
    /// Idle for long enough, but their user is not known well enough to decide.
    pub unknown: u32,
}

impl ByRules {
    /// Seats that nothing keeps: a run takes them, at once or after they were announced.
    pub fn reclaimable(&self) -> u32 {
        self.release.saturating_add(self.announce)
    }
}

/// What decides how much of what is due one run takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Seats that are due, and that one run leaves.
    pub left: u32,
    /// The setting that leaves them; absent when none are left.
    pub by: Option<Limit>,
    /// `maxReleasePercent`, where more is due than that and the guard stops a whole run: then it takes nothing
    /// until a person accepts that.
    pub stopped_above_percent: Option<u32>,
    /// What of `maxReleases` runs of the last 22 hours have used up, where they have: it is not taken off here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// What runs of the last 22 hours took of what `maxReleases` allows in that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spent {
    pub taken: u32,
    pub of: u32,
}

/// A setting that leaves seats that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "setting")]
pub enum Limit {
    /// At most so many go in one run.
    MaxReleases { is: u32 },
    /// So many are to be free, and so many are.
    KeepFree { is: u32, free: u32 },
}
