//! What is sent of the version of Qlik Sense.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::value::Time;
use crate::license::{self, Support};

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SenseVersion<'a> {
    /// The version, such as `14.187.4`; null when the site doesn't say it. So it is with the seven that
    /// follow.
    version: Option<&'a str>,
    /// The release, such as `May 2024 Patch 4`.
    release_label: Option<&'a str>,
    /// Name of the product.
    product_name: Option<&'a str>,
    /// How it is installed.
    deployment_type: Option<&'a str>,
    /// The version in the way that older releases counted.
    deprecated_product_version: Option<&'a str>,
    /// The product's own id of this build.
    sense_id: Option<&'a str>,
    /// Hash of the build's content.
    content_hash: Option<&'a str>,
    /// Years of the copyright.
    copyright_year_range: Option<&'a str>,
    /// The version before the newest change that was seen; null: none was.
    previous_version: Option<&'a str>,
    /// When that change was seen, UTC; null: none was.
    changed: Option<Time>,
    /// The last day of support by the settings, such as `2026-05-14`; null: they don't say.
    support_ends: Option<String>,
    /// Whether that day is over (UTC); null: not known.
    out_of_support: Option<bool>,
}

impl<'a> SenseVersion<'a> {
    /// `now`: when the site was looked at.
    pub(super) fn new(version: &'a license::SenseVersion, now: DateTime<Utc>) -> Self {
        let ends = match version.support() {
            Support::Until(date) => Some(date),
            Support::Unknown | Support::NotWatched => None,
        };
        Self {
            version: version.version.as_deref(),
            release_label: version.release_label.as_deref(),
            product_name: version.product_name.as_deref(),
            deployment_type: version.deployment_type.as_deref(),
            deprecated_product_version: version.deprecated_product_version.as_deref(),
            sense_id: version.sense_id.as_deref(),
            content_hash: version.content_hash.as_deref(),
            copyright_year_range: version.copyright_year_range.as_deref(),
            previous_version: version.change.as_ref().map(|change| change.from.as_str()),
            changed: version.change.as_ref().map(|change| Time(change.seen)),
            support_ends: ends.map(|date| date.to_string()),
            out_of_support: ends.map(|date| now.date_naive() > date),
        }
    }
}
