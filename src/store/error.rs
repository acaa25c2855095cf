//! What can go wrong with the store, in words an admin can act on.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store can't be opened or used. Each text names the file and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file can't be made, opened or written by this user.
    #[error("cannot open the store {}: {why}; check that the folder exists and that this user may write to it (setting Butler.storage.path)", path.display())]
    CannotOpen { path: PathBuf, why: String },
    /// The file is no SQLite database at all.
    #[error("{} is not a database, so it is left as it is; move it away, or let Butler.storage.path name another file", path.display())]
    NotADatabase { path: PathBuf },
    /// A healthy SQLite database that some other program made.
    #[error("{} is a database of another program, so it is left as it is; let Butler.storage.path name another file", path.display())]
    Foreign { path: PathBuf },
    /// Written by a newer release. `copy`: the newest one beside it that this release can open.
    #[error("the store {} has format {found}, but this release knows formats up to {known}, so it is left as it is; start the newer release again, or {}", path.display(), way_back(path, copy.as_deref()))]
    Newer { path: PathBuf, found: i64, known: i64, copy: Option<PathBuf> },
    /// The copy that is laid beside a file before its format is changed can't be made.
    #[error("the store {} has format {found} and would be brought to format {known}, but the copy of it that is laid beside it before can't be made: {why}; nothing was changed: see that this user may write to the folder and that the disk has room for a second file of this size, then start again", path.display())]
    NoCopy { path: PathBuf, found: i64, known: i64, why: String },
    /// Written by an older release, and opened to be read only.
    #[error("the store {} has format {found}, and this release reads format {known}; start the daemon (bursar run) once, it brings the file up to date", path.display())]
    Older { path: PathBuf, found: i64, known: i64 },
    /// A database whose content is broken. Never deleted: queued events may be saved from it.
    #[error("the store {} is damaged ({why}); it is left as it is: stop the daemon and put the newest copy in its place (bursar store restore, which keeps the damaged file); without a copy, start the daemon: it sets the file aside and begins a fresh one, by which no seat is released until a person says so", path.display())]
    Damaged { path: PathBuf, why: String },
    /// No room on the disk.
    #[error("no room to write the store {}: {why}; free some space, nothing queued is lost", path.display())]
    Full { path: PathBuf, why: String },
    /// Another process held the file for longer than the busy timeout.
    #[error("the store {} is locked by another process; try again, and see that only one daemon uses this file", path.display())]
    Busy { path: PathBuf },
    /// Anything else SQLite says.
    #[error("cannot {doing} in the store {}: {why}", path.display())]
    Failed { path: PathBuf, doing: &'static str, why: String },
    /// The beginning of a run's id that several runs share.
    #[error(
        "{begin} is ambiguous: several runs begin with it, such as {}; write more of the id (runs of one minute \
         have the first 8 digits in common)",
        runs.join(", ")
    )]
    Ambiguous { begin: String, runs: Vec<String> },
    /// The store was closed, or the runtime is being shut down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether it lies with the file or its disk: what was to be stored can't be, whatever it is.
    pub(super) fn is_of_the_file(&self) -> bool {
        match self {
            Self::Full { .. } | Self::CannotOpen { .. } | Self::Damaged { .. } => true,
            Self::NotADatabase { .. } | Self::Foreign { .. } => true,
            Self::Failed { why, .. } => why.contains("disk I/O error"),
            _ => false,
        }
    }

    /// Sorts an error of SQLite into one of the cases above.
    pub(super) fn from_sql(path: &Path, doing: &'static str, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, why },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DiskFull) => Self::Full { path, why },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::CannotOpen { path, why }
            }
            // A row that every store has.
            _ if matches!(error, rusqlite::Error::QueryReturnedNoRows) => {
                let why = format!("a table that is never empty has no row: cannot {doing}");
                Self::Damaged { path, why }
            }
            _ => Self::Failed { path, doing, why },
        }
    }
}

/// What to do to go on with this release.
fn way_back(path: &Path, copy: Option<&Path>) -> String {
    match copy {
        Some(copy) => format!(
            "go back to the copy that was made before its format was changed: stop the daemon, move {path} away with its -wal and -shm, copy {copy} to {path} and start this release (what was recorded since, releases included, is only in the file that you moved away: keep it)",
            path = path.display(),
            copy = copy.display(),
        ),
        None => "let Butler.storage.path name another file (there is no copy of an older format beside it)".to_owned(),
    }
}
