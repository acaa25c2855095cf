//! What is said of a change.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::license::{Holder, SeatType};

/// Something that happened to a seat.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "camelCase")]
pub enum ChangeKind {
    /// The seat is gone, at once free for somebody else.
    Released,
    /// The quarantine is over: the seat is free.
    QuarantineEnded,
    /// The user was deleted from the site.
    UserDeleted,
    /// A user got a seat.
    Allocated,
    /// A user has a seat of the other type now, Professional or Analyzer.
    Moved,
    /// Taken from its user, and blocked for some days.
    Quarantined,
    /// Back from quarantine: the same user has it again.
    Restored,
}

impl ChangeKind {
    pub const ALL: [Self; 7] = [
        Self::Allocated,
        Self::Released,
        Self::Quarantined,
        Self::Restored,
        Self::QuarantineEnded,
        Self::UserDeleted,
        Self::Moved,
    ];

    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// As people name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Released => "released",
            Self::Quarantined => "quarantined",
            Self::Restored => "back from quarantine",
            Self::QuarantineEnded => "quarantine over",
            Self::UserDeleted => "user deleted",
            Self::Moved => "moved to another type",
        }
    }

    /// Somebody lost a seat.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Released | Self::Quarantined)
    }
}

/// Where a seat is after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum After {
    Held,
    Quarantined,
    Gone,
}

/// Who did it, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "camelCase")]
pub enum By {
    /// The site doesn't say.
    Unknown,
    /// This program, by a run of the ledger.
    Bursar { run: String },
    /// The site names them: `CORP\admin`.
    Someone { user: Box<str> },
}

/// Where the time of a change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeFrom {
    /// The date on which the row was made.
    CreatedDate,
    /// The date of the row's last change.
    ModifiedDate,
    /// Bursar's own ledger.
    Ledger,
    /// It was noticed then, and happened after the reading before.
    Noticed,
}

/// A seat of the other type that somebody had before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MovedFrom {
    pub seat_type: SeatType,
    pub seat: Uuid,
    pub after: After,
}

/// One change of one seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub kind: ChangeKind,
    pub seat_type: SeatType,
    pub seat: Uuid,
    /// Absent when the site named no usable user.
    pub holder: Option<Holder>,
    /// `CORP\anna` of a deleted user, where the site still knows them.
    pub deleted_user: Option<Box<str>>,
    pub after: After,
    /// Only of [`ChangeKind::Moved`].
    pub from: Option<MovedFrom>,
    pub time: DateTime<Utc>,
    pub time_from: TimeFrom,
    pub by: By,
    /// Of churn: when the same user lost a seat of this type.
    pub released_before: Option<DateTime<Utc>>,
    /// Learned from the first reading of the type, where only `createdDate` tells of the past.
    pub initial: bool,
}

impl Change {
    /// `CORP\anna`, or why there is no name.
    pub fn account(&self) -> String {
        match (&self.holder, &self.deleted_user) {
            (Some(holder), _) => holder.account(),
            (None, Some(deleted)) => deleted.to_string(),
            (None, None) => "nobody".to_owned(),
        }
    }

    pub fn is_by_bursar(&self) -> bool {
        matches!(self.by, By::Bursar { .. })
    }

    pub fn is_churn(&self) -> bool {
        self.released_before.is_some()
    }
}
