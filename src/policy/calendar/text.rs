//! Days, times and days of the week as text.

use std::fmt;

use chrono::{NaiveDate, Weekday};

use crate::policy::calendar::{Calendar, Day, Hours, Minute};

/// Monday first.
const WEEK: [(Weekday, &str, &str); 7] = [
    (Weekday::Mon, "mon", "monday"),
    (Weekday::Tue, "tue", "tuesday"),
    (Weekday::Wed, "wed", "wednesday"),
    (Weekday::Thu, "thu", "thursday"),
    (Weekday::Fri, "fri", "friday"),
    (Weekday::Sat, "sat", "saturday"),
    (Weekday::Sun, "sun", "sunday"),
];

/// What a text names: a day of the week, `weekdays` or `weekend`.
pub fn days_of(text: &str) -> Option<&'static [Weekday]> {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    const ALL: [Weekday; 7] = [Mon, Tue, Wed, Thu, Fri, Sat, Sun];
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "weekdays" | "weekday" => return Some(&ALL[..5]),
        "weekend" | "weekends" => return Some(&ALL[5..]),
        _ => {}
    }
    let place = WEEK.iter().position(|(_, short, long)| text == *short || text == *long)?;
    Some(&ALL[place..=place])
}

/// `05:30`, `5:30`, up to `24:00`.
pub fn minutes_of(text: &str) -> Option<Minute> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str, most: usize| -> Option<u16> {
        let digits = !text.is_empty() && text.len() <= most;
        (digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hour, minute) = (number(hour, 2)?, number(minute, 2).filter(|_| minute.len() == 2)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(Minute(all))
}

impl Day {
    /// A day as the settings write it; what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let shape: String =
            text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        match shape.as_str() {
            "0000-00-00" => NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(Self::On)
                .map_err(|_| "the calendar has no such day"),
            "00-00" => {
                let number = |part: &str| part.parse().unwrap_or_default();
                let (month, day) = (number(&text[..2]), number(&text[3..]));
                // A leap year has every day there is.
                NaiveDate::from_ymd_opt(2024, month, day)
                    .map(|_| Self::Yearly { month, day })
                    .ok_or("the calendar has no such day")
            }
            _ => Err("it is no day"),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(date) => write!(f, "{date}"),
            Self::Yearly { month, day } => write!(f, "{month:02}-{day:02}"),
        }
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|why| format!("{text:?}: {why}"))
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TryFrom<String> for Minute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        minutes_of(&text).ok_or_else(|| format!("{text:?} is no time of day"))
    }
}

impl From<Minute> for String {
    fn from(minute: Minute) -> Self {
        minute.to_string()
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |name: &str| days_of(name).is_some_and(|days| days == self.days);
        if self.days.is_empty() || self.days.len() == WEEK.len() {
            f.write_str("every day")?;
        } else if let Some(name) = ["weekdays", "weekend"].into_iter().find(|name| is(name)) {
            f.write_str(name)?;
        } else {
            let names = WEEK.iter().filter(|(day, ..)| self.days.contains(day));
            let names: Vec<_> = names.map(|(_, short, _)| *short).collect();
            f.write_str(&names.join(", "))?;
        }
        write!(f, " {}-{}", self.from, self.to)
    }
}

impl Calendar {
    /// `weekdays 20:00-06:00; weekend 00:00-24:00`.
    pub fn hours_text(&self) -> String {
        let all: Vec<_> = self.allowed_hours.iter().map(Hours::to_string).collect();
        all.join("; ")
    }
}
