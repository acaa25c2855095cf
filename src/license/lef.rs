//! The text of a license enabler file (LEF): a line each for what it grants.

use chrono::NaiveDate;

use super::DateOrder;
use super::date::{self, Day};
use super::lines::OtherLines;
use super::server::{Allotment, Expiry, allotment, expiry, yes_or_no};

/// What a LEF says.
#[derive(Debug)]
pub(super) struct Lef {
    pub(super) expiry: Expiry,
    pub(super) maintenance_end: Option<NaiveDate>,
    pub(super) allotments: Vec<Allotment>,
    pub(super) overage: Option<bool>,
}

impl Lef {
    /// Reads lines such as `TIMELIMIT;;;2018-01-30` and `PROFESSIONAL;60;;`.
    ///
    /// Without a `TIMELIMIT` line it is perpetual, but only if there is any line of that form at
    /// all: of a text that isn't a LEF nothing can be concluded. The date of `PRODUCTLEVEL` is the
    /// end of maintenance, not of use. `IGNORE_TOKENS;YES` says that `TOKENS` doesn't count. The lines
    /// of another form are its number and its checksum, and are not kept.
    pub(super) fn read(text: &str, order: DateOrder, others: &mut OtherLines) -> Self {
        let mut lef = Self {
            expiry: Expiry::Unknown,
            maintenance_end: None,
            allotments: vec![],
            overage: None,
        };
        let mut has_lines = false;
        let mut time_limit = None;
        let mut ignores_tokens = false;
        for line in text.lines().map(str::trim) {
            let Some((name, values)) = line.split_once(';') else { continue };
            has_lines = true;
            let name = name.trim().to_ascii_uppercase();
            let value = values.split(';').next().unwrap_or_default();
            let date = values.split(';').nth(2).unwrap_or_default().trim();
            let known = match name.as_str() {
                "TIMELIMIT" => {
                    time_limit = Some(date.to_owned());
                    true
                }
                "PRODUCTLEVEL" => match date::read(date, order) {
                    Day::On(day) => {
                        lef.maintenance_end = Some(day);
                        true
                    }
                    Day::NoEnd => true,
                    Day::Unreadable => date.is_empty(),
                },
                "PROFESSIONAL" | "ANALYZER" | "TOKENS" => {
                    let read = allotment(&name.to_ascii_lowercase(), values, others);
                    let known = read.is_some();
                    lef.allotments.extend(read);
                    known
                }
                "IGNORE_TOKENS" => match yes_or_no(value) {
                    Some(ignores) => {
                        ignores_tokens = ignores;
                        true
                    }
                    None => false,
                },
                "OVERAGE" => {
                    lef.overage = yes_or_no(value);
                    lef.overage.is_some()
                }
                _ => false,
            };
            if !known {
                others.add(line);
            }
        }
        if ignores_tokens {
            lef.allotments.retain(|allotment| allotment.name != "tokens");
        }
        lef.expiry = match time_limit {
            Some(text) => expiry(&text, order),
            None if has_lines => Expiry::Perpetual,
            None => Expiry::Unknown,
        };
        lef
    }
}
