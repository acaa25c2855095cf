//! The values that payloads share: how a time, an id, a figure looks in JSON.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::license::{self, SeatType};

/// UTC, RFC 3339 with milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) DateTime<Utc>);

/// What the site says of a time: null for never. What can't be read as a time is given as the site
/// wrote it.
#[derive(Debug)]
pub(super) struct Moment<'a>(pub(super) &'a license::Moment);

/// `12.0` as `12`: seats, tokens and minutes are counted in whole ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure(pub(super) f64);

/// An object with one entry for each type of seat.
#[derive(Debug)]
pub(super) struct ByType<T>(pub(super) Vec<(SeatType, T)>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Moment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            license::Moment::Never => serializer.serialize_none(),
            license::Moment::At(at) => Time(*at).serialize(serializer),
            license::Moment::Unreadable(text) => serializer.serialize_str(text),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT_UP_TO: f64 = 9_007_199_254_740_992.0; // 2^53
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT_UP_TO {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<T: Serialize> Serialize for ByType<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (seat_type, value) in &self.0 {
            map.serialize_entry(seat_type.as_str(), value)?;
        }
        map.end()
    }
}

/// Stands in for a time that is sent as it is stored.
pub(super) fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(super) fn id_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "uuid" })
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        time_schema(generator)
    }
}

impl JsonSchema for Moment<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}

impl JsonSchema for Figure {
    fn schema_name() -> Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl<T: JsonSchema> JsonSchema for ByType<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ByType_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": generator.subschema_for::<SeatType>(),
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        let text = |figure: f64| serde_json::to_string(&Figure(figure)).unwrap();
        let figures = [12.0, 12.5, -0.0, -3.0, 9_007_199_254_740_992.0, f64::NAN];
        assert_eq!(figures.map(text), ["12", "12.5", "0", "-3", "9007199254740992", "null"]);
    }
}
