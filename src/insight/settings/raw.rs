//! `cost`: what seats and minutes cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Amounts are texts here, whatever they are written as: a float would change them.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Cost {
    /// The currency of all amounts: three letters of ISO 4217, such as `EUR`. Needed when there is an
    /// amount.
    pub(crate) currency: String,
    /// A Professional seat.
    pub(crate) professional: SeatPrice,
    /// An Analyzer seat.
    pub(crate) analyzer: SeatPrice,
    /// Analyzer Capacity.
    pub(crate) analyzer_capacity: MinutePrice,
    /// What may be spent in a year, on everything that has a price here.
    #[schemars(extend("x-amount" = true))]
    pub(crate) budget_per_year: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SeatPrice {
    /// Price of one seat for a year: digits and a point, no separators.
    #[schemars(extend("x-amount" = true))]
    pub(crate) per_seat_per_year: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MinutePrice {
    /// Price of 1,000 minutes of use.
    #[schemars(extend("x-amount" = true))]
    pub(crate) per_thousand_minutes: String,
}
