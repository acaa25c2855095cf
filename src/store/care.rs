//! Taking care of the file: copies of it, putting one back, whether it is whole, and what takes the room.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use rusqlite::Connection;

use super::aside::{self, BegunAnew};
use super::backup::{self, Problem, with_suffix};
use super::{StoreError, file, mark};

/// Why care of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no copy of the store was made: {0}")]
    Copy(String),
    #[error("{what} {}: {error}", path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    /// Nothing is ever written over.
    #[error("{} is there already; name another file", .0.display())]
    Exists(PathBuf),
}

impl From<Problem> for CareError {
    fn from(problem: Problem) -> Self {
        Self::Copy(problem.to_string())
    }
}

pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CareError {
    let path = path.to_owned();
    move |error| CareError::Io { what, path, error }
}

/// Copies a store as of one moment, also while the daemon writes to it. The copy is read back and compared before it gets
/// its name: one file, for its owner only, which [`restore`] puts back. Returns its size in bytes.
///
/// # Errors
/// When it can't be made, or there is such a file. What was begun is taken away again.
pub fn back_up(store: &Path, to: &Path) -> Result<u64, CareError> {
    drop(file::open_to_read(store)?);
    if fs::symlink_metadata(to).is_ok() {
        return Err(CareError::Exists(to.to_owned()));
    }
    backup::make_as(store, to)?;
    Ok(fs::metadata(to).map_err(io("cannot look at", to))?.len())
}

/// The name of a copy that is made by the schedule: sorted by time.
fn scheduled_name(store: &Path, now: DateTime<Utc>) -> String {
    let stem = store.file_stem().map_or_else(|| "bursar".into(), |stem| stem.to_string_lossy());
    format!("{stem}-{}.backup.db", now.format(TIME))
}

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// Makes a copy in a folder, which is made if it isn't there, and removes the oldest ones of that kind beyond `keep`: not
/// the one that was made, none of a time to come (a clock was ahead), and while this store stands in the place of one that
/// was lost none of that one, of which they are all that is left. Returns the copy and its size.
///
/// # Errors
/// As [`back_up`]; nothing is removed then.
pub fn back_up_into(
    store: &Path,
    folder: &Path,
    keep: usize,
    now: DateTime<Utc>,
) -> Result<(PathBuf, u64), CareError> {
    make_folder(folder).map_err(io("cannot make the folder", folder))?;
    let copy = folder.join(scheduled_name(store, now));
    let bytes = back_up(store, &copy)?;
    let first = begun_anew(store)?.map(|begun| folder.join(scheduled_name(store, begun.time)));
    // Their names are as long as each other, and sorted by time.
    let others = scheduled(store, folder).map_err(io("cannot list", folder))?;
    let of_this =
        |other: &&PathBuf| **other < copy && first.as_ref().is_none_or(|first| *other >= first);
    for old in others.iter().filter(of_this).skip(keep.max(1) - 1) {
        fs::remove_file(old).map_err(io("cannot remove the old copy", old))?;
        tracing::info!(file = %old.display(), "an old copy of the store was removed");
    }
    Ok((copy, bytes))
}

/// Writes down how far the record of a store has come, unless it lacks what was written down before.
fn mark_end(store: &Path) -> Result<(), CareError> {
    let db = file::open_to_read(store)?;
    if !matches!(mark::missed(&db, mark::read(store)), Ok(None)) {
        return Ok(());
    }
    mark::replace(store, &db).map_err(io("cannot write beside", store))
}

/// Whether a store stands in the place of one that was lost, and no person has let releases go on.
///
/// # Errors
/// When it can't be read.
pub fn begun_anew(store: &Path) -> Result<Option<BegunAnew>, CareError> {
    let db = file::open_to_read(store)?;
    let held = aside::holds(&db);
    Ok(held.map_err(|error| StoreError::from_sql(store, "read whether it began anew", &error))?)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// The copies in a folder that the schedule made of a store, newest first.
///
/// # Errors
/// When the folder can't be listed.
pub fn scheduled(store: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let stem = store.file_stem().map_or_else(|| "bursar".into(), |stem| stem.to_string_lossy());
    let begin = format!("{stem}-");
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let time = name.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(".backup.db"));
        let is_one = time.is_some_and(|time| NaiveDateTime::parse_from_str(time, TIME).is_ok());
        if is_one && entry.file_type()?.is_file() {
            copies.push(entry.path());
        }
    }
    copies.sort();
    copies.reverse();
    Ok(copies)
}

/// What became of a store in whose place a copy was put.
#[derive(Debug)]
pub struct Restored {
    /// Its name now; absent where there was none.
    pub kept: Option<PathBuf>,
    /// Its record of releases came further than that of the copy: no seat is released until a person lets it.
    pub knows_less: bool,
}

/// Puts a copy in the place of a store that nobody has open. What was there is kept beside it.
///
/// # Errors
/// When the copy is no store that this release can open, is damaged, or can't be put there. The store is as it was then.
pub fn restore(copy: &Path, store: &Path, now: DateTime<Utc>) -> Result<Restored, CareError> {
    let problems = check(copy)?;
    if let Some(problem) = problems.first() {
        return Err(CareError::Copy(format!("{} is damaged: {problem}", copy.display())));
    }
    // What a whole store knows is missed in a copy that knows less. Of one that was lost this was written down while it lived.
    if let Ok(None) = begun_anew(store) {
        mark_end(store)?;
    }
    // Where the settings name a link, the file that it leads to is replaced, and not the link.
    let store = &file::real(store);
    let part = with_suffix(store, ".restore.part");
    backup::remove(&part);
    backup::make_as(copy, &part)?;
    let aside = with_suffix(store, &format!(".before-restore-{}", now.format(TIME)));
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut put = || -> Result<Option<PathBuf>, CareError> {
        // The log first: a store without its log is a store of earlier, and a log without its store is nobody's.
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (with_suffix(store, suffix), with_suffix(&aside, suffix));
            match fs::rename(&from, &to) {
                Ok(()) => moved.push((from, to)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io("cannot move aside", &from)(error)),
            }
        }
        belongs_to(&part, if moved.iter().any(|(from, _)| from == store) { &aside } else { store });
        fs::rename(&part, store).map_err(io("cannot name the store", store))?;
        Ok((!moved.is_empty()).then(|| aside.clone()))
    };
    let put = put();
    if put.is_err() {
        backup::remove(&part);
        // What a store knew last is in its log: it is a store of earlier without it.
        for (from, to) in moved.iter().rev() {
            if let Err(error) = fs::rename(to, from) {
                tracing::error!(%error, "cannot move {} back to {}", to.display(), from.display());
            }
        }
    }
    let kept = put?;
    // It is there now, whatever more can be found out. What can't be told is missing.
    let found = file::open_to_read(store).map(|db| mark::missed(&db, mark::read(store)));
    let knows_less = !matches!(found, Ok(Ok(None)));
    if knows_less {
        // Reading commands say it, too; whoever opens it next to write holds releases back before anything else.
        if let Err(error) = file::open(store) {
            tracing::warn!(%error, "the copy is in its place, and can't be opened to be written yet");
        }
    }
    Ok(Restored { kept, knows_less })
}

/// Gives a file to whom another belongs to, or its folder: the daemon's user, where the administrator restores for it.
#[cfg(unix)]
fn belongs_to(file: &Path, other: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = other.parent().filter(|folder| !folder.as_os_str().is_empty());
    let of = fs::metadata(other).or_else(|_| fs::metadata(folder.unwrap_or(Path::new("."))));
    if let Ok(of) = of {
        // Nobody else may, and nobody else has to.
        let _ = chown(file, Some(of.uid()), Some(of.gid()));
    }
}

#[cfg(not(unix))]
fn belongs_to(_file: &Path, _other: &Path) {}

/// Most problems that are told of one file.
const MOST: u32 = 100;

/// What is wrong with the pages of a file and with what its tables say of each other; nothing where it is whole. The daemon
/// may run meanwhile.
///
/// # Errors
/// When it can't be opened, or is no store of this release.
pub fn check(store: &Path) -> Result<Vec<String>, CareError> {
    let db = file::open_to_read(store)?;
    let failed = |error: rusqlite::Error| StoreError::from_sql(store, "check the file", &error);
    let mut problems: Vec<String> = match integrity(&db) {
        Ok(problems) => problems,
        // So damaged that it can't even be checked.
        Err(error) => match failed(error) {
            StoreError::Damaged { why, .. } => return Ok(vec![why]),
            error => return Err(error.into()),
        },
    };
    let mut query = db.prepare("PRAGMA foreign_key_check").map_err(failed)?;
    let rows = query
        .query_map([], |row| {
            let (table, of): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!("a row of {table} belongs to one of {of} that isn't there"))
        })
        .map_err(failed)?;
    for row in rows.take(MOST as usize) {
        problems.push(row.map_err(failed)?);
    }
    Ok(problems)
}

fn integrity(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let rows = query.query_map([], |row| row.get::<_, String>(0))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().filter(|row| row != "ok").collect())
}

/// What takes the room of a store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Of the file.
    pub bytes: u64,
    /// Of its write-ahead log, which is emptied now and then.
    pub wal_bytes: u64,
    /// Pages of the file that are free to be used again.
    pub free_bytes: u64,
    /// Tables with their indexes, the largest first.
    pub tables: Vec<TableSize>,
}

/// What a table takes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSize {
    pub table: String,
    pub rows: u64,
    /// With its indexes.
    pub bytes: u64,
}

/// How large a store is, and why.
///
/// # Errors
/// When it can't be read.
pub fn size(store: &Path) -> Result<Size, CareError> {
    let db = file::open_to_read(store)?;
    let failed = |error: rusqlite::Error| StoreError::from_sql(store, "measure the file", &error);
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let tables = tables(&db).map_err(failed)?;
    let free = || -> rusqlite::Result<u64> {
        let pages: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        Ok(pages.unsigned_abs() * page.unsigned_abs())
    };
    Ok(Size {
        bytes: length(store),
        wal_bytes: length(&file::log_of(store)),
        free_bytes: free().map_err(failed)?,
        tables,
    })
}

fn tables(db: &Connection) -> rusqlite::Result<Vec<TableSize>> {
    let mut query = db.prepare(
        "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name
          WHERE d.aggregate = TRUE GROUP BY s.tbl_name ORDER BY 2 DESC, 1",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    let mut tables = Vec::new();
    for row in rows {
        let (table, bytes): (String, i64) = row?;
        // The name is one of the schema's own.
        let rows: i64 =
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        tables.push(TableSize { table, rows: rows.unsigned_abs(), bytes: bytes.unsigned_abs() });
    }
    Ok(tables)
}
