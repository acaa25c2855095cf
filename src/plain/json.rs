//! JSON for programs, whose numbers have no digits that nobody measured.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// A value as JSON on one line. Numbers have at most six decimals: what is between them comes from how
/// computers keep fractions (`81.10000000000001`).
///
/// # Errors
/// When the value has no form in JSON, such as a map whose keys are no texts.
pub fn to_json(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, CompactFormatter)
}

/// As [`to_json`], for eyes.
///
/// # Errors
/// As [`to_json`].
pub fn to_json_pretty(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, PrettyFormatter::new())
}

fn written(value: &impl Serialize, formatter: impl Formatter) -> serde_json::Result<String> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, Rounded(formatter)))?;
    Ok(String::from_utf8(json).expect("JSON is UTF-8"))
}

/// A millionth.
const STEPS: f64 = 1e6;

/// Beyond this a number has no six decimals.
const LARGE: f64 = 1e9;

fn rounded(value: f64) -> f64 {
    if value.abs() < LARGE { (value * STEPS).round() / STEPS + 0.0 } else { value }
}

struct Rounded<F>(F);

/// Passes everything on but numbers.
impl<F: Formatter> Formatter for Rounded<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, rounded(value))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn numbers_have_no_digits_of_the_computer() {
        let value = json!({ "a": [81.100_000_000_000_01, -0.000_000_1, 80.0, 7, null], "b": {} });
        let expected = r#"{"a":[81.1,0.0,80.0,7,null],"b":{}}"#;
        assert_eq!(to_json(&value).unwrap(), expected);
        assert_eq!(to_json(&1e300).unwrap(), serde_json::to_string(&1e300).unwrap());
    }

    proptest! {
        /// But for the decimals it is what `serde_json` writes.
        #[test]
        fn all_else_stays_as_it_is(text in "\\PC{0,9}", number in any::<i64>(), list in prop::collection::vec(any::<bool>(), 0..4)) {
            let value = json!({ "text": text, "number": number, "list": list, "in": { "it": [{}, []] } });
            prop_assert_eq!(to_json(&value).unwrap(), serde_json::to_string(&value).unwrap());
            prop_assert_eq!(to_json_pretty(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }

        #[test]
        fn a_number_moves_by_half_a_millionth_at_most(number in -1e8_f64..1e8) {
            let read: Value = serde_json::from_str(&to_json(&json!(number)).unwrap()).unwrap();
            let moved: f64 = read.as_f64().unwrap() - number;
            prop_assert!(moved.abs() <= 0.6e-6);
        }
    }
}
