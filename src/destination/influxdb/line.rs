//! Points as line protocol, the one write format that all versions of InfluxDB read.
//!
//! One bad line makes an error for the whole batch, so nothing doubtful is written: what the
//! format can't express is cleaned or left out here.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

/// One line: what was measured, of what, when.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub measurement: &'static str,
    /// In any order; a name must not occur twice.
    pub tags: Vec<(String, String)>,
    pub fields: Vec<(Cow<'static, str>, Field)>,
    pub time: DateTime<Utc>,
}

/// A field's value. The type of a field can't change in a database that has it already.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Left out when it isn't finite.
    Float(f64),
    Bool(bool),
    Text(String),
}

impl Point {
    /// The line, without line end, its time in nanoseconds. `None` when no field is left or the
    /// time is outside of what 64 bits of nanoseconds hold (1677 to 2262).
    pub fn to_line(&self) -> Option<String> {
        let nanos = self.time.timestamp_nanos_opt()?;
        let mut line = String::with_capacity(256);
        push_escaped(&mut line, self.measurement, &[',', ' ']);
        // Servers sort tags; sorted ones spare them the work.
        let mut tags: Vec<_> =
            self.tags.iter().filter_map(|(k, v)| Some((tag_text(k)?, tag_text(v)?))).collect();
        tags.sort();
        for (name, value) in &tags {
            line.push(',');
            push_escaped(&mut line, name, &[',', '=', ' ']);
            line.push('=');
            push_escaped(&mut line, value, &[',', '=', ' ']);
        }
        let mut separator = ' ';
        for (name, value) in &self.fields {
            let Some(value) = value.text() else { continue };
            line.push(separator);
            push_escaped(&mut line, name, &[',', '=', ' ']);
            line.push('=');
            line.push_str(&value);
            separator = ',';
        }
        if separator == ' ' {
            return None;
        }
        let _ = write!(line, " {nanos}");
        Some(line)
    }
}

impl Field {
    fn text(&self) -> Option<String> {
        match self {
            Self::Float(number) if number.is_finite() => Some(number.to_string()),
            Self::Float(_) => None,
            Self::Bool(flag) => Some(flag.to_string()),
            Self::Text(text) => {
                let mut quoted = String::with_capacity(text.len() + 2);
                quoted.push('"');
                push_escaped(&mut quoted, &text.replace(['\n', '\r'], " "), &['"', '\\']);
                quoted.push('"');
                Some(quoted)
            }
        }
    }
}

/// A tag's name or value as the format can hold it; `None` for nothing, which it can't.
///
/// Line ends and tabs become blanks. A backslash at the end, or before a character that needs one,
/// would be read as the start of an escape: such a backslash becomes a slash.
pub fn tag_text(text: &str) -> Option<String> {
    let text = text.trim_matches(['\n', '\r']);
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        clean.push(match (c, chars.peek()) {
            ('\n' | '\r' | '\t' | '\0', _) => ' ',
            ('\\', None | Some(',' | '=' | ' ' | '\\' | '"' | '\n' | '\r' | '\t' | '\0')) => '/',
            (c, _) => c,
        });
    }
    (!clean.trim().is_empty()).then_some(clean)
}

fn push_escaped(out: &mut String, text: &str, special: &[char]) {
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use influxdb_line_protocol::{FieldValue, parse_lines};
    use proptest::prelude::*;

    use super::*;

    fn point(tags: &[(&str, &str)], fields: Vec<(&'static str, Field)>) -> Point {
        Point {
            measurement: "m",
            tags: tags.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            fields: fields.into_iter().map(|(name, field)| (name.into(), field)).collect(),
            time: DateTime::from_timestamp(1_795_500_000, 123_000_000).unwrap(),
        }
    }

    fn line(tags: &[(&str, &str)], fields: Vec<(&'static str, Field)>) -> String {
        point(tags, fields).to_line().unwrap()
    }

    #[test]
    fn writes_the_three_types_and_nanoseconds() {
        let fields = vec![
            ("f", Field::Float(12.0)),
            ("g", Field::Float(-0.5)),
            ("b", Field::Bool(true)),
            ("t", Field::Text(r#"a "b" \c"#.into())),
        ];
        assert_eq!(
            line(&[("b", "2"), ("a", "1")], fields),
            r#"m,a=1,b=2 f=12,g=-0.5,b=true,t="a \"b\" \\c" 1795500000123000000"#
        );
    }

    #[test]
    fn escapes_and_cleans_tags() {
        let one = || vec![("v", Field::Float(1.0))];
        let cases = [
            ("a b,c=d", r"a\ b\,c\=d"),
            (r"DIR\user", r"DIR\user"),
            (r"DIR\user\", r"DIR\user/"),
            (r"a\,b", r"a/\,b"),
            ("two\nlines", r"two\ lines"),
            ("ends\n", "ends"),
            ("a\\\nb", r"a/\ b"),
        ];
        for (value, expected) in cases {
            assert_eq!(
                line(&[("t", value)], one()),
                format!("m,t={expected} v=1 1795500000123000000")
            );
        }
        assert_eq!(line(&[("t", ""), ("", "x"), ("u", "\n")], one()), "m v=1 1795500000123000000");
    }

    #[test]
    fn leaves_out_what_is_not_a_number() {
        let fields = vec![("a", Field::Float(f64::NAN)), ("b", Field::Float(1.0))];
        assert_eq!(line(&[], fields), "m b=1 1795500000123000000");
        assert_eq!(point(&[], vec![("a", Field::Float(f64::INFINITY))]).to_line(), None);
    }

    #[test]
    fn a_time_that_does_not_fit_makes_no_line() {
        let mut point = point(&[], vec![("a", Field::Bool(true))]);
        point.time = "3000-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(point.to_line(), None);
    }

    proptest! {
        #[test]
        fn any_text_and_number_is_read_back(
            tags in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
            odd in proptest::collection::vec("[ab,= \\\\\"\n\r\t#]{1,6}", 2),
            text in any::<String>(),
            odd_text in "[ab,= \\\\\"\n#]{0,8}",
            number in any::<f64>(),
            nanos in any::<i64>(),
        ) {
            let mut tags: Vec<_> = tags.into_iter().collect();
            tags.push((format!("k{}", odd[0]), odd[1].clone()));
            let point = Point {
                measurement: "m",
                tags,
                fields: vec![
                    ("number".into(), Field::Float(number)),
                    ("text".into(), Field::Text(text.clone())),
                    ("odd".into(), Field::Text(odd_text.clone())),
                ],
                time: DateTime::from_timestamp_nanos(nanos),
            };
            let line = point.to_line().unwrap();
            let parsed: Vec<_> = parse_lines(&line).collect();
            prop_assert_eq!(parsed.len(), 1, "{}", line);
            let parsed = parsed.into_iter().next().unwrap().map_err(|e| {
                TestCaseError::fail(format!("{e} in {line:?}"))
            })?;
            prop_assert_eq!(parsed.timestamp, Some(nanos));
            let mut expected: Vec<_> = point
                .tags
                .iter()
                .filter_map(|(k, v)| Some((tag_text(k)?, tag_text(v)?)))
                .collect();
            expected.sort();
            let read: Vec<_> = parsed
                .series
                .tag_set
                .unwrap_or_default()
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect();
            prop_assert_eq!(read, expected, "{}", line);
            let plain = |t: &str| t.replace(['\n', '\r'], " ");
            for (name, value) in parsed.field_set.iter() {
                match (name.as_str(), value) {
                    ("number", FieldValue::F64(read)) => prop_assert_eq!(*read, number),
                    ("text", FieldValue::String(read)) => prop_assert_eq!(read.as_str(), plain(&text)),
                    ("odd", FieldValue::String(read)) => {
                        prop_assert_eq!(read.as_str(), plain(&odd_text));
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(parsed.field_set.len(), if number.is_finite() { 3 } else { 2 });
        }
    }
}
