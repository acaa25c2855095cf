//! `bursar audit archive`.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;

use super::super::block_on;
use super::super::release::who;
use super::{ConfigFile, Exit, Place, complain, day_start, file, verify};
use crate::cli::time;
use crate::ledger::chain::Raw;
use crate::ledger::check::Check;
use crate::ledger::past::WINDOW;
use crate::ledger::{Head, lines};
use crate::output::{Existing, Output};
use crate::store::{self, LedgerFile, Store};

/// Move the oldest records into a file
///
/// Writes the records from before a day (of Butler.timeZone) to a new file, reads it back and
/// verifies it, and only then removes them from the store. A record says so, with the file's
/// SHA-256, and the rest of the chain follows from the file's last record. Runs stay whole: the
/// records of a run that was under way at midnight stay with the rest, and those of the last 22
/// hours, which the limits of releases count. What was accepted with `release accept` ends with its
/// record. Keep the file: runs in it
/// can no longer be shown or undone from the store. Nothing is ever archived or removed otherwise.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar audit archive -c bursar.yaml --before 2026-01-01 -o ledger-2025.jsonl\n  bursar audit verify -c bursar.yaml --file ledger-2025.jsonl"
)]
pub(crate) struct Archive {
    #[command(flatten)]
    config: ConfigFile,
    /// The first day that stays in the store
    #[arg(long, value_name = "DATE")]
    before: NaiveDate,
    /// New file for the records (jsonl)
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: PathBuf,
}

impl Archive {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let settings = match self.config.load() {
            Ok(loaded) => loaded.settings,
            Err(exit) => return Ok(exit),
        };
        let place = Place { store: settings.storage.path.clone(), zone: settings.time_zone };
        let findings = verify::check_store(&place, Check::default(), &mut [])?.finish(&[]);
        if !findings.in_order {
            complain(&findings.problems);
            errln!(
                "bursar: the ledger is not in order, so nothing is archived: keep the store's \
                 file as it is"
            );
            return Ok(Exit::NotInOrder);
        }
        block_on(async {
            let store = time::open_store(&settings).await?;
            let result = self.archive(&place, &store).await;
            store.close().await;
            result
        })?
    }

    async fn archive(&self, place: &Place, store: &Store) -> anyhow::Result<Exit> {
        let ledger = place.open()?;
        // What the limits of releases count stays.
        let needed = time::now() - WINDOW;
        let before = day_start(self.before, place.zone).min(needed).timestamp_millis();
        let through = match choose(&ledger, before)? {
            Choice::Through(seq) => seq,
            Choice::Nothing => {
                outln!("no records from before {} can leave the store", self.before);
                return Ok(Exit::Ok);
            }
            Choice::NotEnded { run, seq } => {
                errln!(
                    "bursar: run {run} began before {} (record {seq}) and has not ended; nothing \
                     was archived: wait for its end, or for the next run, which finds out what \
                     became of it",
                    self.before
                );
                return Ok(Exit::NotInOrder);
            }
            Choice::Unsettled(seq) => {
                errln!(
                    "bursar: record {seq} is an intent whose outcome is not known yet; nothing \
                     was archived: the next run finds it out"
                );
                return Ok(Exit::NotInOrder);
            }
        };
        let archive = write(place, &ledger, through, &self.output)?;
        drop(ledger);
        let records = archive.records;
        let head = store.archive_ledger(archive).await?;
        outln!(
            "{records} records, through {through}, are in {} and no longer in the store",
            self.output.display()
        );
        outln!("head: {}:{}", head.seq, head.hash);
        Ok(Exit::Ok)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    Through(u64),
    Nothing,
    NotEnded { run: String, seq: u64 },
    Unsettled(u64),
}

/// The last record to archive.
fn choose(ledger: &LedgerFile, before: i64) -> anyhow::Result<Choice> {
    let mut runs = Runs::default();
    ledger.each(|record| {
        let raw = record.map_err(|(_, broken)| anyhow::anyhow!("{broken}"))?;
        runs.see(&raw, before);
        anyhow::Ok(())
    })?;
    let first_unsettled = ledger.unsettled()?.first().copied();
    Ok(runs.choose(first_unsettled))
}

/// Where each run begins and ends.
#[derive(Debug, Default)]
struct Runs {
    /// The first record that is not old enough, or one behind the last record.
    cut: Option<u64>,
    first: Option<u64>,
    last: u64,
    /// By run: its site, first and last record.
    runs: HashMap<String, (String, u64, u64)>,
    /// Runs that began and neither ended nor were followed by another run of their site.
    open: HashSet<String>,
    /// By site: the run that began last.
    newest: HashMap<String, String>,
}

impl Runs {
    fn see(&mut self, raw: &Raw, before: i64) {
        self.first.get_or_insert(raw.seq);
        self.last = raw.seq;
        if raw.time >= before {
            self.cut.get_or_insert(raw.seq);
        }
        if raw.run.is_empty() {
            return;
        }
        let place = (raw.site.clone(), raw.seq, raw.seq);
        self.runs.entry(raw.run.clone()).or_insert(place).2 = raw.seq;
        match raw.kind.as_str() {
            "runStarted" => {
                // Runs of a site don't overlap: the one before is over, or its process died.
                if let Some(earlier) = self.newest.insert(raw.site.clone(), raw.run.clone()) {
                    self.open.remove(&earlier);
                }
                self.open.insert(raw.run.clone());
            }
            "runEnded" => {
                self.open.remove(&raw.run);
            }
            _ => {}
        }
    }

    fn choose(self, first_unsettled: Option<u64>) -> Choice {
        let Some(first) = self.first else { return Choice::Nothing };
        let mut cut = self.cut.unwrap_or(self.last + 1);
        if let Some((run, (_, seq, _))) = self
            .runs
            .iter()
            .filter(|(run, (_, seq, _))| *seq < cut && self.open.contains(*run))
            .min_by_key(|(_, (_, seq, _))| *seq)
        {
            return Choice::NotEnded { run: run.clone(), seq: *seq };
        }
        if let Some(seq) = first_unsettled.filter(|seq| *seq < cut) {
            return Choice::Unsettled(seq);
        }
        // A run with records on both sides stays here, and with it what lies behind its beginning.
        while let Some(begin) = self
            .runs
            .values()
            .filter(|(_, begin, end)| *begin < cut && *end >= cut)
            .map(|(_, begin, _)| *begin)
            .min()
        {
            cut = begin;
        }
        if cut > first { Choice::Through(cut - 1) } else { Choice::Nothing }
    }
}

/// Writes the records up to a number to a new file, reads it again from the disk, and verifies it
/// together with the store.
fn write(
    place: &Place,
    ledger: &LedgerFile,
    through: u64,
    path: &Path,
) -> anyhow::Result<store::Archive> {
    let cannot = || format!("cannot write {}", path.display());
    let mut out = Output::file(path, Existing::Keep).with_context(cannot)?;
    let (mut last, mut records) = (Head::zero(), 0);
    ledger.each(|record| {
        if let Ok(raw) = record
            && raw.seq <= through
        {
            out.write_all((lines::write(&raw) + "\n").as_bytes()).with_context(cannot)?;
            last = raw.head();
            records += 1;
        }
        anyhow::Ok(())
    })?;
    out.finish().with_context(cannot)?;

    let mut check = Check::default();
    let mut pass = check.file(&path.display().to_string());
    let digest = file::read(path, |record| pass.push(record.as_ref()))?;
    let same = pass.last() == Some(&last) && pass.records() == records;
    pass.end_of_file(digest.clone());
    let findings = verify::check_store(place, check, &mut [])?.finish(&[]);
    complain(&findings.problems);
    anyhow::ensure!(
        same && findings.in_order,
        "{} is not what was written; nothing was removed from the store",
        path.display()
    );
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(store::Archive { through: last, records, file: name, digest, by: who() })
}
