//! Reading a day from the text of a license, whatever the server's culture wrote it as.
//!
//! The text is what .NET's `DateTime.ToString()` makes in the culture of the service account:
//! `2027-03-16  12:00:00 AM`, `16/03/2027 00:00:00`, `3/16/2027 12:00:00 AM`,
//! `16.03.2027 00:00:00`. It has no time zone, so only the day that is written counts.

use chrono::{Datelike, NaiveDate};

/// How to read a date such as `03/04/2027` in a license text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// Not at all: it is reported as unreadable.
    #[default]
    Unset,
    DayFirst,
    MonthFirst,
}

/// What the text of an end date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    On(NaiveDate),
    /// `DateTime.MinValue` (year 1) or `DateTime.MaxValue` (year 9999): no end is set.
    NoEnd,
    /// Not a date, a date of another calendar, or one that can be read in two ways.
    Unreadable,
}

/// A year outside of this range is a misreading or another calendar (2570 is the Buddhist 2027).
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2200;

/// Reads the day at the start of `text`; a time of day after it is checked for its look only.
pub(super) fn read(text: &str, order: DateOrder) -> Day {
    let text = text.trim();
    let Some((parts, rest)) = split(text) else { return Day::Unreadable };
    if !looks_like_time(rest) {
        return Day::Unreadable;
    }
    let date = match parts {
        Parts::YearFirst { year, month, day } => NaiveDate::from_ymd_opt(year, month, day),
        Parts::YearLast { first, second, separator, year } => {
            let day_first = NaiveDate::from_ymd_opt(year, second, first);
            let month_first = NaiveDate::from_ymd_opt(year, first, second);
            match (day_first, month_first) {
                (Some(a), Some(b)) if a == b => Some(a),
                // No culture writes a month first with dots.
                (Some(a), Some(_)) if separator == '.' && order == DateOrder::Unset => Some(a),
                (Some(a), Some(b)) => match order {
                    DateOrder::DayFirst => Some(a),
                    DateOrder::MonthFirst => Some(b),
                    // Only the year counts for the two sentinels.
                    DateOrder::Unset if matches!(year, 1 | 9999) => Some(a),
                    DateOrder::Unset => None,
                },
                (one, other) => one.or(other),
            }
        }
    };
    match date {
        None => Day::Unreadable,
        Some(date) if matches!(date.year(), 1 | 9999) => Day::NoEnd,
        Some(date) if YEARS.contains(&date.year()) => Day::On(date),
        Some(_) => Day::Unreadable,
    }
}

/// Whether the day of the text is `today` or before, in whichever of the two orders it is meant.
pub(super) fn is_past_either_way(text: &str, today: NaiveDate) -> bool {
    [DateOrder::DayFirst, DateOrder::MonthFirst]
        .into_iter()
        .all(|order| matches!(read(text, order), Day::On(day) if day <= today))
}

/// Three numbers of a date, in the order written.
enum Parts {
    YearFirst { year: i32, month: u32, day: u32 },
    YearLast { first: u32, second: u32, separator: char, year: i32 },
}

/// The three numbers at the start, and what follows them.
fn split(text: &str) -> Option<(Parts, &str)> {
    let (a, rest) = digits(text)?;
    let (separator, rest) = separator(rest)?;
    let (b, rest) = digits(rest)?;
    let (second_separator, rest) = self::separator(rest)?;
    let (c, rest) = digits(rest)?;
    if separator != second_separator {
        return None;
    }
    let parts = match (a.len(), b.len(), c.len()) {
        (4, 1..=2, 1..=2) => {
            Parts::YearFirst { year: a.parse().ok()?, month: b.parse().ok()?, day: c.parse().ok()? }
        }
        (1..=2, 1..=2, 4) => Parts::YearLast {
            first: a.parse().ok()?,
            second: b.parse().ok()?,
            separator,
            year: c.parse().ok()?,
        },
        // Two-digit years can be read in three ways.
        _ => return None,
    };
    Some((parts, rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `-`, `/` or `.`; some cultures put a blank after the dot (`16. 3. 2027`).
fn separator(text: &str) -> Option<(char, &str)> {
    let separator = text.chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let rest = &text[separator.len_utf8()..];
    Some((separator, if separator == '.' { rest.trim_start() } else { rest }))
}

/// Nothing, or a time of day: digits with colons or dots, a zone, AM and PM in any script. Words
/// are refused: `2027-03-16 or later` is not a date to rely on.
fn looks_like_time(rest: &str) -> bool {
    let starts_apart = rest.chars().next().is_none_or(|c| !c.is_ascii_alphabetic() || c == 'T');
    starts_apart
        && rest.chars().all(|c| {
            c.is_ascii_digit()
                || c.is_whitespace()
                || !c.is_ascii()
                || matches!(c, ':' | '.' | ',' | '+' | '-')
                || matches!(c.to_ascii_lowercase(), 't' | 'z' | 'a' | 'p' | 'm')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(y: i32, m: u32, d: u32) -> Day {
        Day::On(NaiveDate::from_ymd_opt(y, m, d).unwrap())
    }

    #[test]
    fn dates_that_can_be_read_in_one_way_only() {
        let march_16 = on(2027, 3, 16);
        for text in [
            "2027-03-16  12:00:00 AM",
            "2027-03-16 11:59:59 PM",
            "2027-03-16",
            "2027-03-16T00:00:00",
            "2027-03-16T23:59:59.999Z",
            "2027-03-16T00:00:00.0000000+01:00",
            "2027/03/16 0:00:00",
            "2027. 03. 16. 0:00:00",
            "2027-03-16 \u{c624}\u{c804} 12:00:00",
            "2027-03-16 12:00:00\u{202f}AM",
            "16/03/2027 00:00:00",
            "3/16/2027 12:00:00 AM",
            "16.03.2027 00:00:00",
            "16. 3. 2027 0:00:00",
            "16-03-2027 00.00.00",
            "16/03/2027 12:00:00 a.m.",
            "16/03/2027 12:00:00 a. m.",
        ] {
            for order in [DateOrder::Unset, DateOrder::DayFirst, DateOrder::MonthFirst] {
                assert_eq!(read(text, order), march_16, "{text} with {order:?}");
            }
        }
    }

    #[test]
    fn ambiguous_dates_need_an_order() {
        for text in ["03/04/2027 00:00:00", "3/4/2027 12:00:00 AM", "03-04-2027"] {
            assert_eq!(read(text, DateOrder::Unset), Day::Unreadable, "{text}");
            assert_eq!(read(text, DateOrder::DayFirst), on(2027, 4, 3), "{text}");
            assert_eq!(read(text, DateOrder::MonthFirst), on(2027, 3, 4), "{text}");
        }
        assert_eq!(read("05/05/2027", DateOrder::Unset), on(2027, 5, 5), "the same both ways");
        assert_eq!(read("03.04.2027 00:00:00", DateOrder::Unset), on(2027, 4, 3), "dots");
    }

    #[test]
    fn the_first_and_last_day_of_dotnet_are_no_end() {
        for text in [
            "0001-01-01  12:00:00 AM",
            "9999-12-31  11:59:59 PM",
            "9999-12-31T23:59:59.9999999",
            "01/01/0001 00:00:00",
            "12/31/9999 11:59:59 PM",
            "31.12.9999 23:59:59",
        ] {
            assert_eq!(read(text, DateOrder::Unset), Day::NoEnd, "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_is_unreadable() {
        for text in [
            "",
            "soon",
            "2027-02-30",
            "2027-13-01",
            "31/31/2027",
            "16/03/27",
            "16/03/2570 00:00:00",
            "1448/10/07 12:00:00",
            "2027-03-16 or later",
            "2027-03-16until",
            "2027-03/16",
            "2027-03",
            "20270316",
            "-2027-03-16",
            "16-Mar-2027",
            "99999-12-31",
        ] {
            assert_eq!(read(text, DateOrder::Unset), Day::Unreadable, "{text:?}");
            assert_eq!(read(text, DateOrder::DayFirst), Day::Unreadable, "{text:?}");
        }
    }

    proptest::proptest! {
        /// Every day comes back the same from each way to write it, or not at all.
        #[test]
        fn a_day_is_never_misread(y in 1990i32..=2200, m in 1u32..=12, d in 1u32..=28) {
            let day = on(y, m, d);
            proptest::prop_assert_eq!(read(&format!("{y}-{m:02}-{d:02}  12:00:00 AM"), DateOrder::Unset), day);
            proptest::prop_assert_eq!(read(&format!("{d:02}.{m:02}.{y} 00:00:00"), DateOrder::Unset), day);
            proptest::prop_assert_eq!(read(&format!("{d}/{m}/{y}"), DateOrder::DayFirst), day);
            proptest::prop_assert_eq!(read(&format!("{m}/{d}/{y}"), DateOrder::MonthFirst), day);
            for text in [format!("{d}/{m}/{y}"), format!("{m}/{d}/{y}")] {
                let read = read(&text, DateOrder::Unset);
                proptest::prop_assert!(read == day || read == Day::Unreadable);
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = read(&text, DateOrder::Unset);
        }
    }
}
