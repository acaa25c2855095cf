//! Seats and the people who hold them, as the rules of release look at them.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use super::SeatType;

/// One row of `professionalaccesstype`, `analyzeraccesstype` or `useraccesstype`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub id: Uuid,
    pub seat_type: SeatType,
    /// Absent once the user is deleted from the site.
    pub holder: Option<Arc<Holder>>,
    /// Directory and id of a deleted user, where the server still knows them: `CORP\anna`.
    pub deleted_user: Option<Box<str>>,
    pub created: Moment,
    pub last_used: Moment,
    pub excess: bool,
    /// `Some` while the seat is in quarantine: until when, as far as that can be read.
    pub quarantined: Option<Moment>,
}

/// The user of a seat, as the seat's row names them. Cheap to clone: a plan has it again for each
/// seat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    pub id: Uuid,
    pub directory: Arc<str>,
    pub user_id: Arc<str>,
    /// What people call them; may be empty.
    pub name: Arc<str>,
}

impl Holder {
    /// `CORP\anna`, as Qlik writes it.
    pub fn account(&self) -> String {
        format!("{}\\{}", self.directory, self.user_id)
    }
}

/// A time in a row. The server writes the year 1753 for "never".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// A year up to 1753. Of what a row has only at times, null or missing, too.
    Never,
    At(#[serde(serialize_with = "write_time")] DateTime<Utc>),
    /// There is a value, and it is no time: kept for a person to look at.
    Unreadable(Box<str>),
}

impl Moment {
    /// The time, where there is one.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(time) => Some(*time),
            Self::Never | Self::Unreadable(_) => None,
        }
    }
}

/// Writes a time as it is written anyway, in one piece and not sign by sign: a plan has three for each
/// seat.
fn write_time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// As [`write_time`], of what may be absent.
pub(crate) fn write_some_time<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    text.serialize(serializer)
}

/// A user, read in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub id: Uuid,
    pub directory: Box<str>,
    pub user_id: Box<str>,
    pub name: Box<str>,
    /// `None` when the answer did not have the field, which is not the same as no roles.
    pub roles: Option<Vec<Box<str>>>,
    /// Values of the attributes of type `group`; `None` as for `roles`.
    pub groups: Option<Vec<Box<str>>>,
    pub tags: Vec<Box<str>>,
    /// Name and value; a property with several values is there several times.
    pub properties: Vec<(Box<str>, Box<str>)>,
    pub inactive: bool,
    /// `blacklisted` in the API, blocked in the QMC.
    pub blocked: bool,
    pub removed_externally: bool,
}

/// A user that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonRead {
    Whole(Person),
    /// The site has no such user.
    Gone,
    /// No answer that is this user, whole: why.
    Unreadable(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_written_as_chrono_writes_it(
            seconds in DateTime::<Utc>::MIN_UTC.timestamp()..DateTime::<Utc>::MAX_UTC.timestamp(),
            nanoseconds in prop_oneof![Just(0), Just(120_000_000), Just(5_000), 0..1_000_000_000_u32],
        ) {
            #[derive(Serialize)]
            struct Shown(#[serde(serialize_with = "write_some_time")] Option<DateTime<Utc>>);
            let time = DateTime::from_timestamp(seconds, nanoseconds).expect("a time");
            let expected = serde_json::to_value(time).unwrap();
            prop_assert_eq!(&serde_json::to_value(Moment::At(time)).unwrap()["at"], &expected);
            prop_assert_eq!(serde_json::to_value(Shown(Some(time))).unwrap(), expected);
            prop_assert!(serde_json::to_value(Shown(None)).unwrap().is_null());
        }
    }
}
