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

/// A text; `None` for anything else, an empty text included.
impl Loose for Option<Box<str>> {
    fn text(text: &str) -> Self {
        (!text.is_empty()).then(|| text.into())
    }

    fn null() -> Self {
        None
    }

    fn other(_shown: &str) -> Self {
        None
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
