//! What of a license is stored, in a form of its own: see [`crate::form`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Expiry, server};
use crate::form::{back, each, same_fields};
use crate::license;

/// [`license::ServerLicense`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerLicense {
    kind: server::Kind,
    expiry: Expiry,
    #[serde(default)]
    server_says_expired: bool,
    #[serde(default)]
    expired_reason: Option<String>,
    #[serde(default)]
    blacklisted: bool,
    #[serde(default)]
    invalid: bool,
    #[serde(default)]
    allotments: Vec<Allotment>,
    #[serde(default)]
    maintenance_end: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "server::Start::is_unset")]
    start: server::Start,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Expiry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overage: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number_ends: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other_lines: Vec<String>,
}

/// [`server::Allotment`].
#[derive(Debug, Serialize, Deserialize)]
struct Allotment {
    name: String,
    count: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<String>,
}

same_fields!(Allotment, server::Allotment, { name, count, more });

impl From<&license::ServerLicense> for ServerLicense {
    fn from(license: &license::ServerLicense) -> Self {
        let license::ServerLicense {
            kind,
            expiry,
            server_says_expired,
            expired_reason,
            blacklisted,
            invalid,
            allotments,
            maintenance_end,
            start,
            before,
            overage,
            number_ends,
            other_lines,
        } = license;
        Self {
            kind: *kind,
            expiry: expiry.clone(),
            server_says_expired: *server_says_expired,
            expired_reason: expired_reason.clone(),
            blacklisted: *blacklisted,
            invalid: *invalid,
            allotments: each(allotments),
            maintenance_end: *maintenance_end,
            start: start.clone(),
            before: before.clone(),
            overage: *overage,
            number_ends: number_ends.clone(),
            other_lines: other_lines.clone(),
        }
    }
}

impl From<ServerLicense> for license::ServerLicense {
    fn from(form: ServerLicense) -> Self {
        let ServerLicense {
            kind,
            expiry,
            server_says_expired,
            expired_reason,
            blacklisted,
            invalid,
            allotments,
            maintenance_end,
            start,
            before,
            overage,
            number_ends,
            other_lines,
        } = form;
        Self {
            kind,
            expiry,
            server_says_expired,
            expired_reason,
            blacklisted,
            invalid,
            allotments: back(allotments),
            maintenance_end,
            start,
            before,
            overage,
            number_ends,
            other_lines,
        }
    }
}
