//! How a country writes numbers and dates. The words stay English.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

/// Separators of numbers, and dates. The default writes as everything in Bursar does: `12,345.6`,
/// `5 March 2027`, and `2027-03-05 14:30` in tables.
#[derive(Debug, Clone, Copy)]
pub struct Locale(&'static Habits);

#[derive(Debug)]
struct Habits {
    /// A language, or a language and a region, as BCP 47 has them.
    name: &'static str,
    /// Of the language, that write the same.
    regions: &'static [&'static str],
    thousands: &'static str,
    decimal: &'static str,
    dates: Dates,
}

/// Patterns of chrono's, whose months are English ones.
#[derive(Debug, Clone, Copy)]
struct Dates {
    /// Within a sentence.
    date: &'static str,
    month: &'static str,
    /// In a table, where all have the same width.
    short: &'static str,
}

const fn named(date: &'static str, short: &'static str) -> Dates {
    Dates { date, month: "%B %Y", short }
}

const fn numeric(short: &'static str, month: &'static str) -> Dates {
    Dates { date: short, month, short }
}

const fn habits(
    name: &'static str,
    regions: &'static [&'static str],
    (thousands, decimal): (&'static str, &'static str),
    dates: Dates,
) -> Habits {
    Habits { name, regions, thousands, decimal, dates }
}

const SPACE: &str = "\u{a0}";
const NARROW: &str = "\u{202f}";

const DOTS: Dates = numeric("%d.%m.%Y", "%m.%Y");
const SLASHES: Dates = numeric("%d/%m/%Y", "%m/%Y");
const ISO: Dates = numeric("%Y-%m-%d", "%Y-%m");

/// Separators after Unicode's CLDR; days and months with two digits, so that columns stand straight.
const KNOWN: [Habits; 18] = [
    habits("en", &["AU", "CA", "IE", "NZ"], (",", "."), named("%-d %B %Y", "%Y-%m-%d")),
    habits("en-GB", &[], (",", "."), named("%-d %B %Y", "%d/%m/%Y")),
    habits("en-US", &[], (",", "."), named("%B %-d, %Y", "%m/%d/%Y")),
    habits("da", &["DK"], (".", ","), DOTS),
    habits("de", &["DE", "AT", "LU"], (".", ","), numeric("%d.%m.%Y", "%m/%Y")),
    habits("de-CH", &[], ("’", "."), DOTS),
    habits("es", &["ES", "AR"], (".", ","), SLASHES),
    habits("es-MX", &[], (",", "."), SLASHES),
    habits("fi", &["FI"], (SPACE, ","), DOTS),
    habits("fr", &["FR", "BE", "LU"], (NARROW, ","), SLASHES),
    habits("fr-CA", &[], (SPACE, ","), ISO),
    habits("it", &["IT"], (".", ","), SLASHES),
    habits("nb", &["NO"], (SPACE, ","), DOTS),
    habits("nl", &["NL"], (".", ","), numeric("%d-%m-%Y", "%m-%Y")),
    habits("pl", &["PL"], (SPACE, ","), DOTS),
    habits("pt", &["BR"], (".", ","), SLASHES),
    habits("pt-PT", &[], (SPACE, ","), SLASHES),
    habits("sv", &["SE", "FI"], (SPACE, ","), ISO),
];

impl Default for Locale {
    fn default() -> Self {
        Self(&KNOWN[0])
    }
}

impl PartialEq for Locale {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Locale {}

impl Locale {
    /// A locale by its name, in any case, with `-` or `_`; `de-DE` is `de`. `None` for what isn't known:
    /// a language may write otherwise in another country.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().replace('_', "-");
        let is_named = |known: &&Habits| {
            known.name.eq_ignore_ascii_case(&name)
                || name.split_once('-').is_some_and(|(language, region)| {
                    known.name.eq_ignore_ascii_case(language)
                        && known.regions.iter().any(|one| one.eq_ignore_ascii_case(region))
                })
        };
        KNOWN.iter().find(is_named).map(Self)
    }

    /// All that are known.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.name)
    }

    /// As in the settings: `en-GB`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// A count without needless decimals: `12,345`, `12.5`.
    pub fn number(self, value: f64) -> String {
        self.separated(&super::number(value))
    }

    /// With so many digits after the point.
    pub fn fixed(self, value: f64, digits: usize) -> String {
        self.separated(&format!("{value:.digits$}"))
    }

    /// A decimal number, as a program writes it, with the separators.
    pub fn separated(self, number: &str) -> String {
        let unsigned = number.trim_start_matches(['-', '+']);
        let (sign, digits) = number.split_at(number.len() - unsigned.len());
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let mut out = sign.to_owned();
        for (n, digit) in whole.chars().enumerate() {
            if n > 0 && (whole.len() - n).is_multiple_of(3) {
                out.push_str(self.0.thousands);
            }
            out.push(digit);
        }
        if let Some(fraction) = fraction {
            let _ = write!(out, "{}{fraction}", self.0.decimal);
        }
        out
    }

    /// A day within a sentence: `5 March 2027`.
    pub fn date(self, day: NaiveDate) -> String {
        day.format(self.0.dates.date).to_string()
    }

    /// A month within a sentence, by one of its days: `March 2027`.
    pub fn month(self, day: NaiveDate) -> String {
        day.format(self.0.dates.month).to_string()
    }

    /// A day in a table: `2027-03-05`.
    pub fn day(self, day: NaiveDate) -> String {
        day.format(self.0.dates.short).to_string()
    }

    /// A time in a table, to the minute: `2027-03-05 14:30`.
    pub fn time(self, time: DateTime<Utc>, zone: Tz) -> String {
        let local = time.with_timezone(&zone);
        format!("{} {}", self.day(local.date_naive()), local.format("%H:%M"))
    }

    /// A time to the second, with the abbreviation of the zone: `2027-03-05 14:30:59 CET`.
    pub fn moment(self, time: DateTime<Utc>, zone: Tz) -> String {
        let local = time.with_timezone(&zone);
        format!("{} {}", self.day(local.date_naive()), local.format("%H:%M:%S %Z"))
    }

    /// `between 5 March and 20 June 2027`; what both days share is said once.
    pub fn between(self, first: NaiveDate, last: NaiveDate) -> String {
        let day_first = self.0.dates.date.starts_with("%-d %B");
        let from = if !day_first || first.year() != last.year() {
            self.date(first)
        } else if first.month() != last.month() {
            first.format("%-d %B").to_string()
        } else {
            first.day().to_string()
        };
        format!("between {from} and {}", self.date(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str) -> String {
        let locale = Locale::parse(name).unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let time: DateTime<Utc> = "2027-03-05T14:30:59Z".parse().unwrap();
        [
            locale.number(-1_234_567.5),
            locale.fixed(1_234.0, 2),
            locale.date(day("2027-03-05")),
            locale.month(day("2027-03-05")),
            locale.time(time, Tz::UTC),
            locale.between(day("2027-03-05"), day("2027-06-20")),
        ]
        .join(" | ")
    }

    #[test]
    fn each_known_one_writes_as_its_country_does() {
        let all: Vec<_> =
            Locale::names().map(|name| format!("{name}: {}", written(name))).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        en: -1,234,567.5 | 1,234.00 | 5 March 2027 | March 2027 | 2027-03-05 14:30 | between 5 March and 20 June 2027
        en-GB: -1,234,567.5 | 1,234.00 | 5 March 2027 | March 2027 | 05/03/2027 14:30 | between 5 March and 20 June 2027
        en-US: -1,234,567.5 | 1,234.00 | March 5, 2027 | March 2027 | 03/05/2027 14:30 | between March 5, 2027 and June 20, 2027
        da: -1.234.567,5 | 1.234,00 | 05.03.2027 | 03.2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        de: -1.234.567,5 | 1.234,00 | 05.03.2027 | 03/2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        de-CH: -1’234’567.5 | 1’234.00 | 05.03.2027 | 03.2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        es: -1.234.567,5 | 1.234,00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        es-MX: -1,234,567.5 | 1,234.00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        fi: -1 234 567,5 | 1 234,00 | 05.03.2027 | 03.2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        fr: -1 234 567,5 | 1 234,00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        fr-CA: -1 234 567,5 | 1 234,00 | 2027-03-05 | 2027-03 | 2027-03-05 14:30 | between 2027-03-05 and 2027-06-20
        it: -1.234.567,5 | 1.234,00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        nb: -1 234 567,5 | 1 234,00 | 05.03.2027 | 03.2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        nl: -1.234.567,5 | 1.234,00 | 05-03-2027 | 03-2027 | 05-03-2027 14:30 | between 05-03-2027 and 20-06-2027
        pl: -1 234 567,5 | 1 234,00 | 05.03.2027 | 03.2027 | 05.03.2027 14:30 | between 05.03.2027 and 20.06.2027
        pt: -1.234.567,5 | 1.234,00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        pt-PT: -1 234 567,5 | 1 234,00 | 05/03/2027 | 03/2027 | 05/03/2027 14:30 | between 05/03/2027 and 20/06/2027
        sv: -1 234 567,5 | 1 234,00 | 2027-03-05 | 2027-03 | 2027-03-05 14:30 | between 2027-03-05 and 2027-06-20
        ");
    }

    #[test]
    fn a_region_that_writes_as_its_language_is_known() {
        for (name, known) in
            [("de-DE", "de"), ("DE_at", "de"), (" sv ", "sv"), ("en-gb", "en-GB"), ("en_AU", "en")]
        {
            assert_eq!(Locale::parse(name).map(Locale::name), Some(known), "{name}");
        }
        for unknown in ["", "tlh", "-", "d", "es-PE", "de-"] {
            assert_eq!(Locale::parse(unknown), None, "{unknown}");
        }
    }
}
