//! `bursar audit export`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;

use super::{Exit, Source, complain, day_end, day_start, verify};
use crate::ledger::chain::Raw;
use crate::ledger::check::Check;
use crate::ledger::{csv, lines};
use crate::output::{Existing, Output};
use crate::plain::in_json;
use crate::spreadsheet::{Cell, Sheet};

/// Write the records of some days as a table or with all that is needed to verify them elsewhere
///
/// Days are those of Butler.timeZone, the last one included. The ledger is verified on the way;
/// exit code 3 says that it is not in order.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar audit export -c bursar.yaml --from 2026-10-01 --to 2026-12-31 --format csv -o q4.csv\n  bursar audit export -c bursar.yaml --format jsonl | gzip > ledger.jsonl.gz"
)]
pub(crate) struct Export {
    #[command(flatten)]
    source: Source,
    /// First day, such as 2026-10-01; from the first record on when absent
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day; through the last record when absent
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// csv for people, jsonl to verify or to keep
    #[arg(long, value_enum)]
    format: Format,
    /// Write to this new file instead of standard output (`-`)
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

impl Export {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let place = match self.source.required() {
            Ok(place) => place,
            Err(exit) => return Ok(exit),
        };
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            errln!("bursar: --from {from} is later than --to {to}");
            return Ok(Exit::Unusable);
        }
        let from = self.from.map_or(i64::MIN, |d| day_start(d, place.zone).timestamp_millis());
        let to = self.to.map_or(i64::MAX, |d| day_end(d, place.zone).timestamp_millis());
        let findings = verify::check_store(&place, Check::default(), &mut [])?.finish(&[]);
        complain(&findings.problems);

        let path = self.output.as_deref().unwrap_or(Path::new("-"));
        let cannot = || format!("cannot write {}", path.display());
        let out = Output::open(path, Existing::Keep).with_context(cannot)?;
        let standard = out.is_standard();
        let ledger = place.open()?;
        // From the first to the last record of these days, and all in between: where the clock was
        // set back, the times are out of order, and the chain must have no gap.
        let mut range: Option<(u64, u64)> = None;
        ledger.each(|record| {
            if let Ok(raw) = record
                && (from..to).contains(&raw.time)
            {
                range = Some(range.map_or((raw.seq, raw.seq), |(first, _)| (first, raw.seq)));
            }
            anyhow::Ok(())
        })?;
        let mut records = Records::new(self.format, out).with_context(cannot)?;
        let (mut count, mut unreadable) = (0, 0);
        ledger.each(|record| {
            match record {
                Ok(raw) if range.is_some_and(|(first, last)| (first..=last).contains(&raw.seq)) => {
                    count += 1;
                    records.add(&raw).with_context(cannot)?;
                }
                Ok(_) => {}
                Err(_) => unreadable += 1,
            }
            anyhow::Ok(())
        })?;
        records.finish().with_context(cannot)?;
        if !standard {
            errln!("{count} records written to {}", path.display());
        }
        if unreadable > 0 {
            errln!("bursar: {unreadable} records can't be read and are left out");
        }
        Ok(if findings.in_order { Exit::Ok } else { Exit::NotInOrder })
    }
}

/// Where records are written to, each as its format has it.
enum Records {
    Csv(Box<Sheet<Output>>),
    Jsonl(Output),
}

impl Records {
    fn new(format: Format, out: Output) -> io::Result<Self> {
        if format == Format::Jsonl {
            return Ok(Self::Jsonl(out));
        }
        let mut sheet = Sheet::new(out);
        sheet.row(csv::COLUMNS.map(Cell::Text))?;
        Ok(Self::Csv(Box::new(sheet)))
    }

    fn add(&mut self, raw: &Raw) -> io::Result<()> {
        match self {
            Self::Csv(sheet) => sheet.row(csv::row(raw).each_ref().map(|text| Cell::Text(text))),
            Self::Jsonl(out) => writeln!(out, "{}", in_json(&lines::write(raw))),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(sheet) => sheet.finish()?.finish(),
            Self::Jsonl(out) => out.finish(),
        }
    }
}
