//! How far the record of releases has come, in a file beside the store.
//!
//! SQLite takes a write-ahead log that is gone, or whose pages are damaged, for the end of it: the store opens as one of
//! earlier and says nothing, and a pause that was confirmed is in no table any more. Each pause and each seat is in the record
//! of releases, so a record that ends earlier than it did before tells of it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::backup::with_suffix;
use super::release::ledger_head;
use super::{aside, file};
use crate::input;
use crate::ledger::Head;

/// The end of the record that was last written down; equal ones are not written again.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    store: Arc<Path>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Nothing of this process was written down before.
    end: Option<Head>,
    /// Of the last record when the store was opened, or when it was written down last: what a person accepted before that is over.
    seen: u64,
    /// It is told once.
    is_told: bool,
}

impl Mark {
    pub(super) fn of(store: &Path, db: &Connection) -> Self {
        let seen = ledger_head(db).map_or(0, |head| head.seq);
        let known = Known { seen, ..Known::default() };
        Self { store: store.into(), known: Arc::new(known.into()) }
    }

    /// Writes down how far the record has come, before anybody is told that a change is durable: what was confirmed is
    /// missed then. It is not synced, so that a machine which loses its power may have the one before. A store that holds
    /// releases back doesn't know what the one before it knew, and leaves the mark alone; so does one that lacks what another
    /// process has written down meanwhile, and from then on it holds them back.
    pub(super) fn keep(&self, db: &Connection) {
        let Ok(now) = ledger_head(db) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.end.as_ref() == Some(&now) || !matches!(aside::holds(db), Ok(None)) {
            return;
        }
        if !matches!(is_accepted(db, known.seen), Ok(true))
            && let Ok(Some(there)) = read(&self.store)
        {
            if let Ok(Some(why)) = missed(db, Ok(Some(there.clone()))) {
                tracing::error!("the store {}: {why}: no seat is released", self.store.display());
                if let Err(error) = aside::hold(db, None, aside::less_than_before(&why)) {
                    tracing::error!(%error, "that releases are held back can't be stored");
                }
                return;
            }
            // Another process has come further.
            if there.seq > now.seq {
                return;
            }
        }
        match write(&self.store, &now) {
            Ok(()) => *known = Known { seen: now.seq, end: Some(now), is_told: false },
            Err(error) => {
                if !std::mem::replace(&mut known.is_told, true) {
                    tracing::warn!(
                        "{}: {error}: how far the record of releases has come can't be written down, and what is \
                         lost of the store's last writes would not be noticed",
                        beside(&self.store).display()
                    );
                }
            }
        }
    }
}

/// Whether a person has let releases go on after that record, whatever the store before knew.
fn is_accepted(db: &Connection, after: u64) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM ledger WHERE kind = 'lossAccepted' AND seq > ?1)",
    )?
    .query_row(params![i64::try_from(after).unwrap_or(i64::MAX)], |row| row.get(0))
}

/// In what a record that ended like that isn't whole any more; nothing where it is, or where nothing was written down.
pub(super) fn missed(
    db: &Connection,
    before: Result<Option<Head>, String>,
) -> rusqlite::Result<Option<String>> {
    let before = match before {
        Ok(Some(before)) => before,
        Ok(None) => return Ok(None),
        Err(why) => return Ok(Some(why)),
    };
    let now = ledger_head(db)?;
    let seq = i64::try_from(before.seq).unwrap_or(i64::MAX);
    let there: Option<String> = db
        .prepare_cached("SELECT hash FROM ledger WHERE seq = ?1")?
        .query_row(params![seq], |row| row.get(0))
        .optional()?;
    // What was archived is in no row.
    let is_there = match there {
        Some(hash) => hash == before.hash,
        None if before.seq == now.seq => now.hash == before.hash,
        None => before.seq < now.seq,
    };
    Ok((!is_there).then(|| {
        format!(
            "its record of releases ended with record {} ({}), and ends with {} ({}) now: what was written last is gone, as \
             by a write-ahead log that was removed or damaged, or a copy of earlier in its place",
            before.seq,
            short(&before.hash),
            now.seq,
            short(&now.hash)
        )
    }))
}

/// Enough of a hash to tell it from others.
fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// What is written down beside a store, if anything is.
///
/// # Errors
/// Why what lies there is no mark.
pub(super) fn read(store: &Path) -> Result<Option<Head>, String> {
    let path = beside(store);
    let text = match input::read_text(&path, input::SMALL) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(format!("how far it had come can't be read: {}: {error}", path.display()));
        }
    };
    let parsed =
        text.lines().next().and_then(|line| line.split_once(':')).and_then(|(seq, hash)| {
            Some(Head { seq: seq.parse().ok()?, hash: hash.trim().to_owned() })
        });
    parsed
        .map(Some)
        .ok_or_else(|| format!("how far it had come can't be read in {}", path.display()))
}

/// All of it in one write: whoever reads it meanwhile has this one or the one before. It belongs to whom the store belongs to,
/// also where a command of the administrator makes it.
fn write(store: &Path, head: &Head) -> io::Result<()> {
    let path = beside(store);
    // A new one gets its name once it is whole.
    let is_new = path.symlink_metadata().is_err();
    let path = if is_new { with_suffix(&path, ".new") } else { path };
    let mut options = OpenOptions::new();
    options.write(true).create(is_new).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A link would lead elsewhere, and a pipe would wait.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let mut file = options.open(&path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let (own, of_store) = (file.metadata()?, std::fs::metadata(store)?);
        if own.nlink() > 1 {
            return Err(io::Error::other("it has another name, too"));
        }
        if (own.uid(), own.gid()) != (of_store.uid(), of_store.gid()) {
            // Only the administrator may, and only there it is needed.
            let _ = fchown(&file, Some(of_store.uid()), Some(of_store.gid()));
        }
    }
    let line = format!("{:020}:{:>64}\n", head.seq, head.hash);
    file.write_all(line.as_bytes())?;
    if is_new {
        file.sync_all()?;
        // Windows renames no file that is open.
        drop(file);
        std::fs::rename(&path, beside(store))?;
    }
    Ok(())
}

/// Writes down where the record of a store ends, whatever was there.
///
/// # Errors
/// The store can't be read, or nothing can be written beside it.
pub(super) fn replace(store: &Path, db: &Connection) -> io::Result<()> {
    write(store, &ledger_head(db).map_err(io::Error::other)?)
}

pub(super) fn beside(store: &Path) -> PathBuf {
    // Beside the file that has the record, where a link leads to it.
    with_suffix(&file::real(store), "-head")
}
