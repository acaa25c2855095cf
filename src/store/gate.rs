//! The one connection of the process and how tasks share it.
//!
//! SQLite blocks, so it runs on the runtime's blocking threads, one call at a time. Writes that
//! arrive while another one is being synced to the disk are committed together: a thousand sites
//! polled in the same second cost a few syncs, not a thousand. Each write is a savepoint, so one
//! that fails takes none of the others with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{OwnedMutexGuard, oneshot, watch};
use tokio::task::spawn_blocking;

use super::StoreError;
use super::mark::Mark;

/// Unused pages that are left in the file before some are given back (4 KiB each).
const SPARE_PAGES: i64 = 1024;
/// Pages given back per commit: keeps each commit short.
const PAGES_PER_COMMIT: i64 = 256;

/// Together two seconds: far longer than making a new file takes.
const OPEN_RETRIES: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Does the work in a savepoint of the open transaction (or learns why there is none); what it
/// returns is called with the outcome of the commit.
type Write = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Shared = Arc<tokio::sync::Mutex<Option<Connection>>>;

pub(super) struct Gate {
    path: Arc<Path>,
    connection: Shared,
    writes: Mutex<Vec<Write>>,
    /// What SQLite said of a page that is damaged, once it did.
    damage: watch::Sender<Option<String>>,
    /// The file that was opened, its log and the log's index; whoever opens these names has to find the same.
    files: [Option<Identity>; 3],
    mark: Mark,
    /// Why the last write failed, where that lay with the file or its disk.
    broken: Mutex<Option<StoreError>>,
    /// Writes that still work, before all fail as if the process had ended.
    #[cfg(test)]
    pub(crate) writes_left: std::sync::atomic::AtomicUsize,
    /// How many fail then; after that they work again.
    #[cfg(test)]
    pub(crate) failures_left: std::sync::atomic::AtomicUsize,
}

impl Gate {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let mut attempt = 0;
        let connection = loop {
            let file: PathBuf = path.into();
            let opened = spawn_blocking(move || super::file::open(&file)).await;
            match opened.map_err(|_| StoreError::Closed)? {
                // SQLite doesn't wait for a lock while it changes the journal's mode, which two
                // processes may do at once to a new file.
                Err(StoreError::Busy { .. }) if attempt < OPEN_RETRIES => attempt += 1,
                result => break result?,
            }
            tokio::time::sleep(OPEN_PAUSE).await;
        };
        Ok(Self::new(path, connection))
    }

    /// Opens a file that is there, to read it only.
    pub(super) async fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let file: PathBuf = path.into();
        let opened = spawn_blocking(move || super::file::open_current_to_read(&file)).await;
        Ok(Self::new(path, opened.map_err(|_| StoreError::Closed)??))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn new(path: &Path, connection: Connection) -> Self {
        let mark = Mark::of(path, &connection);
        Self {
            path: path.into(),
            connection: Arc::new(tokio::sync::Mutex::new(Some(connection))),
            writes: Mutex::default(),
            damage: watch::Sender::new(None),
            files: files(path).map(|file| identity(&file).unwrap_or_default()),
            mark,
            broken: Mutex::default(),
            #[cfg(test)]
            writes_left: usize::MAX.into(),
            #[cfg(test)]
            failures_left: usize::MAX.into(),
        }
    }

    /// Runs a query. `doing` completes the sentence "cannot ... in the store".
    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (path, damage) = (self.path.clone(), self.damage.clone());
        let guard = self.connection.clone().lock_owned().await;
        let run = move || {
            let connection = guard.as_ref().ok_or(StoreError::Closed)?;
            discard_leftovers(connection)
                .and_then(|()| query(connection))
                .map_err(|e| failure(&damage, &path, doing, &e))
        };
        spawn_blocking(run).await.map_err(|e| self.interrupted(doing, &e))?
    }

    /// Runs a change and returns when it is durable. When the caller goes away before its turn,
    /// nothing is changed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let written = self.written(doing, change).await;
        match &written {
            Ok(_) => *self.broken() = None,
            Err(error) if error.is_of_the_file() => *self.broken() = Some(error.clone()),
            Err(_) => {}
        }
        written
    }

    /// Whether writes work, as far as the last one tells.
    pub(super) fn works(&self) -> Result<(), StoreError> {
        self.broken().clone().map_or(Ok(()), Err)
    }

    /// Whether no page was found to be damaged so far, and the file, its log and the log's index still have their names:
    /// commands write to whatever has them.
    pub(super) fn is_whole(&self) -> Result<(), StoreError> {
        if self.damage.borrow().is_none() {
            let what = ["its file", "its write-ahead log", "the index of its log"];
            let all = what.iter().zip(files(&self.path)).zip(&self.files);
            for ((what, file), before) in all {
                // A disk that can't tell for a moment has removed nothing.
                if before.is_some() && identity(&file).is_ok_and(|now| now != *before) {
                    let why = format!("{what} was removed or replaced while it was open");
                    self.damage.send_replace(Some(why));
                    break;
                }
            }
        }
        let damage = self.damage.borrow().clone();
        damage.map_or(Ok(()), |why| Err(StoreError::Damaged { path: self.path.to_path_buf(), why }))
    }

    /// Waits until one is.
    pub(super) async fn damaged(&self) -> String {
        let mut damage = self.damage.subscribe();
        let found = damage.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        match found {
            Some(why) => why,
            // The sender lives as long as this.
            None => std::future::pending().await,
        }
    }

    fn broken(&self) -> std::sync::MutexGuard<'_, Option<StoreError>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn written<T: Send + 'static>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        {
            use std::sync::atomic::Ordering::SeqCst;
            let take = |left: usize| left.checked_sub(1);
            if self.writes_left.fetch_update(SeqCst, SeqCst, take).is_err()
                && self.failures_left.fetch_update(SeqCst, SeqCst, take).is_ok()
            {
                return Err(StoreError::Closed);
            }
        }
        let (sender, mut answer) = oneshot::channel();
        let (path, damage) = (self.path.clone(), self.damage.clone());
        let write: Write = Box::new(move |connection| {
            if sender.is_closed() {
                return Box::new(|_| {});
            }
            let result = connection.and_then(|connection| {
                in_savepoint(connection, change).map_err(|e| failure(&damage, &path, doing, &e))
            });
            Box::new(move |commit| {
                // The caller may have gone away: nobody is left to tell.
                let _ = sender.send(result.and_then(|value| commit.map(|()| value)));
            })
        });
        self.queued().push(write);
        // Whoever gets the connection does all that is queued. Those whose write was among it have
        // nothing left to wait for, and can queue the next one in time.
        let guard = tokio::select! {
            biased;
            done = &mut answer => return done.map_err(|e| self.interrupted(doing, &e))?,
            guard = self.connection.clone().lock_owned() => guard,
        };
        let writes = std::mem::take(&mut *self.queued());
        if !writes.is_empty() {
            let (path, damage) = (self.path.clone(), self.damage.clone());
            let mark = self.mark.clone();
            let run = move || commit_together(guard, writes, &path, (&damage, &mark));
            spawn_blocking(run).await.map_err(|e| self.interrupted(doing, &e))?;
        }
        // Without an answer the thread that had this write in hand panicked in another one.
        answer.await.map_err(|e| self.interrupted(doing, &e))?
    }

    fn interrupted(&self, doing: &'static str, error: &dyn std::error::Error) -> StoreError {
        let why = format!("the call was interrupted: {error}");
        StoreError::Failed { path: self.path.to_path_buf(), doing, why }
    }

    /// Closes the file; later calls of other clones get [`StoreError::Closed`].
    pub(super) async fn close(&self) {
        let mut guard = self.connection.clone().lock_owned().await;
        // Failing here means the runtime is going away; the file is closed by the drop then.
        let _ = spawn_blocking(move || drop(guard.take())).await;
    }

    /// Keeps all others out until it is dropped.
    #[cfg(test)]
    pub(super) async fn hold(&self) -> OwnedMutexGuard<Option<Connection>> {
        self.connection.clone().lock_owned().await
    }

    fn queued(&self) -> std::sync::MutexGuard<'_, Vec<Write>> {
        // A push or a take can't leave the list half done.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of a store, its log and the log's index, which lie beside the file that a link leads to.
fn files(path: &Path) -> [PathBuf; 3] {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        name.into()
    })
}

/// Device and number of a file.
type Identity = (u64, u64);

/// Which file has this name; nothing where there is none, or where the system doesn't tell.
///
/// # Errors
/// It can't be looked at now.
#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(file) => Ok(Some((file.dev(), file.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that is open keeps its name there.
#[cfg(not(unix))]
fn identity(_: &Path) -> io::Result<Option<Identity>> {
    Ok(None)
}

/// An error of SQLite, and that the file is damaged where it says that.
fn failure(
    damage: &watch::Sender<Option<String>>,
    path: &Path,
    doing: &'static str,
    error: &rusqlite::Error,
) -> StoreError {
    let of_the_file = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase].map(Some);
    if of_the_file.contains(&error.sqlite_error_code()) {
        damage.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert_with(|| error.to_string());
            is_first
        });
    }
    StoreError::from_sql(path, doing, error)
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let result = change(connection);
    if connection.is_autocommit() {
        // SQLite gave up the whole transaction (disk full, I/O error): no savepoint is left.
        return result;
    }
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    result
}

/// Runs the writes in one transaction, or in several if SQLite gives one up on the way.
fn commit_together(
    guard: OwnedMutexGuard<Option<Connection>>,
    writes: Vec<Write>,
    path: &Path,
    (damage, mark): (&watch::Sender<Option<String>>, &Mark),
) {
    let failed = |e: rusqlite::Error| failure(damage, path, "write", &e);
    let mut writes = writes.into_iter();
    while writes.len() > 0 {
        let begun = guard
            .as_ref()
            .ok_or(StoreError::Closed)
            .and_then(|connection| begin(connection).map(|()| connection).map_err(failed));
        let connection = match begun {
            Ok(connection) => connection,
            Err(error) => {
                for write in writes {
                    write(Err(error.clone()))(Ok(()));
                }
                return;
            }
        };
        let mut replies = Vec::new();
        let mut given_up = false;
        for write in writes.by_ref() {
            replies.push(write(Ok(connection)));
            given_up = connection.is_autocommit();
            if given_up {
                break;
            }
        }
        let outcome = match given_up {
            // The one that failed says why; the others were undone with it.
            true => Err(StoreError::Failed {
                path: path.to_path_buf(),
                doing: "write",
                why: "what was written in the same moment failed, and this was undone with it"
                    .to_owned(),
            }),
            false => commit(connection).map_err(failed),
        };
        if outcome.is_ok() {
            mark.keep(connection);
        }
        for reply in replies {
            reply(outcome.clone());
        }
    }
}

/// A change that panicked leaves its transaction open.
fn discard_leftovers(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() { Ok(()) } else { connection.execute_batch("ROLLBACK") }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    discard_leftovers(connection)?;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    let committed = give_back_pages(connection)
        .and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    if committed.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    committed
}

/// Shrinks the file a little when much of it is unused, as after a long outage.
fn give_back_pages(connection: &Connection) -> rusqlite::Result<()> {
    let read = |sql| connection.prepare_cached(sql)?.query_row([], |r| r.get::<_, i64>(0));
    let unused = read("PRAGMA freelist_count")?;
    if unused > SPARE_PAGES && unused > read("PRAGMA page_count")? / 2 {
        let pages = PAGES_PER_COMMIT.min(unused - SPARE_PAGES);
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = vacuum.query([])?;
        // Each step frees one page.
        while rows.next()?.is_some() {}
    }
    Ok(())
}
