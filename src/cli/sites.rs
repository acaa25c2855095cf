//! What commands answer of sites: of all of them unless one is named, in one shape of JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Exit, time};

/// The JSON of a command that answers for sites: the same for one as for many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answers<T> {
    /// When it was asked.
    time: DateTime<Utc>,
    /// Zone in which days are counted.
    time_zone: &'static str,
    /// In the order of the settings.
    sites: Vec<T>,
}

impl<T> Answers<T> {
    pub(super) fn of(sites: Vec<T>) -> Self {
        Self { time: time::now(), time_zone: time::zone().name(), sites }
    }
}

/// An answer that doesn't say itself of which site it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<T> {
    pub(super) site: String,
    #[serde(flatten)]
    pub(super) answer: T,
}

/// How a command ended that did its work for several sites: as the one that fared worst.
pub(super) fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
    let badness = |exit: &Exit| match exit {
        Exit::Ok => 0,
        Exit::NotInOrder => 1,
        Exit::Failed => 2,
        Exit::Unusable => 3,
    };
    exits.into_iter().max_by_key(badness).unwrap_or(Exit::Ok)
}
