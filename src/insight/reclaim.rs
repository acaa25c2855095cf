//! Seats that could be given back, as the rules of releases say.

use serde::Serialize;

/// Seats that could be given back under the release rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByRules {
    /// Whether the settings release seats of this type at all. If not, the figures are those of the
    /// rules that would hold.
    pub enabled: bool,
    pub threshold_days: u32,
    /// A run would take so many.
    pub release: u32,
    /// It would announce so many more.
    pub announce: u32,
    /// Idle for long enough, but their user is not known well enough to decide.
    pub unknown: u32,
}
