//! The access license pools: how many seats, tokens and minutes there are and how many are taken.
//!
//! Source: `GET /qrs/license/accesstypeoverview`. Every figure is as the server gives it; nothing
//! is derived, because the server's own arithmetic (whether `allocated` includes quarantined
//! seats) is not documented.

use serde::{Deserialize, Serialize};

/// All pools of one site at one time. A kind the server didn't mention is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pools {
    pub professional: Option<SeatPool>,
    pub analyzer: Option<SeatPool>,
    pub analyzer_capacity: Option<MinutePool>,
    pub token_user: Option<TokenUserPool>,
    pub token_login: Option<TokenLoginPool>,
    pub tokens: Option<TokenTotals>,
}

/// Professional or Analyzer seats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatPool {
    /// Whether the license has this kind at all.
    pub enabled: bool,
    pub total: f64,
    pub allocated: f64,
    pub available: f64,
    /// "In use" by the server's undocumented measure; not "ever used".
    pub used: f64,
    pub quarantined: f64,
    /// Allocations above what the license allows; 0 from servers that don't know the term.
    pub excess: f64,
}

/// Analyzer Capacity: minutes of the current month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MinutePool {
    pub enabled: bool,
    pub allocated_minutes: f64,
    pub used_minutes: f64,
    pub unavailable_minutes: f64,
}

/// User access passes on a token license.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUserPool {
    pub enabled: bool,
    pub token_cost: f64,
    pub allocated_tokens: f64,
    pub used_tokens: f64,
    pub quarantined_tokens: f64,
}

/// Login access passes on a token license.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenLoginPool {
    pub enabled: bool,
    pub token_cost: f64,
    pub allocated_tokens: f64,
    pub used_tokens: f64,
    pub unavailable_tokens: f64,
}

/// The tokens of the whole site.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenTotals {
    pub enabled: bool,
    pub total_tokens: f64,
    pub available_tokens: f64,
}
