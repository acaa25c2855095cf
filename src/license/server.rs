//! The server license, as `GET /qrs/license` gives it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What is known of the server license, free of secrets: the key, the LEF text, the serial and the
/// control number never leave the parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLicense {
    pub kind: Kind,
    pub expiry: Expiry,
    /// `isExpired` as the server says it.
    pub server_says_expired: bool,
    /// The server's own text, if it gives one.
    pub expired_reason: Option<String>,
    pub blacklisted: bool,
    pub invalid: bool,
    /// `Allotment name:count` lines of a signed key, `TOKENS` of a LEF, in the order given.
    pub allotments: Vec<Allotment>,
    /// End of maintenance of a LEF (`PRODUCTLEVEL`): newer releases can't be installed after it,
    /// but the license goes on.
    pub maintenance_end: Option<NaiveDate>,
}

/// Which kind of license is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No license is installed: the server answers `null`.
    None,
    SignedKey,
    /// Serial and control number with a license enabler file.
    Lef,
    /// Neither a key nor a LEF in the answer.
    Unknown,
}

/// When the license ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", content = "value")]
pub enum Expiry {
    /// The last valid day.
    On(NaiveDate),
    /// It never ends.
    Perpetual,
    /// There is an end, but its text can't be read for certain.
    Unreadable(String),
    /// The answer says nothing about an end.
    Unknown,
}

/// One line of what the license allots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allotment {
    pub name: String,
    pub count: i64,
}
