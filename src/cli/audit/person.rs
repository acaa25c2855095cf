//! `bursar audit show --user`: everything the ledger says of a person, record by record as they are
//! read, so that a ledger of years takes no more memory than one of a day.

use std::io::Write;
use std::path::Path;

use super::{Exit, Place};
use crate::ledger::chain::Raw;
use crate::ledger::{Entry, Record};
use crate::license::Holder;
use crate::output::{Existing, Output};
use crate::plain::one_line;
use crate::release::named::is_named;
use crate::terminal::Json;
use crate::words;

/// The kinds of records that name a person.
const KINDS: [&str; 4] = ["intent", "outcome", "announced", "withdrawn"];

/// Prints the records that name a user, written as `CORP\anna` or only `anna`.
pub(crate) fn show(place: &Place, user: &str, json: bool) -> anyhow::Result<Exit> {
    let ledger = place.open()?;
    let mut out = Output::open(Path::new("-"), Existing::Keep)?;
    let (mut found, mut changed) = (0_u64, 0_u64);
    ledger.each(|record| {
        let raw = match record {
            Ok(raw) => raw,
            Err((_, broken)) => {
                errln!("bursar: {broken}");
                changed += 1;
                return anyhow::Ok(());
            }
        };
        if !KINDS.contains(&raw.kind.as_str()) {
            return Ok(());
        }
        let Ok(record) = raw.record() else {
            errln!("bursar: record {} can't be read", raw.seq);
            changed += 1;
            return Ok(());
        };
        if !holder(&record.entry).is_some_and(|holder| is_named(holder, user)) {
            return Ok(());
        }
        if raw.expected_hash() != raw.hash {
            errln!("bursar: record {} was changed: its content does not fit its hash", raw.seq);
            changed += 1;
        }
        if json {
            out.write_all(if found == 0 { b"[\n" } else { b",\n" })?;
            let mut json = Json::new(&mut out);
            serde_json::to_writer_pretty(&mut json, &record)?;
            json.finish()?;
        } else {
            outln!("{}", line(&raw, &record, place));
        }
        found += 1;
        Ok(())
    })?;
    if json {
        out.write_all(if found == 0 { b"[]\n" } else { b"\n]\n" })?;
    }
    out.finish()?;
    let (start, _) = ledger.ends()?;
    if start.seq > 0 {
        errln!(
            "records up to {} were archived: what they say of {} is in the archives only",
            start.seq,
            one_line(user)
        );
    }
    if changed > 0 {
        return Ok(Exit::NotInOrder);
    }
    if found == 0 {
        errln!(
            "bursar: {} says nothing of {}{}",
            place.name(),
            one_line(user),
            if user.contains('\\') {
                "; the id alone finds a person in every directory"
            } else {
                " in any directory"
            }
        );
        return Ok(Exit::Unusable);
    }
    Ok(Exit::Ok)
}

fn holder(entry: &Entry) -> Option<&Holder> {
    match entry {
        Entry::Intent(intent) => Some(&intent.holder),
        Entry::Outcome(outcome) => Some(&outcome.holder),
        Entry::Announced { holder, .. } | Entry::Withdrawn { holder, .. } => Some(holder),
        _ => None,
    }
}

fn line(raw: &Raw, record: &Record, place: &Place) -> String {
    let run = if raw.run.is_empty() { String::new() } else { format!("  run {}", raw.run) };
    let time = words::local(record.time, place.zone);
    let text = one_line(&record.entry.summary());
    format!("{:>6}  {time}  {}{run}  {text}", raw.seq, one_line(&raw.site))
}
