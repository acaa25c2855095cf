//! Which Qlik Sense a site runs, as the site says it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// What a site says of its product, and what was known of it before. What it doesn't say is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SenseVersion {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sense_id: Option<String>,
    /// Such as `14.187.4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_type: Option<String>,
    /// Such as `May 2024 Patch 4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_product_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copyright_year_range: Option<String>,
    /// The newest version that was ever said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_known: Option<String>,
    /// The newest change that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<VersionChange>,
    /// Whether the settings say when support ends, of any release.
    pub support_watched: bool,
    /// The last day of support, where the settings say it of this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_ends: Option<NaiveDate>,
}

/// The site ran another version at the look before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VersionChange {
    pub from: String,
    pub to: String,
    pub seen: DateTime<Utc>,
}

/// When support of a release ends, as the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndOfSupport {
    /// A release label or a version, or how they begin.
    pub release: String,
    /// The last day.
    pub date: NaiveDate,
}

/// Whether a release is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// The settings say nothing of any release.
    NotWatched,
    /// They say nothing of this one, or the site doesn't say which it runs.
    Unknown,
    /// This is the last day.
    Until(NaiveDate),
}

impl SenseVersion {
    /// The names by which the site and its messages call the texts, with their values.
    pub fn texts(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("contentHash", self.content_hash.as_deref()),
            ("senseId", self.sense_id.as_deref()),
            ("version", self.version.as_deref()),
            ("deploymentType", self.deployment_type.as_deref()),
            ("releaseLabel", self.release_label.as_deref()),
            ("deprecatedProductVersion", self.deprecated_product_version.as_deref()),
            ("productName", self.product_name.as_deref()),
            ("copyrightYearRange", self.copyright_year_range.as_deref()),
        ]
    }

    /// Adds what was known before and what the settings say of support.
    #[must_use]
    pub fn after(
        mut self,
        before: Option<&Self>,
        table: &[EndOfSupport],
        now: DateTime<Utc>,
    ) -> Self {
        let known = before.and_then(|before| before.last_known.clone());
        self.change = match (&known, &self.version) {
            (Some(from), Some(to)) if from != to => {
                Some(VersionChange { from: from.clone(), to: to.clone(), seen: now })
            }
            _ => before.and_then(|before| before.change.clone()),
        };
        self.last_known = self.version.clone().or(known);
        self.support_watched = !table.is_empty();
        self.support_ends = self.entry(table).map(|entry| entry.date);
        self
    }

    /// The entry that fits best: the longest one.
    fn entry<'a>(&self, table: &'a [EndOfSupport]) -> Option<&'a EndOfSupport> {
        let names = [self.release_label.as_deref(), self.version.as_deref()];
        let fits =
            |entry: &&EndOfSupport| names.iter().flatten().any(|n| begins(n, &entry.release));
        table.iter().filter(fits).max_by_key(|entry| entry.release.len())
    }

    pub fn support(&self) -> Support {
        match self.support_ends {
            Some(date) => Support::Until(date),
            None if self.support_watched => Support::Unknown,
            None => Support::NotWatched,
        }
    }

    /// As people call it: `May 2024 Patch 4 (14.187.4)`.
    pub fn name(&self) -> String {
        match (&self.release_label, &self.version) {
            (Some(label), Some(version)) => format!("{label} ({version})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "not known".to_owned(),
        }
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let support = match self.support() {
            Support::NotWatched => String::new(),
            Support::Unknown => ", end of support not known".to_owned(),
            Support::Until(date) => format!(", supported until {date}"),
        };
        let unsaid = match self.version {
            Some(_) => "",
            None => ", the site doesn't say its version",
        };
        format!("Qlik Sense {}{unsaid}{support}", self.name())
    }
}

/// Whether a name is this one or goes on after it with another word or number, whatever its case.
fn begins(name: &str, with: &str) -> bool {
    let (name, with) = (name.trim().to_lowercase(), with.trim().to_lowercase());
    name.strip_prefix(&with).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(label: Option<&str>, version: Option<&str>) -> SenseVersion {
        SenseVersion {
            release_label: label.map(Into::into),
            version: version.map(Into::into),
            ..SenseVersion::default()
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_change_is_seen_over_looks_that_know_nothing() {
        let at = |hour: u32| format!("2026-03-01T{hour:02}:00:00Z").parse().unwrap();
        let first = said(None, Some("14.1")).after(None, &[], at(1));
        assert_eq!((first.change.as_ref(), first.last_known.as_deref()), (None, Some("14.1")));
        let unknown = said(Some("May"), None).after(Some(&first), &[], at(2));
        assert_eq!((unknown.change.as_ref(), unknown.last_known.as_deref()), (None, Some("14.1")));
        let other = said(None, Some("14.2")).after(Some(&unknown), &[], at(3));
        let change = VersionChange { from: "14.1".into(), to: "14.2".into(), seen: at(3) };
        assert_eq!(other.change, Some(change.clone()));
        let same = said(None, Some("14.2")).after(Some(&other), &[], at(4));
        assert_eq!(same.change, Some(change));
    }

    #[test]
    fn the_entry_that_fits_best_says_when_support_ends() {
        let entry = |release: &str, date| EndOfSupport { release: release.into(), date: day(date) };
        let table = [
            entry("may 2024", "2026-05-14"),
            entry("May 2024 Patch 4", "2026-06-01"),
            entry("14.1", "2025-01-01"),
        ];
        let ends = |label, version| {
            said(label, version).after(None, &table, DateTime::UNIX_EPOCH).support()
        };
        assert_eq!(ends(Some("May 2024 Patch 4"), None), Support::Until(day("2026-06-01")));
        assert_eq!(ends(Some("May 2024 Patch 40"), None), Support::Until(day("2026-05-14")));
        assert_eq!(ends(Some("May 2024"), Some("14.1")), Support::Until(day("2026-05-14")));
        assert_eq!(ends(None, Some("14.1.9")), Support::Until(day("2025-01-01")));
        assert_eq!(ends(Some("May 20245"), Some("14.10")), Support::Unknown);
        assert_eq!(ends(None, None), Support::Unknown);
        let none = said(Some("May 2024"), None).after(None, &[], DateTime::UNIX_EPOCH);
        assert_eq!(none.support(), Support::NotWatched);
    }
}
