//! Records as the rows of a table for auditors.

use std::collections::HashMap;

use chrono::DateTime;
use uuid::Uuid;

use super::chain::Raw;
use super::text::instant;
use super::{Entry, SeatResult};
use crate::license::{Holder, SeatType};

/// The columns, in order.
pub const COLUMNS: [&str; 20] = [
    "seq",
    "time",
    "site",
    "run",
    "kind",
    "summary",
    "by",
    "mode",
    "action",
    "licenseType",
    "seat",
    "user",
    "userName",
    "lastUsed",
    "because",
    "result",
    "until",
    "previous",
    "hash",
    "entry",
];

type Cells = HashMap<&'static str, String>;

/// The cells of a record. An entry that can't be read leaves its columns empty.
pub fn row(raw: &Raw) -> [String; COLUMNS.len()] {
    let time =
        DateTime::from_timestamp_millis(raw.time).map_or_else(|| raw.time.to_string(), instant);
    let mut cells = Cells::from([
        ("seq", raw.seq.to_string()),
        ("time", time),
        ("site", raw.site.clone()),
        ("run", raw.run.clone()),
        ("kind", raw.kind.clone()),
        ("previous", raw.previous.clone()),
        ("hash", raw.hash.clone()),
        ("entry", raw.entry.clone()),
    ]);
    if let Ok(entry) = serde_json::from_str::<Entry>(&raw.entry) {
        cells.insert("summary", entry.summary());
        cells.extend(details(&entry));
    }
    COLUMNS.map(|column| cells.remove(column).unwrap_or_default())
}

fn details(entry: &Entry) -> Cells {
    match entry {
        Entry::RunStarted { mode, trigger, .. } => {
            let by = trigger.by().unwrap_or_else(|| "schedule".to_owned());
            Cells::from([("by", by), ("mode", mode.as_str().to_owned())])
        }
        Entry::Planned { .. } => Cells::new(),
        Entry::Intent(intent) => {
            let mut cells = seat(intent.seat_type, intent.seat, &intent.holder);
            cells.insert("action", intent.action.as_str().to_owned());
            cells.insert("lastUsed", intent.last_used.text());
            cells.insert("because", intent.because.clone());
            cells
        }
        Entry::Outcome(outcome) => {
            let mut cells = seat(outcome.seat_type, outcome.seat, &outcome.holder);
            cells.insert("action", outcome.action.as_str().to_owned());
            cells.insert("result", outcome.result.as_str().to_owned());
            match &outcome.result {
                SeatResult::Quarantined { until } => {
                    cells.insert("until", until.text());
                }
                SeatResult::Refused { why } | SeatResult::Unclear { why } => {
                    cells.insert("because", why.clone());
                }
                SeatResult::Stated { says, by, why } => {
                    cells.insert("by", by.clone());
                    cells.insert("because", format!("{}: {why}", says.as_str()));
                }
                SeatResult::Freed | SeatResult::Gone | SeatResult::Allocated => {}
            }
            if let Some(remark) = &outcome.evidence.remark {
                cells.entry("because").or_insert_with(|| remark.clone());
            }
            cells
        }
        Entry::Announced { seat_type, seat: id, holder, last_used, due } => {
            let mut cells = seat(*seat_type, *id, holder);
            cells.insert("lastUsed", last_used.text());
            cells.insert("until", instant(*due));
            cells
        }
        Entry::Withdrawn { seat_type, seat: id, holder, why } => {
            let mut cells = seat(*seat_type, *id, holder);
            cells.insert("because", why.clone());
            cells
        }
        Entry::RunEnded { status, why, .. } => Cells::from([
            ("result", status.as_str().to_owned()),
            ("because", why.clone().unwrap_or_default()),
        ]),
        Entry::Paused { until, why, by } => {
            Cells::from([("by", by.clone()), ("because", why.clone()), ("until", instant(*until))])
        }
        Entry::Accepted { seat_type, until, why, by, .. } => Cells::from([
            ("licenseType", seat_type.as_str().to_owned()),
            ("by", by.clone()),
            ("because", why.clone()),
            ("until", instant(*until)),
        ]),
        Entry::SiteAccepted { why, by, .. } | Entry::LossAccepted { why, by, .. } => {
            Cells::from([("by", by.clone()), ("because", why.clone())])
        }
        Entry::Resumed { by } | Entry::Archived { by, .. } | Entry::Rebuilt { by, .. } => {
            Cells::from([("by", by.clone())])
        }
    }
}

fn seat(seat_type: SeatType, id: Uuid, holder: &Holder) -> Cells {
    Cells::from([
        ("licenseType", seat_type.as_str().to_owned()),
        ("seat", id.to_string()),
        ("user", holder.account()),
        ("userName", holder.name.to_string()),
    ])
}
