//! `cost`: what seats and minutes cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Amounts are texts here, whatever they are written as: a float would change them.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
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
    /// How long seats are bought for: months or years, such as `18 months` or `3 years`, at most `10 years`.
    /// A seat that has to be bought is counted with its price for all of that, when it is bought and
    /// again when that is over. Default `1 year`, as subscriptions are sold.
    pub(crate) term: String,
    /// The day on which the contract is renewed, such as `2027-03-31`: reports say how far away it is, and when
    /// the contract began. A day that is over stands for the next one, a term later each time.
    pub(crate) renews_on: String,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            currency: String::new(),
            professional: SeatPrice::default(),
            analyzer: SeatPrice::default(),
            analyzer_capacity: MinutePrice::default(),
            budget_per_year: String::new(),
            term: "1 year".to_owned(),
            renews_on: String::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SeatPrice {
    /// Price of one seat for a year: digits and a point, no separators.
    #[schemars(extend("x-amount" = true))]
    pub(crate) per_seat_per_year: String,
    /// When the contract of these seats is renewed, if that is another day than `cost.renewsOn`.
    pub(crate) renews_on: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MinutePrice {
    /// Price of 1,000 minutes of use.
    #[schemars(extend("x-amount" = true))]
    pub(crate) per_thousand_minutes: String,
    /// When the contract of the minutes is renewed, if that is another day than `cost.renewsOn`.
    pub(crate) renews_on: String,
}
