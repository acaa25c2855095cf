//! Texts as the Repository Service writes them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The time that stands for "none": the first moment SQL Server can store.
pub const NO_TIME: &str = "1753-01-01T00:00:00.000Z";

/// A GUID that stands for "none".
pub const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// UTC with exactly three digits of a second.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    Stamp(time).write(&mut [0; 24]).to_owned()
}

/// As [`time_text`], [`NO_TIME`] for none.
pub(crate) fn time_or_none(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| NO_TIME.to_owned(), time_text)
}

/// The `Date` header of HTTP.
pub(crate) fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A time in JSON. By hand, because lists hold hundreds of thousands of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp(pub DateTime<Utc>);

impl Stamp {
    /// Years outside of 0 to 9999 don't occur.
    fn write(self, text: &mut [u8; 24]) -> &str {
        let time = self.0;
        *text = *b"0000-00-00T00:00:00.000Z";
        let millis = time.timestamp_subsec_millis().min(999);
        digits(&mut text[0..4], time.year().unsigned_abs());
        digits(&mut text[5..7], time.month());
        digits(&mut text[8..10], time.day());
        digits(&mut text[11..13], time.hour());
        digits(&mut text[14..16], time.minute());
        digits(&mut text[17..19], time.second());
        digits(&mut text[20..23], millis);
        std::str::from_utf8(text).expect("digits are ASCII")
    }
}

fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.write(&mut [0; 24]))
    }
}

/// A time that may be none.
#[derive(Debug, Clone, Copy)]
pub(super) struct StampOrNone(pub Option<DateTime<Utc>>);

impl Serialize for StampOrNone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(time) => Stamp(time).serialize(serializer),
            None => serializer.serialize_str(NO_TIME),
        }
    }
}

/// A GUID in JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// A GUID that follows from a kind of thing and its name: the same in every run.
pub fn named_id(kind: &str, name: &str) -> Uuid {
    // FNV-1a over 128 bits: spread is all that is needed.
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in kind.bytes().chain([0]).chain(name.bytes()) {
        hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    }
    id_from(hash)
}

/// A GUID of these bits, marked as a random one.
pub(super) fn id_from(bits: u128) -> Uuid {
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_of_a_second() {
        for text in
            ["2022-08-27T06:47:08.600Z", "1753-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]
        {
            assert_eq!(time_text(text.parse().unwrap()), text);
        }
        let finer = "2022-08-27T06:47:08.600999Z".parse().unwrap();
        assert_eq!(time_text(finer), "2022-08-27T06:47:08.600Z");
        assert_eq!(time_or_none(None), NO_TIME);
        assert_eq!(
            http_date("2026-01-10T08:00:00Z".parse().unwrap()),
            "Sat, 10 Jan 2026 08:00:00 GMT"
        );
    }
}
