//! The text of a signed key, as the server describes it for people.

use super::DateOrder;
use super::date::{self, Day};
use super::lines::OtherLines;
use super::server::{Allotment, Expiry, Start, allotment, expiry, short, yes_or_no};

/// The lines of `keyDetails`, such as `Valid To: 2027-03-16  12:00:00 AM`.
#[derive(Debug, Default)]
pub(super) struct KeyDetails {
    /// Lines with a label this program knows.
    pub(super) known_lines: usize,
    pub(super) blacklisted: bool,
    valid_from: Option<String>,
    valid_to: Option<String>,
    /// A line with another label holds a date: it may be the end under another name.
    other_date: bool,
    pub(super) allotments: Vec<Allotment>,
    pub(super) overage: Option<bool>,
}

impl KeyDetails {
    pub(super) fn read(text: &str, others: &mut OtherLines) -> Self {
        let mut details = Self::default();
        for line in text.lines() {
            // At the first colon only: times hold colons too.
            let Some((label, value)) = line.split_once(':') else {
                others.add(line);
                continue;
            };
            let (label, value) = (label.trim().to_ascii_lowercase(), value.trim());
            let known = if let Some(name) = label.strip_prefix("allotment ") {
                let read = allotment(name.trim(), value, others);
                if read.is_none() {
                    others.add(line);
                }
                details.allotments.extend(read);
                true
            } else {
                details.read_line(&label, value, line, others)
            };
            details.known_lines += usize::from(known);
        }
        details
    }

    /// Whether it is known what the line says.
    fn read_line(&mut self, label: &str, value: &str, line: &str, others: &mut OtherLines) -> bool {
        match label.split_whitespace().collect::<String>().as_str() {
            "isblacklisted" => self.blacklisted = value.eq_ignore_ascii_case("true"),
            "validto" => self.valid_to = Some(value.to_owned()),
            "validfrom" => self.valid_from = Some(value.to_owned()),
            "licensenumber" => {}
            "overage" if yes_or_no(value).is_some() => self.overage = yes_or_no(value),
            _ => {
                self.other_date |= matches!(date::read(value, DateOrder::DayFirst), Day::On(_));
                others.add(line);
                return false;
            }
        }
        true
    }

    /// The first valid day; the years 1 and 9999 are none.
    pub(super) fn start(&self, order: DateOrder) -> Start {
        let Some(text) = self.valid_from.as_deref().filter(|text| !text.is_empty()) else {
            return Start::Unset;
        };
        match date::read(text, order) {
            Day::On(day) => Start::On(day),
            Day::NoEnd => Start::Unset,
            Day::Unreadable => Start::Unreadable(short(text)),
        }
    }

    /// The end of a signed key.
    ///
    /// No public sample of a perpetual signed key exists. A server that describes the key line by
    /// line and gives no `Valid To` states that there is no end, so that is
    /// [`Perpetual`](Expiry::Perpetual), like the years 1 and 9999: an alert at each poll for what
    /// will never change teaches people to ignore alerts. It stays [`Unknown`](Expiry::Unknown)
    /// where silence could hide an end: nothing (or nothing known) is described, the license is a
    /// subscription (which ends by nature), or a line with an unknown label holds a date.
    pub(super) fn expiry(&self, order: DateOrder, is_subscription: Option<bool>) -> Expiry {
        match &self.valid_to {
            Some(text) => expiry(text, order),
            None if self.known_lines == 0 || self.other_date || is_subscription == Some(true) => {
                Expiry::Unknown
            }
            None => Expiry::Perpetual,
        }
    }
}
