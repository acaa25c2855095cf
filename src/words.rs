//! Numbers and times in words, the same wherever they are shown.

mod locale;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

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
