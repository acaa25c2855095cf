//! The version of Qlik Sense as a point, in Butler's measurement: texts only.

use crate::destination::influxdb::line::{Field, Point};
use crate::event::Event;
use crate::license::SenseVersion;

const QLIK_SENSE_VERSION: &str = "qlik_sense_version";

/// Names of the fields.
pub(super) const FIELDS: [&str; 8] = [
    "content_hash",
    "sense_id",
    "version",
    "deployment_type",
    "release_label",
    "deprecated_product_version",
    "product_name",
    "copyright_year_range",
];

/// What the site didn't say is left out.
pub(super) fn point(event: &Event, version: &SenseVersion, tags: Vec<(String, String)>) -> Point {
    let texts = FIELDS.into_iter().zip(version.texts());
    let fields = texts
        .filter_map(|(name, (_, text))| Some((name.into(), Field::Text(text?.into()))))
        .collect();
    Point { measurement: QLIK_SENSE_VERSION, tags, fields, time: event.time }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field of each text is its name in the answer, in the other spelling.
    #[test]
    fn fields_and_texts_go_together() {
        for (field, (name, _)) in FIELDS.into_iter().zip(SenseVersion::default().texts()) {
            let mut spelt = String::new();
            for c in name.chars() {
                if c.is_ascii_uppercase() {
                    spelt.push('_');
                }
                spelt.push(c.to_ascii_lowercase());
            }
            assert_eq!(field, spelt);
        }
    }
}
