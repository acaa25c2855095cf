//! When a monitor runs.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// A schedule as text, with what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    text: String,
}

impl Schedule {
    /// The text as the settings have it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first time strictly after `after`.
    pub fn next_after(&self, _after: DateTime<Utc>, _zone: Tz) -> Option<DateTime<Utc>> {
        None
    }
}
