//! Users and their seats, as a site keeps them.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

/// A kind of access that is given to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SeatKind {
    Professional,
    #[default]
    Analyzer,
    /// User access of a token license.
    User,
}

impl SeatKind {
    pub const ALL: [Self; 3] = [Self::Professional, Self::Analyzer, Self::User];

    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The last part of `/qrs/license/...`, in lower case.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Professional => "professionalaccesstype",
            Self::Analyzer => "analyzeraccesstype",
            Self::User => "useraccesstype",
        }
    }

    pub(super) fn schema_path(self) -> &'static str {
        match self {
            Self::Professional => "License.ProfessionalAccessType",
            Self::Analyzer => "License.AnalyzerAccessType",
            Self::User => "License.UserAccessType",
        }
    }
}

/// A user of the site.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub id: Uuid,
    pub directory: String,
    pub user_id: String,
    pub name: String,
    pub created: DateTime<Utc>,
    pub modified: DateTime<Utc>,
    pub roles: Vec<String>,
    pub inactive: bool,
    pub removed_externally: bool,
    pub blacklisted: bool,
    pub tags: Vec<String>,
    /// Name and value; a property with several values is there several times.
    pub custom_properties: Vec<(String, String)>,
    /// Attributes of the type `group`.
    pub groups: Vec<String>,
}

impl User {
    /// `DIR\id`.
    pub fn full_name(&self) -> String {
        format!("{}\\{}", self.directory, self.user_id)
    }
}

/// A seat: access of one kind given to one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    pub id: Uuid,
    pub kind: SeatKind,
    /// `None` once the user is deleted; then `deleted_user` says who it was.
    pub user: Option<Uuid>,
    pub created: DateTime<Utc>,
    pub modified: DateTime<Utc>,
    pub modified_by: String,
    /// `None` = never.
    pub last_used: Option<DateTime<Utc>>,
    pub excess: bool,
    /// In quarantine until then.
    pub quarantined_until: Option<DateTime<Utc>>,
    /// Directory and id of a user who was deleted.
    pub deleted_user: Option<(String, String)>,
    pub(super) user_place: Option<usize>,
}

/// Directory and id of `DIR\id`.
pub(super) fn split_name(text: &str) -> Option<(&str, &str)> {
    text.split_once('\\').filter(|(directory, id)| !directory.is_empty() && !id.is_empty())
}

/// What users are found by: the server compares without regard to case.
pub(super) fn name_key(directory: &str, id: &str) -> String {
    format!("{}\\{}", directory.to_lowercase(), id.to_lowercase())
}
