//! The types of access licenses that are given to one user at a time, and all that is known of each
//! by its name alone.
//!
//! A new type is a variant with its row. What differs beyond that (its settings, its price, where the
//! overview counts it) is a `match` without a rest at the place that decides it, so that the compiler
//! names those places.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of access license that is given to one user at a time.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum SeatType {
    Professional,
    Analyzer,
    /// User access of a token license
    User,
}

/// What is known of a type by its name.
struct Row {
    /// In settings, InfluxDB tags, JSON and the ledger.
    word: &'static str,
    /// For people.
    title: &'static str,
    /// Below `/qrs/`.
    path: &'static str,
    /// The repository's name of a row of that list (`schemaPath`).
    schema_path: &'static str,
    /// The section of `accesstypeoverview` that counts its seats; `None`: it is paid in tokens.
    section: Option<&'static str>,
}

impl SeatType {
    pub const ALL: [Self; 3] = [Self::Professional, Self::Analyzer, Self::User];

    const fn row(self) -> &'static Row {
        match self {
            Self::Professional => &Row {
                word: "professional",
                title: "Professional",
                path: "license/professionalaccesstype",
                schema_path: "License.ProfessionalAccessType",
                section: Some("professionalAccess"),
            },
            Self::Analyzer => &Row {
                word: "analyzer",
                title: "Analyzer",
                path: "license/analyzeraccesstype",
                schema_path: "License.AnalyzerAccessType",
                section: Some("analyzerAccess"),
            },
            Self::User => &Row {
                word: "user",
                title: "user access",
                path: "license/useraccesstype",
                schema_path: "License.UserAccessType",
                section: None,
            },
        }
    }

    /// As settings, InfluxDB tags and JSON name it.
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// As people name it.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Its list, below `/qrs/`.
    pub const fn path(self) -> &'static str {
        self.row().path
    }

    /// As rows of its list name their type.
    pub const fn schema_path(self) -> &'static str {
        self.row().schema_path
    }

    /// Where the overview counts its seats; `None` of a type that is paid in tokens.
    pub const fn section(self) -> Option<&'static str> {
        self.row().section
    }

    /// The types that are counted in seats, not in tokens: a site has one license for all of them,
    /// and people are moved from one to the other.
    pub fn counted() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|seat_type| seat_type.is_counted())
    }

    pub const fn is_counted(self) -> bool {
        self.section().is_some()
    }
}

impl fmt::Display for SeatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type that is missing there is missing in every list.
    #[test]
    fn all_has_every_type_at_its_place() {
        for (place, seat_type) in SeatType::ALL.into_iter().enumerate() {
            assert_eq!(seat_type as usize, place);
            let read: SeatType = serde_json::from_value(seat_type.as_str().into()).unwrap();
            assert_eq!(read, seat_type);
        }
        let unknown = serde_json::from_str::<SeatType>("\"\"").unwrap_err().to_string();
        assert_eq!(unknown.matches('`').count(), 2 * (SeatType::ALL.len() + 1), "{unknown}");
    }
}
