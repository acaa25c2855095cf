//! Numbers and times in words, the same wherever they are shown.

mod locale;
pub(crate) mod retold;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

pub use self::locale::Locale;

/// A time in the configured zone, to the second, with the zone's abbreviation.
pub fn local(time: DateTime<Utc>, zone: Tz) -> String {
    time.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// How long ago something was, in the largest unit that says enough.
pub fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds();
    match seconds {
        ..0 => "in the future".to_owned(),
        0..=1 => "just now".to_owned(),
        2..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        7200..=172_799 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86400),
    }
}

/// The beginning of an id, as far as it takes to tell it from others.
///
/// Of one of version 4 all digits are chance, and twelve of them are enough for millions. All others are whole:
/// those of version 7, as runs have, begin with a clock and a counter, so that only their end differs.
pub fn short_id(id: Uuid) -> String {
    let mut text = id.to_string();
    if id.get_version_num() == 4 {
        text.truncate("01234567-0123".len());
    }
    text
}

/// `1 day`, `30 days`: as programs write numbers, for the ledger as well.
pub fn days(count: impl Into<i64>) -> String {
    match count.into() {
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    }
}

/// `1 seat`, `12,345 seats`: so many of what is called so when it is one, and when it is any other number.
pub fn counted(l: Locale, count: u64, one: &str, many: &str) -> String {
    format!("{} {}", l.separated(&count.to_string()), if count == 1 { one } else { many })
}

/// A count without needless decimals.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// `12,345`, `12.5`: as [`number`], with a comma at each thousand.
pub fn grouped(value: f64) -> String {
    Locale::default().number(value)
}

/// A size: `4.3 MB`, in powers of 1000.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        ..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Ids of one minute differ by their end only, and are shown with enough of it.
    #[test]
    fn the_beginnings_of_ids_are_different() {
        let many: Vec<Uuid> = (0..1_000).map(|_| Uuid::now_v7()).collect();
        let eight: HashSet<_> = many.iter().map(|id| id.to_string()[..8].to_owned()).collect();
        assert!(eight.len() <= 2, "eight digits are the clock");
        let short: HashSet<_> = many.iter().map(|id| short_id(*id)).collect();
        assert_eq!(short.len(), many.len());
        let random: HashSet<_> = (0..1_000).map(|_| short_id(Uuid::new_v4())).collect();
        assert_eq!(random.len(), 1_000);
        assert!(random.iter().all(|id| id.len() == 13));
    }
}
