//! What is sent of licenses. The server license begins with the three keys that Butler sends, in
//! Butler's order, so that what is built on them keeps working.

use schemars::JsonSchema;
use serde::Serialize;

use super::value::Figure;
use crate::license::pools;
use crate::license::{LicenseState, Pools, ServerLicenseStatus, status};

/// The server license in Butler's keys.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerLicense {
    /// True once the server says so or the last valid day is over.
    license_expired: bool,
    /// The last valid day, `YYYY-MM-DD`; else `perpetual`, `unreadable`, `unknown`, or `none` where no
    /// license is installed.
    #[schemars(regex(
        pattern = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|perpetual|unreadable|unknown|none)$"
    ))]
    expiry_date_str: String,
    /// Days to the last valid day: 0 on that day, negative after; null where there is none that can be
    /// read.
    days_until_expiry: Option<i64>,
}

/// What Bursar says beyond them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    /// The worst that is known of the license, in a word.
    state: LicenseState,
    /// From so many days before its end on a license is expiring: the setting.
    threshold_days: i64,
}

/// The same, of an alert.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StateOfAlert {
    #[serde(flatten)]
    state: State,
    /// One line of text; on MQTT this is the whole message.
    message: String,
}

impl From<&ServerLicenseStatus> for ServerLicense {
    fn from(status: &ServerLicenseStatus) -> Self {
        Self {
            license_expired: status.expired,
            expiry_date_str: status::expiry_text(status),
            days_until_expiry: status.days_until_expiry,
        }
    }
}

impl From<&ServerLicenseStatus> for State {
    fn from(status: &ServerLicenseStatus) -> Self {
        Self { state: status.state, threshold_days: status.threshold_days }
    }
}

impl StateOfAlert {
    pub(super) fn new(status: &ServerLicenseStatus, message: String) -> Self {
        Self { state: status.into(), message }
    }
}

/// The pools of access licenses. A kind that the server doesn't mention is left out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessLicenses {
    /// Professional seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Seats")]
    professional: Option<Seats>,
    /// Analyzer seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Seats")]
    analyzer: Option<Seats>,
    /// Analyzer Capacity: minutes of the current month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Minutes")]
    analyzer_capacity: Option<Minutes>,
    /// User access passes of a token license.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TokensOfUsers")]
    token_user: Option<TokensOfUsers>,
    /// Login access passes of a token license.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TokensOfLogins")]
    token_login: Option<TokensOfLogins>,
    /// The tokens of the whole site.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tokens")]
    tokens: Option<Tokens>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Seats {
    /// Whether the license has this kind at all.
    enabled: bool,
    /// Seats of the license.
    total: Figure,
    /// Seats that are given to a user.
    allocated: Figure,
    /// Seats that can be given to somebody.
    available: Figure,
    /// Seats in use by the server's measure, which Qlik doesn't document; not "ever used".
    used: Figure,
    /// Seats that are blocked after they were taken from a user.
    quarantined: Figure,
    /// Seats that are allocated above what the license allows.
    excess: Figure,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Minutes {
    /// Whether the license has this kind at all.
    enabled: bool,
    /// Minutes of the month.
    allocated_minutes: Figure,
    /// Minutes that were used this month.
    used_minutes: Figure,
    /// Minutes that can't be used.
    unavailable_minutes: Figure,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TokensOfUsers {
    /// Whether the license has this kind at all.
    enabled: bool,
    /// Tokens that one pass costs.
    token_cost: Figure,
    /// Tokens that are given to users.
    allocated_tokens: Figure,
    /// Those of them that are in use.
    used_tokens: Figure,
    /// Tokens that are blocked after they were taken from a user.
    quarantined_tokens: Figure,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TokensOfLogins {
    /// Whether the license has this kind at all.
    enabled: bool,
    /// Tokens that one pass costs.
    token_cost: Figure,
    /// Tokens that are given to groups of passes.
    allocated_tokens: Figure,
    /// Those of them that are in use.
    used_tokens: Figure,
    /// Tokens that can't be used.
    unavailable_tokens: Figure,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    /// Whether the license has tokens at all.
    enabled: bool,
    /// Tokens of the license.
    total_tokens: Figure,
    /// Tokens that can be given to somebody.
    available_tokens: Figure,
}

impl From<&Pools> for AccessLicenses {
    fn from(pools: &Pools) -> Self {
        let Pools { professional, analyzer, analyzer_capacity, token_user, token_login, tokens } =
            *pools;
        Self {
            professional: professional.map(Into::into),
            analyzer: analyzer.map(Into::into),
            analyzer_capacity: analyzer_capacity.map(Into::into),
            token_user: token_user.map(Into::into),
            token_login: token_login.map(Into::into),
            tokens: tokens.map(Into::into),
        }
    }
}

/// `enabled`, and figures under the same names.
macro_rules! figures {
    ($to:ident, $from:path, { $($name:ident),+ $(,)? }) => {
        impl From<$from> for $to {
            fn from(pool: $from) -> Self {
                let $from { enabled, $($name),+ } = pool;
                Self { enabled, $($name: Figure($name)),+ }
            }
        }
    };
}

figures!(Seats, pools::SeatPool, { total, allocated, available, used, quarantined, excess });
figures!(Minutes, pools::MinutePool, { allocated_minutes, used_minutes, unavailable_minutes });
figures!(TokensOfUsers, pools::TokenUserPool, {
    token_cost,
    allocated_tokens,
    used_tokens,
    quarantined_tokens,
});
figures!(TokensOfLogins, pools::TokenLoginPool, {
    token_cost,
    allocated_tokens,
    used_tokens,
    unavailable_tokens,
});
figures!(Tokens, pools::TokenTotals, { total_tokens, available_tokens });
