//! `GET /qrs/license` as it comes over the wire, secrets included.

use std::fmt;

use serde_json::{Map, Value};

use super::ShapeError;

/// The fields of the answer that matter. Dropped as soon as it is read; never printed, logged or
/// stored, because the key, the serial and the LEF text are worth money.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct License {
    /// The license enabler file; empty for a signed key.
    pub lef: String,
    /// The signed key; empty for a LEF.
    pub key: String,
    /// The number of the license, and the control number of a LEF: read to be hidden in what is shown.
    pub serial: String,
    pub check: String,
    /// What the server says of the signed key, for people; missing in answers of 2017.
    pub key_details: Option<String>,
    pub is_expired: bool,
    pub expired_reason: String,
    pub is_blacklisted: bool,
    pub is_invalid: bool,
    /// `Some(true)` for a license that is rented; old servers don't say.
    pub is_subscription: Option<bool>,
}

impl License {
    /// Takes the fields from the answer; `None` is the literal `null`: no license is installed.
    ///
    /// # Errors
    /// When the answer is not an object, has no field that a license has, or one of another type.
    /// No error text repeats a value.
    pub fn parse(answer: &Value) -> Result<Option<Self>, ShapeError> {
        let fields = match answer {
            Value::Null => return Ok(None),
            Value::Object(fields) => fields,
            other => return Err(ShapeError::new("an object or null", super::kind_of(other))),
        };
        const KNOWN: [&str; 5] = ["lef", "key", "keyDetails", "serial", "isExpired"];
        if !fields.keys().any(|name| KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known))) {
            return Err(ShapeError::new(
                "a license",
                "an object without any field that a license has",
            ));
        }
        Ok(Some(Self {
            lef: text(fields, "lef")?.unwrap_or_default(),
            key: text(fields, "key")?.unwrap_or_default(),
            serial: any_text(fields, "serial"),
            check: any_text(fields, "check"),
            key_details: text(fields, "keyDetails")?,
            is_expired: flag(fields, "isExpired")?.unwrap_or(false),
            expired_reason: text(fields, "expiredReason")?.unwrap_or_default(),
            is_blacklisted: flag(fields, "isBlacklisted")?.unwrap_or(false),
            is_invalid: flag(fields, "isInvalid")?.unwrap_or(false),
            is_subscription: flag(fields, "isSubscription")?,
        }))
    }
}

/// A field by its name in any case: the key's own text spells `isBlackListed`.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields
        .get(name)
        .or_else(|| fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
        .filter(|value| !value.is_null())
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, ShapeError> {
    match field(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(ShapeError::new(format!("text in {name:?}"), super::kind_of(other))),
    }
}

/// A text, or a number as text; else empty.
fn any_text(fields: &Map<String, Value>, name: &str) -> String {
    match field(fields, name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<Option<bool>, ShapeError> {
    match field(fields, name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => {
            Err(ShapeError::new(format!("true or false in {name:?}"), super::kind_of(other)))
        }
    }
}

impl fmt::Debug for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = |text: &str| if text.is_empty() { "" } else { "***" };
        f.debug_struct("License")
            .field("lef", &mask(&self.lef))
            .field("key", &mask(&self.key))
            .field("key_details", &self.key_details.as_deref().map(mask))
            .field("is_expired", &self.is_expired)
            .field("is_blacklisted", &self.is_blacklisted)
            .field("is_invalid", &self.is_invalid)
            .field("is_subscription", &self.is_subscription)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_no_license_and_other_shapes_are_errors() {
        assert_eq!(License::parse(&Value::Null).unwrap(), None);
        for (answer, found) in [
            (json!([]), "a list"),
            (json!("null"), "text"),
            (json!(0), "a number"),
            (json!({}), "an object without any field that a license has"),
            (json!({"error": "no"}), "an object without any field that a license has"),
        ] {
            let error = License::parse(&answer).unwrap_err();
            assert_eq!(error.found, found, "{answer}");
        }
    }

    #[test]
    fn a_field_of_another_type_is_named_but_not_shown() {
        let error = License::parse(&json!({"key": {"secret": "SECRET"}})).unwrap_err();
        assert_eq!(error.to_string(), "expected text in \"key\", found an object");
        let error = License::parse(&json!({"isExpired": "SECRET"})).unwrap_err();
        assert_eq!(error.to_string(), "expected true or false in \"isExpired\", found text");
    }

    #[test]
    fn nulls_and_other_spellings_are_fine() {
        let answer = json!({"key": null, "keyDetails": null, "isExpired": "True",
            "isBlackListed": true, "isInvalid": null, "brandNew": [1, 2]});
        let license = License::parse(&answer).unwrap().unwrap();
        assert!(license.is_expired && license.is_blacklisted && !license.is_invalid);
        assert_eq!(license.key_details, None);
    }

    #[test]
    fn debug_hides_every_secret() {
        let license = License {
            lef: "LEFSECRET".into(),
            serial: "SERIALSECRET".into(),
            check: "CHECKSECRET".into(),
            key: "KEYSECRET".into(),
            key_details: Some("License Number: SECRET".into()),
            expired_reason: "SECRET".into(),
            ..License::default()
        };
        let shown = format!("{license:?} {license:#?}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
