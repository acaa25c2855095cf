//! Texts that were written when something happened, told again as a country writes numbers and dates.

use chrono::NaiveDate;

use super::Locale;

/// The names of months.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a decimal number is followed by: without it, it may be a version or an address.
const UNITS: [&str; 7] = ["seats", "seat", "minutes", "tokens", "hours", "days", "of"];

impl Locale {
    /// A text of this program's with its numbers and days as the locale writes them: `12,345`, `97.5 %`,
    /// `5 March 2027`, `2027-03-05`. What could be anything else (a version, an id, a part of a path) stays.
    pub fn retold(self, text: &str) -> String {
        if self == Self::default() {
            return text.to_owned();
        }
        let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
        let mut out = String::with_capacity(text.len());
        let mut n = 0;
        while n < words.len() {
            let (taken, told) = self.told(&words[n..]);
            out.push_str(&told);
            n += taken;
        }
        out
    }

    /// How many of the words are told at once, and what is said in their place.
    fn told(self, words: &[&str]) -> (usize, String) {
        let (before, core, after) = parts(words[0]);
        let put =
            |taken: usize, text: String, after: &str| (taken, format!("{before}{text}{after}"));
        let bare = |n: usize| words.get(n).map(|word| parts(word)).filter(|of| of.0.is_empty());
        let month = |n: usize| month_at(words, n);
        let year = |n: usize| {
            let (_, word, rest) = bare(n)?;
            let year = Some(word).filter(|word| word.len() == 4)?.parse::<i32>().ok()?;
            Some((year, rest))
        };
        let is_alone = after.trim().is_empty();
        if let Ok(day) = core.parse::<u32>()
            && core.len() <= 2
            && is_alone
            && let Some(month) = month(1)
        {
            if let Some((year, rest)) = year(2)
                && let Some(day) = NaiveDate::from_ymd_opt(year, month, day)
            {
                return put(3, self.date(day), rest);
            }
            // `5 March and 20 June 2027`.
            let is_and = bare(2).is_some_and(|(_, word, _)| word == "and");
            let second = bare(3).and_then(|(_, word, _)| word.parse::<u32>().ok());
            if is_and
                && let (Some(second), Some(later), Some((year, rest))) =
                    (second, month_at(words, 4), year(5))
                && let (Some(first), Some(last)) = (
                    NaiveDate::from_ymd_opt(year, month, day),
                    NaiveDate::from_ymd_opt(year, later, second),
                )
            {
                return put(6, format!("{} and {}", self.date(first), self.date(last)), rest);
            }
        }
        if is_alone
            && let Some(month) = month(0)
            && let Some((year, rest)) = year(1)
            && let Some(day) = NaiveDate::from_ymd_opt(year, month, 1)
        {
            return put(2, self.month(day), rest);
        }
        if core.len() == 10
            && let Ok(day) = NaiveDate::parse_from_str(core, "%Y-%m-%d")
        {
            return put(1, self.day(day), after);
        }
        let is_unit = |(_, word, rest): (&str, &str, &str)| {
            UNITS.contains(&word) || (word.is_empty() && rest.starts_with('%'))
        };
        let followed = after.starts_with('%') || (is_alone && bare(1).is_some_and(is_unit));
        match number(core, followed) {
            Some(plain) => put(1, self.separated(&plain), after),
            None => (1, words[0].to_owned()),
        }
    }
}

/// The number of a month that is a word by itself.
fn month_at(words: &[&str], n: usize) -> Option<u32> {
    let (before, word, after) = parts(words.get(n)?);
    let number = MONTHS.iter().position(|name| *name == word)?;
    (before.is_empty() && after.trim().is_empty()).then_some(number as u32 + 1)
}

/// A word without the signs around it.
fn parts(word: &str) -> (&str, &str, &str) {
    let opened = word.trim_start_matches(['(', '"', '\'']);
    let core = opened.trim_end_matches(|c: char| c.is_whitespace() || ",.;:)%\"'".contains(c));
    let before = word.len() - opened.len();
    (&word[..before], core, &opened[core.len()..])
}

/// A number with separators, or a decimal one that is followed by a unit, without separators.
fn number(text: &str, followed: bool) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let is_grouped = !rest.is_empty();
    if !digits(first) || (is_grouped && first.len() > 3) {
        return None;
    }
    if !rest.iter().all(|group| group.len() == 3 && digits(group)) {
        return None;
    }
    (is_grouped || (fraction.is_some() && followed)).then(|| text.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_are_told_as_a_country_writes_them_and_all_else_stays() {
        let german = Locale::parse("de").unwrap();
        for (text, told) in [
            ("10,983 of 20,000 minutes (97.5 %)", "10.983 of 20.000 minutes (97,5 %)"),
            ("97.5% are used, 1,234,567.5 in all.", "97,5% are used, 1.234.567,5 in all."),
            ("ends on 5 March 2027, in 41 days", "ends on 05.03.2027, in 41 days"),
            ("not before March 2028; one in two by 2030", "not before 03/2028; one in two by 2030"),
            ("between 5 March and 20 June 2027", "between 05.03.2027 and 20.06.2027"),
            ("since 2027-03-05 14:30", "since 05.03.2027 14:30"),
            ("May I?\nIt is 3 May 2027.", "May I?\nIt is 03.05.2027."),
            ("-1,000 EUR", "-1.000 EUR"),
        ] {
            assert_eq!(german.retold(text), told);
            assert_eq!(Locale::default().retold(text), text);
        }
        for same in [
            "version 16.2.1 at 10.0.0.12:4242, TLS 1.3",
            "run 0192a3-03-05 of 1,23 and 12345, C:\\a,b",
            "41 days, 2,34,567",
            "",
        ] {
            assert_eq!(german.retold(same), same);
        }
    }
}
