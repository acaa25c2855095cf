//! `bursar audit verify`.

use std::path::{Path, PathBuf};

use super::super::text::Paint;
use super::{Exit, Place, Source, file, sentence};
use crate::cli::time;
use crate::ledger::Entry;
use crate::ledger::Head;
use crate::ledger::chain::{Broken, Raw, ZERO};
use crate::ledger::check::{Check, Findings};
use crate::plain::one_line;
use crate::store::{Difference, LedgerFile, Rebuilt, StoreError};

/// Check that no record of the ledger was changed, removed, added, moved or cut off
///
/// Also that what the store notes beside the ledger (pauses, announcements, when seats were last
/// released, open intents) follows from it, that no run has a lock it can't have, and that the
/// database has no triggers but Bursar's.
///
/// Nothing is written, and the daemon may run meanwhile. Whoever may write to the store's file can
/// also write all of it anew, in order: that shows only against a head that was kept elsewhere,
/// such as the one in each run's event.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar audit verify -c bursar.yaml\n  bursar audit verify -c bursar.yaml --head 812:4be9...\n  bursar audit verify -c bursar.yaml --file ledger-2026.jsonl\n  bursar audit verify --file ledger-2026.jsonl\n\nExit codes: 0 in order, 3 not in order, 1 could not be checked"
)]
pub(crate) struct Verify {
    #[command(flatten)]
    source: Source,
    /// Number and hash of a record as they were kept elsewhere, such as from a run's event; may be
    /// given several times
    #[arg(long, value_name = "SEQ:HASH", value_parser = parse_head)]
    head: Vec<Head>,
    /// A file that was archived or exported as jsonl; may be given several times
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let place = if self.file.is_empty() {
            self.source.required().map(Some)
        } else {
            self.source.place()
        };
        let place = match place {
            Ok(place) => place,
            Err(exit) => return Ok(exit),
        };
        let mut check = Check::default();
        let mut files = Vec::new();
        for path in &self.file {
            let mut pass = check.file(&path.display().to_string());
            let digest = file::read(path, |record| pass.push(record.as_ref()))?;
            files.extend(pass.range().map(|range| File { path, range }));
            pass.end_of_file(digest);
        }
        if let Some(place) = &place {
            check = check_store(place, check, &mut files)?;
        }
        let findings = check.finish(&self.head);
        if self.json {
            crate::terminal::print_json(&findings)?;
        } else {
            out!("{}", report(&findings, Paint::for_stdout()));
        }
        Ok(if findings.in_order { Exit::Ok } else { Exit::NotInOrder })
    }
}

/// A file of records.
#[derive(Debug)]
pub(crate) struct File<'a> {
    path: &'a Path,
    /// Numbers of its first and last record.
    range: (u64, u64),
}

/// Adds what a store's file holds to a check. `files`: with what was archived, where it is at hand.
pub(crate) fn check_store(
    place: &Place,
    before: Check,
    files: &mut [File<'_>],
) -> anyhow::Result<Check> {
    files.sort_by_key(|file| file.range);
    for _ in 0..3 {
        let ledger = place.open()?;
        let mut check = before.clone();
        let result = look(&ledger, &place.name(), &mut check, files);
        if !ledger.disturbed() {
            return result.map(|()| check);
        }
        // The daemon started meanwhile. Look again, with regard to it.
    }
    anyhow::bail!("{} is opened and closed all the time; try again", place.name())
}

fn look(
    ledger: &LedgerFile,
    name: &str,
    check: &mut Check,
    files: &[File<'_>],
) -> anyhow::Result<()> {
    let (start, head) = ledger.ends()?;
    let mut rebuilt = begin(ledger, check, &start, files)?;
    let mut plans: Vec<(u64, String, String)> = Vec::new();
    let mut pass = check.store(name, start, head);
    ledger.each(|record| {
        if let Ok(raw) = &record {
            plans.extend(planned(raw));
            if let Some(rebuilt) = &mut rebuilt {
                rebuilt.push(raw);
            }
        }
        pass.push(record.as_ref());
        Ok::<_, StoreError>(())
    })?;
    pass.end_of_store(&ledger.unsettled()?);
    match &rebuilt {
        Some(rebuilt) if check.is_whole() => compare(ledger, name, check, rebuilt)?,
        None => {}
        Some(_) => check.note(
            "what the store notes beside the ledger was not compared with it, since the ledger is \
             not in order"
                .to_owned(),
        ),
    }
    for says in ledger.damages()? {
        check.add(name, Broken::Damaged { says });
    }
    for (guard, table) in ledger.odd_guards()? {
        let of_ledger = ["ledger", "ledger_end"].contains(&table.as_str());
        check.add(
            name,
            if of_ledger {
                Broken::Guard { name: guard }
            } else {
                Broken::Trigger { name: guard, table }
            },
        );
    }
    for (seq, run, digest) in plans {
        let same = match ledger.plan(&run) {
            Ok(None) => true,
            Ok(Some(json)) => crate::ledger::digest(&json) == digest,
            Err(_) => false,
        };
        if !same {
            check.add(name, Broken::Plan { seq, run });
        }
    }
    Ok(())
}

/// Begins to rebuild what a store notes beside its ledger: from the first record on, where what was
/// archived is among the files. `None`: there is no ledger.
fn begin(
    ledger: &LedgerFile,
    check: &Check,
    start: &Head,
    files: &[File<'_>],
) -> anyhow::Result<Option<Rebuilt>> {
    if ledger.has_no_ledger() {
        return Ok(None);
    }
    let mut next = 1;
    for file in files.iter().filter(|_| check.is_whole()) {
        if file.range.0 <= next {
            next = next.max(file.range.1 + 1);
        }
    }
    let whole = start.seq > 0 && next > start.seq;
    let mut rebuilt = ledger.rebuild(whole)?;
    let mut next = 1;
    for file in files.iter().filter(|_| whole) {
        file::read(file.path, |record| {
            if let Ok(raw) = record
                && raw.seq == next
                && raw.seq <= start.seq
            {
                rebuilt.push(&raw);
                next += 1;
            }
        })?;
    }
    Ok(Some(rebuilt))
}

/// What the store notes beside the ledger must follow from it.
fn compare(
    ledger: &LedgerFile,
    name: &str,
    check: &mut Check,
    rebuilt: &Rebuilt,
) -> anyhow::Result<()> {
    if let Some((seq, why)) = rebuilt.failed() {
        let place = format!("record {seq}");
        let why = format!("nothing can be made of it: {why}");
        check.add(name, Broken::Unreadable { place, why });
        return Ok(());
    }
    let mut differences = ledger.differences(rebuilt)?;
    // Intents that the store does not count as open are found without this.
    differences.retain(|other| other.table != "release_unsettled" || other.store.is_some());
    differences.extend(ledger.odd_claims(time::now())?);
    for difference in differences {
        let says = one_line(&difference.to_string());
        let Difference { table, site, ledger, store } = difference;
        check.add(name, Broken::NotBacked { table: table.to_owned(), site, ledger, store, says });
    }
    let trusted = rebuilt.trusted();
    if trusted > 0 {
        check.note(format!(
            "{trusted} notes beside the ledger are from the time of archived records and taken on \
             trust; to check them, give all archives: --file FILE"
        ));
    }
    Ok(())
}

/// The plan that a record tells of: (number of the record, run, digest).
fn planned(raw: &Raw) -> Option<(u64, String, String)> {
    if raw.kind != "planned" {
        return None;
    }
    match serde_json::from_str(&raw.entry) {
        Ok(Entry::Planned { digest, .. }) => Some((raw.seq, raw.run.clone(), digest)),
        _ => None,
    }
}

fn report(findings: &Findings, paint: Paint) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let ranges: Vec<_> =
        findings.ranges.iter().map(|(first, last)| format!("{first} to {last}")).collect();
    let what = match (ranges.is_empty(), findings.from, findings.to) {
        (true, ..) => "no records".to_owned(),
        (false, Some(from), Some(to)) => format!(
            "{} records, {}, written from {} to {}",
            findings.records,
            ranges.join(" and "),
            time::told(from),
            time::told(to)
        ),
        (false, ..) => format!("{} records, {}", findings.records, ranges.join(" and ")),
    };
    // Writing to a text can't fail.
    if findings.in_order {
        let _ = writeln!(out, "{}: {what}", paint.good("in order"));
    } else {
        let _ = writeln!(out, "{}: {what}", paint.bad("not in order"));
        for problem in &findings.problems {
            let _ = writeln!(out, "  {}", sentence(problem));
        }
    }
    for note in &findings.notes {
        let _ = writeln!(out, "{}", paint.faint(&format!("note: {note}")));
    }
    if let Some(head) = &findings.head {
        let _ = writeln!(out, "head: {}:{}", head.seq, head.hash);
    }
    out
}

fn parse_head(text: &str) -> Result<Head, String> {
    let wrong = || "expected a number, a colon and 64 hexadecimal digits".to_owned();
    let (seq, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
    let hash = hash.trim().to_ascii_lowercase();
    let is_hash = hash.len() == ZERO.len() && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let seq = seq.parse().ok().filter(|_| is_hash).ok_or_else(wrong)?;
    Ok(Head { seq, hash })
}
