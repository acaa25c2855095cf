//! Cost by department as a table for programs.

use std::io;

use crate::insight::chargeback::Amounts;
use crate::insight::money::Money;
use crate::plain::one_line;
use crate::planning::chargeback::ByGroup;
use crate::spreadsheet::{Cell, Sheet};

const HEADER: [&str; 14] = [
    "site",
    "group",
    "of",
    "licenseType",
    "currency",
    "allocated",
    "reclaimable",
    "idle",
    "thresholdDays",
    "entitledAmount",
    "allocatedAmount",
    "reclaimableAmount",
    "idleAmount",
    "savedAmount",
];

/// A line for each row; there is none for the sums, so that a column can be summed up.
///
/// # Errors
/// Never: memory takes every row.
pub fn csv<'a>(sites: impl IntoIterator<Item = (&'a str, &'a ByGroup)>) -> io::Result<String> {
    let mut sheet = Sheet::new(Vec::new());
    sheet.row(HEADER.map(Cell::Text))?;
    for (site, answer) in sites {
        let currency = answer.chargeback.currency;
        for row in &answer.chargeback.rows {
            let amount = |pick: fn(&Amounts) -> Money| {
                row.amounts.as_ref().map_or_else(String::new, |of| pick(of).rounded().to_string())
            };
            let numbers = [
                row.allocated.to_string(),
                row.reclaimable.to_string(),
                row.idle.to_string(),
                row.threshold_days.map_or_else(String::new, |days| days.to_string()),
                amount(|of| of.entitled),
                amount(|of| of.allocated),
                amount(|of| of.reclaimable),
                amount(|of| of.idle),
                amount(|of| of.saved),
            ];
            // A row is a line, for those who read it by lines.
            let group = one_line(row.group.title());
            let texts = [
                site,
                &group,
                row.group.kind(),
                row.seat_type.map_or("analyzer_capacity", |seat_type| seat_type.as_str()),
                currency.as_str(),
            ];
            let texts = texts.into_iter().map(Cell::Text);
            sheet.row(texts.chain(numbers.iter().map(|number| Cell::Number(number))))?;
        }
    }
    Ok(String::from_utf8(sheet.finish()?).expect("cells are text"))
}
