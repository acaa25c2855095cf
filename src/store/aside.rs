//! A store that is damaged: found, set aside under a name with the date, and a fresh one begun in its place.
//!
//! A store that began anew knows nothing of what the one before protected: pauses, announcements, what
//! `maxReleases` has spent, seats whose fate is open, the record of releases. So the fresh file says of itself, in the
//! transaction that makes it, that it is one, and no seat is released by it until a person said so. That it is one is
//! told by what lies beside it: a file that was set aside, or the id of an installation that had a store before. There
//! is no moment at which a crash leaves a fresh store that doesn't know.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::backup::{sync_folder, with_suffix};
use super::care::{CareError, io};
use super::file;
use super::release::append_records;
use super::{Addition, Store, StoreError, installation, mark, time_of};
use crate::ledger::Entry;
use crate::ledger::past::Pause;

/// Between the name of a store and the time at which it was set aside.
const DAMAGED: &str = ".damaged-";

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// Behind the name of a store while its log is not beside it yet.
const PENDING: &str = ".log-is-to-come";

/// No calendar reaches beyond it, and every time zone has it.
const NEVER: DateTime<Utc> =
    DateTime::from_timestamp(253_370_764_800, 0).expect("it is in the year 9999");

/// Up to this size all of a file is checked before it is used, its indexes against its tables, too; of a larger one its
/// pages.
const CHECKED_WHOLE: u64 = 256 * 1024 * 1024;

/// Beyond it a start doesn't wait for that: a service manager would end it. What is damaged is found when it is read.
const CHECKED: u64 = 2 * 1024 * 1024 * 1024;

/// How much of a file is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// As much as a start may wait for.
    AtStart,
    /// All of it, since a page was found to be damaged.
    Whole,
}

/// What a store that began anew stands in the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BegunAnew {
    pub time: DateTime<Utc>,
    /// The store that was set aside; absent where there was none any more.
    pub file: Option<PathBuf>,
    pub why: String,
}

impl BegunAnew {
    /// In a sentence.
    pub fn text(&self) -> String {
        match &self.file {
            Some(file) => format!(
                "the store was damaged ({}), it is kept as {}, and a fresh one was begun: no seat is released",
                self.why,
                file.display()
            ),
            None => format!("{}: no seat is released", self.why),
        }
    }

    /// What a person can do about it.
    pub fn ways(&self) -> String {
        let of_file = self.file.as_ref().map_or_else(String::new, |file| {
            let file = file.display();
            format!(
                "; its record of releases: bursar audit export --store {file}; what was queued in it: sqlite3 {file} .recover"
            )
        });
        format!(
            "stop the daemon and put the newest copy back (bursar store restore COPY), or let releases go on without what it knew (bursar store accept --why 'no copy is left'){of_file}"
        )
    }
}

/// What is wrong with the file of a store; nothing where it is whole, or not there. Who writes to it must be held off.
///
/// # Errors
/// It can't be looked at, or is no store of ours: that is left as it is.
fn damage(path: &Path, care: Care) -> Result<Option<String>, StoreError> {
    let Ok(found) = fs::metadata(path) else { return Ok(None) };
    if found.len() == 0 {
        return Ok(None);
    }
    let looked = || -> Result<Option<String>, StoreError> {
        let db = file::open_to_read(path)?;
        let failed = |error: rusqlite::Error| StoreError::from_sql(path, "check the file", &error);
        let check = match (care, found.len()) {
            (Care::Whole, _) | (Care::AtStart, ..=CHECKED_WHOLE) => "integrity_check",
            (Care::AtStart, ..=CHECKED) => "quick_check",
            (Care::AtStart, _) => return Ok(None),
        };
        let said: String =
            db.query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get(0)).map_err(failed)?;
        Ok((said != "ok").then_some(said))
    };
    match looked() {
        Err(StoreError::Damaged { why, .. }) => Ok(Some(why)),
        // Whose file it is can't be read in it any more: it is told by what lies beside it.
        Err(StoreError::NotADatabase { .. }) if installation::known(path).is_some() => {
            Ok(Some("its head can't be read".to_owned()))
        }
        other => other,
    }
}

/// Looks at the file of a store before it is opened, and sets it aside where it is damaged. Returns the name that it has
/// then, and what is wrong with it. Only for the daemon, under its lock.
///
/// # Errors
/// As `damage` has them, and where it can't be renamed: then nothing is begun.
pub fn look(
    path: &Path,
    care: Care,
    now: DateTime<Utc>,
) -> Result<Option<(PathBuf, String)>, CareError> {
    let real = &file::real(path);
    finish(real)?;
    let Some(why) = damage(path, care)? else { return Ok(None) };
    let aside = set_aside(real, &why, now)?;
    Ok(Some((aside, why)))
}

fn set_aside(real: &Path, why: &str, now: DateTime<Utc>) -> Result<PathBuf, CareError> {
    let stamped = with_suffix(real, &format!("{DAMAGED}{}", now.format(TIME)));
    let free = |name: &PathBuf| fs::symlink_metadata(name).is_err();
    let aside = (1..100)
        .map(|n| if n == 1 { stamped.clone() } else { with_suffix(&stamped, &format!(".{n}")) })
        .find(free)
        .ok_or_else(|| CareError::Exists(stamped.clone()))?;
    // That its log is still to come is told by a name of its own: a log that has lost its store otherwise is nobody's.
    fs::write(with_suffix(&aside, PENDING), "").map_err(io("cannot write", &aside))?;
    // Why is told beside it; without it the file itself still says that it was set aside.
    if let Err(error) = note(&with_suffix(&aside, ".txt"), why) {
        tracing::warn!(%error, "why the store was set aside can't be written beside it");
    }
    fs::rename(real, &aside).map_err(io("cannot set aside", real))?;
    finish(real)?;
    sync_folder(real).map_err(io("cannot write the folder of", real))?;
    Ok(aside)
}

/// Brings the log of a store after it that was set aside, where a crash came between the two: what was queued last is in it.
fn finish(real: &Path) -> Result<(), CareError> {
    if fs::symlink_metadata(real).is_ok() {
        return Ok(());
    }
    let Some(aside) = newest(real) else { return Ok(()) };
    let pending = with_suffix(&aside, PENDING);
    if fs::symlink_metadata(&pending).is_err() {
        return Ok(());
    }
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (with_suffix(real, suffix), with_suffix(&aside, suffix));
        if fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io("cannot set aside", &from)(error));
            }
            _ => {}
        }
    }
    fs::remove_file(&pending).map_err(io("cannot remove", &pending))
}

/// The store that was set aside last.
fn newest(real: &Path) -> Option<PathBuf> {
    let begin = format!("{}{DAMAGED}", real.file_name()?.to_string_lossy());
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names = entries.flatten().filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let time = name.strip_prefix(&begin);
        time.is_some_and(|time| {
            !["-wal", "-shm", ".txt", PENDING].iter().any(|end| time.ends_with(end))
        })
    });
    names.map(|entry| entry.path()).max()
}

/// What an empty file at this place would stand in the place of; nothing where there never was a store.
pub(super) fn replaced(path: &Path) -> Option<(Option<PathBuf>, String)> {
    let real = &file::real(path);
    if let Some(aside) = newest(real) {
        let why = crate::input::read_text(&with_suffix(&aside, ".txt"), crate::input::SMALL);
        let why = why.map(|why| why.trim().to_owned()).ok().filter(|why| !why.is_empty());
        return Some((Some(aside), why.unwrap_or_else(|| "it is not known how".to_owned())));
    }
    let gone = "the store that was here is gone or empty, and a fresh one was begun";
    installation::known(path).map(|_| (None, gone.to_owned()))
}

/// Notes in a file that was just made, and within the transaction that makes it, what it stands in the place of.
pub(super) fn note_begun(
    db: &Connection,
    (file, why): (Option<PathBuf>, String),
) -> rusqlite::Result<()> {
    hold(db, file.map(|file| file.display().to_string()), why)
}

/// Holds releases back until a person lets them go on.
pub(super) fn hold(db: &Connection, file: Option<String>, why: String) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO begun_anew (id, time, file, why) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET time = ?1, file = ?2, why = ?3, ended = NULL,
           ended_by = NULL, ended_why = NULL",
    )?
    .execute(params![Utc::now().timestamp_millis(), file, why])
    .map(drop)
}

/// Why a store holds releases back that lacks something of its record.
pub(super) fn less_than_before(why: &str) -> String {
    format!("the store knows less than it did: {why}")
}

/// Holds releases back where the record of releases ends earlier than it did.
pub(super) fn hold_what_is_missed(db: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    // Read before the record is: what is written in between is in both.
    let before = mark::read(path);
    let Some(why) = mark::missed(db, before)? else { return Ok(()) };
    // A fresh one holds back already, and says why.
    if holds(db)?.is_some() {
        return Ok(());
    }
    tracing::error!("the store {}: {why}: no seat is released", path.display());
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    hold(&change, None, less_than_before(&why))?;
    change.commit()
}

/// That the store began anew, while no person has said that releases go on.
pub(super) fn holds(db: &Connection) -> rusqlite::Result<Option<BegunAnew>> {
    db.prepare_cached("SELECT time, file, why FROM begun_anew WHERE ended IS NULL")?
        .query_row([], |row| {
            let file: Option<String> = row.get(1)?;
            let file = file.map(PathBuf::from);
            Ok(BegunAnew { time: time_of(row.get(0)?), file, why: row.get(2)? })
        })
        .optional()
}

/// As releases see it: a pause without an end.
pub(super) fn pause(db: &Connection) -> rusqlite::Result<Option<Pause>> {
    Ok(holds(db)?.map(|begun| Pause {
        until: NEVER,
        why: begun.text(),
        by: "bursar".to_owned(),
        since: begun.time,
        begun_anew: true,
    }))
}

impl Store {
    /// That this store began anew in the place of one that was damaged or gone, while no person has said that releases
    /// go on. Until then no seat is released.
    pub async fn begun_anew(&self) -> Result<Option<BegunAnew>, StoreError> {
        self.shared.gate.read("read whether it began anew", holds).await
    }

    /// A person lets releases go on, which the record of releases says from then on. What was lost; nothing where nothing
    /// was to be let go on.
    pub async fn accept_begun_anew(
        &self,
        by: &str,
        why: &str,
    ) -> Result<Option<BegunAnew>, StoreError> {
        let (by, why, now) = (by.to_owned(), why.to_owned(), self.now_ms());
        let path = self.path().to_owned();
        let accept = move |db: &Connection| {
            let Some(begun) = holds(db)? else { return Ok(None) };
            db.prepare_cached(
                "UPDATE begun_anew SET ended = ?1, ended_by = ?2, ended_why = ?3 WHERE ended IS NULL",
            )?
            .execute(params![now, by, why])?;
            let entry = Entry::LossAccepted {
                lost: begun.why.clone(),
                file: begun.file.as_ref().map(|file| file.display().to_string()),
                since: begun.time,
                why,
                by,
            };
            append_records(db, now, &[Addition { site: String::new(), run: None, entry }])?;
            Ok(Some(begun))
        };
        let accepted = self.shared.gate.write("let releases go on", accept).await?;
        if accepted.is_some() {
            // What the one before knew is not missed any more. Where that can't be written down, it is missed again.
            let anew = move |db: &Connection| Ok(mark::replace(&path, db));
            let written = self.shared.gate.read("read the head of the ledger", anew).await?;
            written.map_err(|error| StoreError::Failed {
                path: self.path().to_owned(),
                doing: "write down beside it how far its record has come",
                why: format!(
                    "{}: {error}; without that releases are held back again: let this user write it, and accept once more",
                    mark::beside(self.path()).display()
                ),
            })?;
        }
        self.wake();
        Ok(accepted)
    }

    /// Whether no page of the file was found to be damaged so far.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: nothing may rely on what it says.
    pub fn is_whole(&self) -> Result<(), StoreError> {
        self.shared.gate.is_whole()
    }

    /// Waits until a page of the file is found to be damaged. Nobody can rely on what it says from then on.
    pub async fn damaged(&self) -> String {
        self.shared.gate.damaged().await
    }
}

fn note(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
