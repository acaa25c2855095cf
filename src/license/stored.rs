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
}

/// [`server::Allotment`].
#[derive(Debug, Serialize, Deserialize)]
struct Allotment {
    name: String,
    count: i64,
}

same_fields!(Allotment, server::Allotment, { name, count });

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
        }
    }
}
