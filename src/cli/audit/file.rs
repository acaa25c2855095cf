//! Files of records: read whole, with their digest.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::input;
use crate::ledger::chain::Broken;
use crate::ledger::lines;
use crate::store::Readable;

/// A record has some kilobytes; a run's with its accepted settings a few hundred.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Hands each record of a file to `take`; returns the file's SHA-256.
pub(crate) fn read(path: &Path, mut take: impl FnMut(Readable)) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = BufReader::new(input::open(path, input::ANY).with_context(cannot)?);
    let mut hasher = Sha256::new();
    let (mut line, mut number) = (Vec::new(), 0);
    while (&mut file).take(LONGEST_LINE).read_until(b'\n', &mut line).with_context(cannot)? > 0 {
        number += 1;
        hasher.update(&line);
        take(record(&format!("line {number} of {}", path.display()), &line));
        line.clear();
    }
    Ok(hex::encode(hasher.finalize()))
}

#[expect(clippy::result_large_err, reason = "what is wrong is told rarely, and whole")]
fn record(place: &str, line: &[u8]) -> Readable {
    let unreadable =
        |why: &str| (None, Broken::Unreadable { place: place.to_owned(), why: why.to_owned() });
    let line = line.strip_suffix(b"\n").ok_or_else(|| unreadable("the line is cut off"))?;
    // Some ways of copying files between systems change the line ends.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| unreadable("it is not UTF-8"))?;
    lines::read(place, text).map_err(|broken| (None, broken))
}
