//! A copy of the file as it is, beside it, before its format is changed.
//!
//! `bursar.db.v6.backup` is what an older release needs to go on with. It is made under another
//! name and gets its own only once it was read back from the disk: whole, with the same rows and the
//! same head of the ledger. One that is there already stays, and the next gets a number. They are
//! removed by people only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::file::{canonical, named, version};

/// So often a file that is left behind, or was made by somebody who came at the same time, is removed.
const TRIES: u32 = 16;

/// So many copies of one format are made at most.
const MOST: u32 = 99;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{what} {}: {error}", path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error("{what}: {error}")]
    Sql { what: &'static str, error: rusqlite::Error },
    /// Another process makes one under this name.
    #[error("another copy is being made as {}", .0.display())]
    UnderWay(PathBuf),
    /// Another process was faster.
    #[error("{} is there already; name another file", .0.display())]
    Taken(PathBuf),
    #[error("the copy is not like the store: {0}")]
    Differs(String),
    #[error("there are {MOST} copies of this format already, up to {}", .0.display())]
    TooMany(PathBuf),
}

/// Copies the file. The caller holds the lock for writing, so nobody changes it meanwhile. Returns
/// the name of the copy.
pub(super) fn make(path: &Path, format: i64) -> Result<PathBuf, Problem> {
    let io = |what, path: &Path| {
        let path = path.to_path_buf();
        move |error| Problem::Io { what, path, error }
    };
    // Beside the file itself, if the settings name a link to it.
    let real = canonical(path).map_err(io("cannot find", path))?;
    let name = free_name(&real, format)?;
    make_as(&real, &name)?;
    Ok(name)
}

/// Copies a file under a name that is not taken, as of one moment: others may write to it meanwhile.
pub(super) fn make_as(from: &Path, name: &Path) -> Result<(), Problem> {
    let io = |what| {
        let path = name.to_path_buf();
        move |error| Problem::Io { what, path, error }
    };
    let part = with_suffix(name, ".part");
    // It is nobody else's from here on.
    let file = begin(&part)?;
    let copied = copy(from, &part, &file).and_then(|()| {
        // Whoever was before this one has its copy there now.
        if fs::symlink_metadata(name).is_ok() {
            return Err(Problem::Taken(name.to_path_buf()));
        }
        // Windows renames no file that others may not take away.
        #[cfg(windows)]
        drop(file);
        fs::rename(&part, name).map_err(io("cannot name the copy"))?;
        sync_folder(name).map_err(io("cannot write the folder of"))
    });
    if copied.is_err() {
        remove(&part);
    }
    copied
}

/// Makes the file in which a copy is made, and locks it: what another process has in hand under the same name stays its own.
/// What one left behind that ended in the middle is made anew.
fn begin(part: &Path) -> Result<File, Problem> {
    let cannot_write =
        |error| Problem::Io { what: "cannot write", path: part.to_path_buf(), error };
    let busy = || Problem::UnderWay(part.to_path_buf());
    let mut options = OpenOptions::new();
    // Only a new file is written to: never one that somebody else put there, nor through a link.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // All but FILE_SHARE_DELETE: nobody takes it away while it is open.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 3);
    // What is left behind is removed; so is what another has made this moment and not locked yet, who gives up then. One of
    // all that come at once has to get it, so whoever removed something tries again.
    for _ in 0..TRIES {
        match options.open(part) {
            Ok(file) => {
                lock(&file).map_err(|_| busy())?;
                // Somebody may have taken it for left behind before it was locked.
                return if is_same(&file, part) { Ok(file) } else { Err(busy()) };
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let regular = fs::symlink_metadata(part).is_ok_and(|found| found.is_file());
                if regular {
                    // One that can't be opened may be another's who is at work.
                    let left = File::open(part).map_err(cannot_write)?;
                    lock(&left).map_err(|_| busy())?;
                    if !is_same(&left, part) {
                        return Err(busy());
                    }
                }
                remove(part);
            }
            Err(error) => return Err(cannot_write(error)),
        }
    }
    Err(busy())
}

/// On Windows a lock would keep SQLite out, too; there, the file can't be removed while this one has it open.
fn lock(file: &File) -> Result<(), TryLockError> {
    #[cfg(unix)]
    return file.try_lock();
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

fn is_same(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (Ok(own), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
            return false;
        };
        (own.dev(), own.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

/// Takes a copy away that nobody needs, because the file stayed as it was.
pub(super) fn remove(copy: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // It may never have been made.
        let _ = fs::remove_file(with_suffix(copy, suffix));
    }
}

/// The newest copy beside the file that a release which knows formats up to `known` can open.
pub(super) fn find(path: &Path, known: i64) -> Option<PathBuf> {
    let real = canonical(path).ok()?;
    (1..=known).rev().find_map(|format| {
        (1..=MOST).rev().map(|number| name(&real, format, number)).find(|name| name.is_file())
    })
}

fn name(path: &Path, format: i64, number: u32) -> PathBuf {
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    with_suffix(path, &format!(".v{format}.backup{number}"))
}

/// The name after the last that is taken, be it by a link to nowhere.
fn free_name(path: &Path, format: i64) -> Result<PathBuf, Problem> {
    let taken = |number: &u32| fs::symlink_metadata(name(path, format, *number)).is_ok();
    match (1..=MOST).rev().find(taken) {
        Some(MOST) => Err(Problem::TooMany(name(path, format, MOST))),
        last => Ok(name(path, format, last.unwrap_or(0) + 1)),
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn copy(from: &Path, to: &Path, file: &File) -> Result<(), Problem> {
    let cannot_write = |error| Problem::Io { what: "cannot write", path: to.to_path_buf(), error };
    // A connection of its own: SQLite doesn't copy through one that writes.
    let source = open(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // All that is read of it, the comparison too, is of one moment.
    let pinned = source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema");
    pinned.map_err(|error| Problem::Sql { what: "cannot read the store", error })?;
    copy_pages(&source, to)?;
    file.sync_all().map_err(cannot_write)?;

    let copy = open(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    compare(&source, &copy)
}

fn copy_pages(source: &Connection, to: &Path) -> Result<(), Problem> {
    let failed = |error| Problem::Sql { what: "cannot copy the store", error };
    let mut copy = open(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    {
        let backup = Backup::new(source, &mut copy).map_err(failed)?;
        match backup.step(-1).map_err(failed)? {
            StepResult::Done => {}
            // Nobody can be in the way: what is read is of one moment, and the copy is new.
            _ => return Err(Problem::Differs("it was not copied whole".to_owned())),
        }
    }
    // One file without a log beside it.
    let mode: String = copy
        .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))
        .map_err(failed)?;
    if mode != "delete" {
        return Err(Problem::Differs(format!("its journal is {mode}")));
    }
    copy.close().map_err(|(_, error)| failed(error))
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Problem> {
    Connection::open_with_flags(named(path), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| Problem::Sql { what: "cannot open the copy", error })
}

/// The copy is whole, and has what the store has.
fn compare(source: &Connection, copy: &Connection) -> Result<(), Problem> {
    let failed = |error| Problem::Sql { what: "cannot read the copy", error };
    let health: String =
        copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if health != "ok" {
        return Err(Problem::Differs(health));
    }
    let (there, here) = (contents(source).map_err(failed)?, contents(copy).map_err(failed)?);
    match there.iter().zip(&here).find(|(there, here)| there != here) {
        Some((there, here)) => Err(Problem::Differs(format!("{here} instead of {there}"))),
        None if there.len() == here.len() => Ok(()),
        None => Err(Problem::Differs(format!("{} things, not {}", here.len(), there.len()))),
    }
}

/// What a store has, in words that differ when it does: its format, the rows of each table, the ends
/// of the ledger.
fn contents(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut contents = vec![format!("format {}", version(db)?)];
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name";
    let mut query = db.prepare(sql)?;
    let parts = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    for (kind, name, sql) in parts {
        if kind == "table" {
            let table = &name;
            let rows: i64 =
                db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            contents.push(format!("{rows} rows in {name}"));
            if name == "ledger_end" {
                let sql = "SELECT which || ' of the ledger ' || seq || ':' || hash
                             FROM ledger_end ORDER BY which";
                let mut query = db.prepare(sql)?;
                for end in query.query_map([], |row| row.get(0))? {
                    contents.push(end?);
                }
            }
        }
        contents.push(sql);
    }
    Ok(contents)
}

/// The name of a file is on the disk, too, when this returns.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_lacks_something_is_none() {
        let store = |sql: &str| {
            let db = crate::store::opened::empty_database();
            db.execute_batch(
                "CREATE TABLE a (x);
                 CREATE TABLE ledger_end (which TEXT, seq INTEGER, hash TEXT);
                 INSERT INTO a VALUES (1), (2);
                 INSERT INTO ledger_end VALUES ('start', 0, '00'), ('head', 7, 'ab');
                 PRAGMA user_version = 6",
            )
            .unwrap();
            db.execute_batch(sql).unwrap();
            db
        };
        let whole = store("");
        compare(&whole, &store("")).unwrap();
        for (sql, says) in [
            ("DELETE FROM a WHERE x = 1", "1 rows in a instead of 2 rows in a"),
            ("UPDATE ledger_end SET hash = 'cd' WHERE seq = 7", "head of the ledger 7:cd"),
            ("PRAGMA user_version = 5", "format 5 instead of format 6"),
            ("CREATE TABLE b (x)", "instead of"),
            ("DROP TABLE ledger_end", "things, not"),
        ] {
            let error = compare(&whole, &store(sql)).unwrap_err().to_string();
            assert!(error.contains(says), "{sql}: {error}");
        }
    }
}
