//! Opening the store's file: who made it, which format it has, and bringing it up to date.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::{StoreError, aside, backup};
use crate::input;

/// Written into the file's header, so that another program's database is never touched: "Brsr".
const APPLICATION_ID: i32 = 0x4272_7372;

/// One step per format version: applied in order, each in the transaction that raises
/// `PRAGMA user_version`.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
    include_str!("migrations/9.sql"),
    include_str!("migrations/10.sql"),
    include_str!("migrations/11.sql"),
];

/// How long a statement waits for another process (the daemon or a command) to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens or makes the file. Nothing is written before it is known to be ours.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    check_or_create(path)?;
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "open", &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(named(path), flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    check_owner(&connection, path)?;
    set_up(&connection).map_err(failed)?;
    migrate(&mut connection, path, MIGRATIONS, |format| backup::make(path, format))?;
    aside::hold_what_is_missed(&mut connection, path).map_err(failed)?;
    Ok(connection)
}

/// Opens an existing file to look at it. Nothing is changed: not the file, and no file is made
/// beside it where that can be avoided.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let cannot = |e: io::Error| StoreError::CannotOpen { path: path.into(), why: e.to_string() };
    check_regular(path, cannot)?;
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "open", &e);
    let mut connection = open_alone(path, READ_ONLY)
        .map_or_else(|| Connection::open_with_flags(named(path), READ_ONLY), Ok)
        .map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if header(&connection).is_err_and(|error| lacks_index(&error)) && log_of(path).exists() {
        connection = open_with_own_index(path).map_err(failed)?;
    }
    check_owner(&connection, path)?;
    Ok(connection)
}

/// Whether the index of the log, `-shm`, is not there and can't be made, as on a disk without room.
fn lacks_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen))
}

/// Opens a file with a log whose index is made in memory. Nobody else may have the file open, and nothing is written.
fn open_with_own_index(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(named(path), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let _: String =
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |r| r.get(0))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The file that a name leads to, also one that isn't there any more: a link stays, and what lies beside the store lies beside
/// the file. One link after the other is followed, as far as files do.
pub(crate) fn real(path: &Path) -> PathBuf {
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(found) = canonical(&path) {
            return found;
        }
        let Ok(leads_to) = std::fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| leads_to.clone(), |folder| folder.join(&leads_to));
    }
    path
}

/// The name of a file without links and without `..`, as people write it.
///
/// # Errors
/// It can't be looked at, or isn't there.
pub(super) fn canonical(path: &Path) -> io::Result<PathBuf> {
    let found = path.canonicalize()?;
    let short = found.to_str().and_then(without_prefix).map(PathBuf::from);
    Ok(short.unwrap_or(found))
}

/// Windows tells the whole name of a file as `\\?\C:\...`, which most programs don't take. Names that are longer than those take
/// need it.
fn without_prefix(name: &str) -> Option<&str> {
    const LONGEST: usize = 240;
    let rest = name.strip_prefix(r"\\?\")?;
    let on_disk = matches!(rest.as_bytes(), [disk, b':', b'\\', ..] if disk.is_ascii_alphabetic());
    (on_disk && rest.len() <= LONGEST).then_some(rest)
}

/// The file as SQLite is told its name: a path that begins with `file:` would be an address with settings in it.
pub(super) fn named(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

const READ_ONLY: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// A second connection to a file that this process has open, to look at it.
pub(super) fn open_shared_to_read(path: &Path) -> Result<Connection, StoreError> {
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "open", &e);
    let connection = Connection::open_with_flags(named(path), READ_ONLY).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    Ok(connection)
}

/// As [`open_to_read`], for a file of the format that this release makes.
pub(super) fn open_current_to_read(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_to_read(path)?;
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "read the format", &e);
    let (found, known) = (version(&connection).map_err(failed)?, MIGRATIONS.len() as i64);
    if found < known {
        return Err(StoreError::Older { path: path.into(), found, known });
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a file that nobody else has open. SQLite would make a log beside it otherwise, which may
/// belong to the wrong user then.
fn open_alone(path: &Path, flags: OpenFlags) -> Option<Connection> {
    if log_of(path).exists() {
        return None;
    }
    let url = url::Url::from_file_path(path.canonicalize().ok()?).ok()?;
    let flags = flags | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("{url}?immutable=1"), flags).ok()
}

/// The file's write-ahead log, which is there while a process has the file open: beside the file that a link leads to.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = real(path).into_os_string();
    name.push("-wal");
    name.into()
}

/// A missing file is made empty and private; an existing one must be empty or look like SQLite.
fn check_or_create(path: &Path) -> Result<(), StoreError> {
    let cannot = |e: io::Error| StoreError::CannotOpen { path: path.into(), why: e.to_string() };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(real(path)) {
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(cannot(e)),
    }
    check_regular(path, cannot)
}

/// The file is opened by SQLite alone: on Unix, who closes a file loses all locks that the process has on it, and a daemon
/// without its locks may find its log deleted under it.
fn check_regular(path: &Path, cannot: impl Fn(io::Error) -> StoreError) -> Result<(), StoreError> {
    input::check_regular(path).map_err(cannot)
}

/// Reads only: a database of another program or of a newer release is refused untouched.
fn check_owner(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "read the format", &e);
    let (id, tables, found) = header(connection).map_err(failed)?;
    if id != APPLICATION_ID && (id != 0 || tables > 0) {
        return Err(StoreError::Foreign { path: path.into() });
    }
    let known = MIGRATIONS.len() as i64;
    if found > known {
        let copy = backup::find(path, known);
        return Err(StoreError::Newer { path: path.into(), found, known, copy });
    }
    Ok(())
}

/// The file was made before there was a ledger, and nothing has written to it since.
pub(super) fn is_older_than_ledger(db: &Connection) -> rusqlite::Result<bool> {
    let none = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'ledger')";
    Ok(version(db)? < 2 && db.query_row(none, [], |r| r.get(0))?)
}

/// What a file has to guard the ledger, and all that acts by itself, as (name, table, SQL).
pub(super) fn guarding_schema(db: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    // Whatever its type is written like, SQLite runs what its text makes.
    let mut query = db.prepare(
        "SELECT CAST(name AS TEXT), CAST(tbl_name AS TEXT), coalesce(CAST(sql AS TEXT), '')
           FROM sqlite_schema
          WHERE NOT (typeof(type) = 'text' AND type IN ('table', 'index'))
             OR type IS NULL
             OR (type = 'table' AND tbl_name IN ('ledger', 'ledger_end'))
          ORDER BY name",
    )?;
    query.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
}

/// [`guarding_schema`] as it must be in a file of the same format.
pub(super) fn expected_guarding_schema(
    of: &Connection,
) -> rusqlite::Result<Vec<(String, String, String)>> {
    let format = usize::try_from(version(of)?).unwrap_or(MIGRATIONS.len());
    let db = Connection::open_in_memory()?;
    for sql in MIGRATIONS.iter().take(format) {
        db.execute_batch(sql)?;
    }
    guarding_schema(&db)
}

/// An empty store that is nowhere on the disk.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    for sql in MIGRATIONS {
        db.execute_batch(sql)?;
    }
    Ok(db)
}

/// Application id, number of tables and indexes, format version.
fn header(connection: &Connection) -> rusqlite::Result<(i32, i64, i64)> {
    // In one transaction: another process may be making the tables right now.
    let snapshot = connection.unchecked_transaction()?;
    let tables = snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    let id = snapshot.pragma_query_value(None, "application_id", |r| r.get(0))?;
    Ok((id, tables, version(&snapshot)?))
}

/// `PRAGMA auto_vacuum`.
const INCREMENTAL: i64 = 2;

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Counts only in an empty file, and would write to any other. Pages of settled events are used
    // again; what stays unused is given back a little at a time (see `gate`).
    let auto_vacuum: i64 = connection.pragma_query_value(None, "auto_vacuum", |r| r.get(0))?;
    if auto_vacuum != INCREMENTAL {
        connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
    }
    // Readers (commands) and the writer (daemon) don't block each other.
    let _: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |r| r.get(0))?;
    // A commit is on the disk when it returns: what the outbox promises.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // 1 MiB instead of 2: the working set is the head of each queue.
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |r| r.get(0))
}

/// Applies the steps the file hasn't seen, all or none of them. A file in which something is gets a
/// copy beside it first, of which `lay_beside` returns the name.
fn migrate(
    connection: &mut Connection,
    path: &Path,
    steps: &[&str],
    lay_beside: impl FnOnce(i64) -> Result<PathBuf, backup::Problem>,
) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| StoreError::from_sql(path, "bring the format up to date", &e);
    let known = steps.len() as i64;
    if version(connection).map_err(failed)? >= known {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Read again under the lock: another process may have been faster.
    let found = version(&transaction).map_err(failed)?;
    if found >= known {
        return Ok(());
    }
    if found == 0 {
        return apply(transaction, steps, found, aside::replaced(path)).map_err(failed);
    }
    let copy = lay_beside(found).map_err(|problem| StoreError::NoCopy {
        path: path.into(),
        found,
        known,
        why: problem.to_string(),
    })?;
    if let Err(error) = apply(transaction, steps, found, None) {
        if version(connection).is_ok_and(|still| still == found) {
            backup::remove(&copy);
        }
        return Err(failed(error));
    }
    tracing::info!(
        store = %path.display(),
        copy = %copy.display(),
        "the store had format {found} and has format {known} now; a verified copy of it as it was \
         is {}",
        copy.display()
    );
    Ok(())
}

/// `replaced`: what a fresh file stands in the place of.
fn apply(
    transaction: Transaction<'_>,
    steps: &[&str],
    found: i64,
    replaced: Option<(Option<PathBuf>, String)>,
) -> rusqlite::Result<()> {
    for (step, sql) in steps.iter().enumerate().skip(found as usize) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1)?;
    }
    if let Some(replaced) = replaced {
        aside::note_begun(&transaction, replaced)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(db: &Connection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut query = db.prepare(sql).unwrap();
        query.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn copied(_: i64) -> Result<PathBuf, backup::Problem> {
        Ok("copy".into())
    }

    #[test]
    fn names_of_windows_are_told_as_people_write_them() {
        let data = r"C:\ProgramData\Bursar\bursar.db";
        assert_eq!(without_prefix(&format!(r"\\?\{data}")), Some(data));
        // Programs take these with their prefix only.
        let long = format!(r"\\?\C:\{}", "x".repeat(300));
        for kept in [r"\\?\UNC\server\share\bursar.db", &long, data, "/var/lib/bursar/bursar.db"] {
            assert_eq!(without_prefix(kept), None, "{kept}");
        }
    }

    #[test]
    fn opening_a_file_that_is_there_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bursar.db");
        drop(open(&path).unwrap());
        let before = std::fs::read(&path).unwrap();
        // SQLite counts in the header whatever is written.
        for _ in 0..2 {
            drop(open(&path).unwrap());
            assert!(std::fs::read(&path).unwrap() == before);
        }
        let db = open(&path).unwrap();
        let vacuum: i64 = db.pragma_query_value(None, "auto_vacuum", |r| r.get(0)).unwrap();
        assert_eq!(vacuum, INCREMENTAL);
    }

    #[test]
    fn each_step_is_applied_once_and_in_order() {
        let mut db = crate::store::opened::empty_database();
        let steps = ["CREATE TABLE a (x);", "CREATE TABLE b (x); INSERT INTO a VALUES (1);"];
        migrate(&mut db, Path::new("f"), &steps[..1], |_| panic!("nothing to copy")).unwrap();
        assert_eq!((version(&db).unwrap(), tables(&db)), (1, vec!["a".to_owned()]));
        for _ in 0..2 {
            migrate(&mut db, Path::new("f"), &steps, copied).unwrap();
            assert_eq!((version(&db).unwrap(), tables(&db).len()), (2, 2));
        }
        let rows: i64 = db.query_row("SELECT count(*) FROM a", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_format() {
        let mut db = crate::store::opened::empty_database();
        let steps = ["CREATE TABLE a (x);", "CREATE TABLE b (x);", "CREATE TABLE a (x);"];
        migrate(&mut db, Path::new("f"), &steps[..1], copied).unwrap();
        // The copy is not needed then, and its room is.
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let lay_beside = |format| {
            assert_eq!(format, 1);
            std::fs::write(&copy, "").unwrap();
            Ok(copy.clone())
        };
        let error = migrate(&mut db, Path::new("f"), &steps, lay_beside).unwrap_err();
        assert!(error.to_string().contains("up to date"), "{error}");
        assert_eq!((version(&db).unwrap(), tables(&db)), (1, vec!["a".to_owned()]));
        assert!(!copy.exists());
    }

    #[test]
    fn without_a_copy_nothing_is_changed() {
        let mut db = crate::store::opened::empty_database();
        let steps = ["CREATE TABLE a (x);", "CREATE TABLE b (x);"];
        migrate(&mut db, Path::new("f"), &steps[..1], copied).unwrap();
        let no_copy = |_| Err(backup::Problem::Differs("3 rows in a".to_owned()));
        let error = migrate(&mut db, Path::new("f"), &steps, no_copy).unwrap_err();
        assert!(matches!(error, StoreError::NoCopy { found: 1, known: 2, .. }), "{error}");
        assert!(error.to_string().contains("3 rows in a"), "{error}");
        assert_eq!((version(&db).unwrap(), tables(&db)), (1, vec!["a".to_owned()]));
    }
}
