//! Values of any JSON type, so that one odd field spoils no list.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Datelike, Utc};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

use crate::license::Moment;

/// The year that the server writes for "never" (SQL Server's first), or an earlier one.
const NEVER: i32 = 1753;

/// As much is kept of a text that is no time.
const KEPT: usize = 64;

/// The longest name or id, in bytes. The service's own database has columns of 256 characters.
pub(super) const LONGEST_NAME: usize = 1024;

/// A name or id that is demanded. One that is too long is no name.
#[derive(Debug, Default)]
pub(super) struct Name(pub Box<str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        if text.len() > LONGEST_NAME {
            return Err(serde::de::Error::custom(TOO_LONG));
        }
        Ok(Self(text))
    }
}

const TOO_LONG: &str = "a name of more than 1024 bytes";

/// A value that is made of whatever stands there.
pub(super) trait Loose: Sized {
    /// Of a text.
    fn text(text: &str) -> Self;
    /// Of `null`.
    fn null() -> Self;
    /// Of something else, said in words or as it is written.
    fn other(shown: &str) -> Self;
}

/// Deserializes a [`Loose`] value; missing is as `null`.
#[derive(Debug)]
pub(super) struct Any<T>(pub T);

impl<T: Loose> Default for Any<T> {
    fn default() -> Self {
        Self(T::null())
    }
}

/// A name or id; `None` for anything else, an empty text and one that is too long included.
impl Loose for Option<Box<str>> {
    fn text(text: &str) -> Self {
        (1..=LONGEST_NAME).contains(&text.len()).then(|| text.into())
    }

    fn null() -> Self {
        None
    }

    fn other(_shown: &str) -> Self {
        None
    }
}

/// As much is kept of a message.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// A message, cut where it is very long; `None` for anything else and an empty one.
#[derive(Debug)]
pub(super) struct Words(pub Option<Box<str>>);

impl Loose for Words {
    fn text(text: &str) -> Self {
        let end = text.floor_char_boundary(LONGEST_MESSAGE);
        Self((end > 0).then(|| text[..end].into()))
    }

    fn null() -> Self {
        Self(None)
    }

    fn other(_shown: &str) -> Self {
        Self(None)
    }
}

/// A GUID; `None` for anything else.
impl Loose for Option<Uuid> {
    fn text(text: &str) -> Self {
        Uuid::try_parse(text).ok().filter(|id| !id.is_nil())
    }

    fn null() -> Self {
        None
    }

    fn other(_shown: &str) -> Self {
        None
    }
}

impl Loose for Moment {
    fn text(text: &str) -> Self {
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) if time.with_timezone(&Utc).year() <= NEVER => Self::Never,
            Ok(time) => Self::At(time.to_utc()),
            Err(_) => Self::Unreadable(text.chars().take(KEPT).collect()),
        }
    }

    fn null() -> Self {
        Self::Never
    }

    fn other(shown: &str) -> Self {
        Self::Unreadable(shown.into())
    }
}

/// A time that rows always have: none is unknown, and not "never".
#[derive(Debug)]
pub(super) struct RequiredMoment(pub Moment);

impl Loose for RequiredMoment {
    fn text(text: &str) -> Self {
        Self(<Moment as Loose>::text(text))
    }

    fn null() -> Self {
        Self(Moment::Unreadable("nothing".into()))
    }

    fn other(shown: &str) -> Self {
        Self(<Moment as Loose>::other(shown))
    }
}

impl<'de, T: Loose> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData)).map(Self)
    }
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: Loose> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::other(if value { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::other(&value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::other(&value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::other(&value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<T, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(json: &str) -> Moment {
        serde_json::from_str::<Any<Moment>>(json).unwrap().0
    }

    #[test]
    fn dates_of_rows() {
        let at = |text: &str| Moment::At(text.parse().unwrap());
        for (json, expected) in [
            (r#""2026-01-10T08:00:00.123Z""#, at("2026-01-10T08:00:00.123Z")),
            (r#""2026-01-10T08:00:00Z""#, at("2026-01-10T08:00:00Z")),
            (r#""2026-01-10T08:00:00.1234567Z""#, at("2026-01-10T08:00:00.1234567Z")),
            (r#""2026-01-10T10:00:00.123+02:00""#, at("2026-01-10T08:00:00.123Z")),
            (r#""1754-01-01T00:00:00.000Z""#, at("1754-01-01T00:00:00.000Z")),
            (r#""1753-12-31T23:59:59.999Z""#, Moment::Never),
            (r#""1753-01-01T00:00:00.000Z""#, Moment::Never),
            (r#""0001-01-01T00:00:00.000Z""#, Moment::Never),
            (r#""1754-01-01T00:30:00.000+01:00""#, Moment::Never),
            ("null", Moment::Never),
        ] {
            assert_eq!(moment(json), expected, "{json}");
        }
        assert_eq!(Any::<Moment>::default().0, Moment::Never);
    }

    #[test]
    fn what_is_no_time_is_not_taken_for_never() {
        for (json, shown) in [
            (r#""""#, ""),
            (r#""yesterday""#, "yesterday"),
            // Without a zone it could be any of 26 hours.
            (r#""2026-01-10T08:00:00""#, "2026-01-10T08:00:00"),
            (r#""2026-01-10""#, "2026-01-10"),
            (r#""10/01/2026 08:00:00""#, "10/01/2026 08:00:00"),
            (r#""2026-02-30T08:00:00.000Z""#, "2026-02-30T08:00:00.000Z"),
            ("1768032000", "1768032000"),
            ("-1", "-1"),
            ("1.5", "1.5"),
            ("false", "false"),
            ("[[1],2]", "a list"),
            (r#"{"a":{"b":1}}"#, "an object"),
        ] {
            assert_eq!(moment(json), Moment::Unreadable(shown.into()), "{json}");
        }
        let long = moment(&format!("{:?}", "x".repeat(1000)));
        assert_eq!(long, Moment::Unreadable("x".repeat(KEPT).into()));
    }

    #[test]
    fn texts_and_ids() {
        let text = |json: &str| serde_json::from_str::<Any<Option<Box<str>>>>(json).unwrap().0;
        assert_eq!(text(r#""\u00fc x""#), Some("ü x".into()));
        let id = |json: &str| serde_json::from_str::<Any<Option<Uuid>>>(json).unwrap().0;
        let one = r#""10000000-0000-4000-8000-000000000001""#;
        assert_eq!(id(one), Uuid::try_parse(one.trim_matches('"')).ok());
        assert_eq!(id(r#""00000000-0000-0000-0000-000000000000""#), None, "the service's no id");
        for json in ["null", r#""""#, "5", "true", "[]", "{}"] {
            assert_eq!((text(json), id(json)), (None, None), "{json}");
        }
        assert_eq!(id(r#""x""#), None);
    }
}
