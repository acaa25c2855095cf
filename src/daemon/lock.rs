//! At most one daemon per store, and a way to tell from outside whether it lives.
//!
//! The lock is on a file beside the store (mode 0600: whoever could open it could hold it), in which the
//! daemon says that it is one. A lock that another user holds, on a file that an older version or
//! somebody else left open to all, is no daemon's: the file is made anew.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};

/// Held by a running daemon; the operating system lets go of it when the process ends, however.
#[derive(Debug)]
pub struct Lock {
    file: File,
    store: PathBuf,
    is_told: bool,
}

impl Lock {
    /// Makes the lock file anew where somebody removed or replaced it: another daemon could start otherwise. What is
    /// returned is that one did: two daemons on one store both release seats, so this one has to end.
    pub fn keep(&mut self) -> Option<String> {
        if users::is_same(&self.file, &path_for(&self.store)) {
            return None;
        }
        match take(&self.store) {
            Ok(lock) => {
                tracing::warn!("the lock file beside the store was removed: it is made anew");
                *self = lock;
                None
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    tracing::error!(
                        "the lock file beside the store was removed, and can't be had again: {error:#}; \
                         two daemons on one store both release seats"
                    );
                }
                let another = matches!(holder(&self.store), Ok(Holder::Daemon));
                another.then(|| "another daemon has taken its lock".to_owned())
            }
        }
    }
}

/// Who holds the lock of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    Daemon,
    /// A process that is no daemon of ours: of another user, or one that doesn't say that it is.
    Somebody,
}

/// What a daemon writes into the file, with its number behind it.
const MARK: &str = "bursar ";

/// The lock file beside a store: beside the file that a link leads to, whatever the link's name is.
fn path_for(store: &Path) -> PathBuf {
    let is_link = store.symlink_metadata().is_ok_and(|facts| facts.is_symlink());
    let store = if is_link { crate::store::real_path(store) } else { store.to_owned() };
    let mut name = store.into_os_string();
    name.push(".lock");
    name.into()
}

fn open(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A link would lead to a file that is no lock, and a pipe would wait.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options.create(true).truncate(false).read(true).write(true).open(path).with_context(|| {
        format!(
            "cannot open the lock file {}: make its folder, let this user write there, or \
                 name another place in Butler.storage.path",
            path.display()
        )
    })
}

/// Takes the lock of a store, or says that another daemon has it.
pub fn take(store: &Path) -> anyhow::Result<Lock> {
    let path = path_for(store);
    if users::is_planted(&path, store) {
        tracing::warn!(
            "the lock file {} is a link, no file, or another user's: it is made anew",
            path.display()
        );
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove the lock file {}", path.display()))?;
    }
    let mut file = open(&path)?;
    let mut locked = file.try_lock();
    if matches!(locked, Err(TryLockError::WouldBlock)) && users::is_anothers(&file) {
        tracing::warn!(
            "another user holds the lock file {}: it is made anew, for this user alone",
            path.display()
        );
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove the lock file {}", path.display()))?;
        file = open(&path)?;
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) if is_marked(&mut file) => anyhow::bail!(
            "another bursar already runs on {}: stop it first, or give this one a store of its \
             own (Butler.storage.path)",
            store.display()
        ),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "a process that doesn't say it is bursar holds the lock file {}: end it (fuser or lsof \
             name it), or give this daemon a store of its own (Butler.storage.path)",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    users::only_ours(&file)
        .with_context(|| format!("cannot keep others from the lock file {}", path.display()))?;
    mark(&mut file).with_context(|| format!("cannot write to {}", path.display()))?;
    Ok(Lock { file, store: store.to_owned(), is_told: false })
}

/// Who holds the lock of a store.
pub fn holder(store: &Path) -> anyhow::Result<Holder> {
    let path = path_for(store);
    if path.symlink_metadata().is_err() {
        return Ok(Holder::Nobody);
    }
    if users::is_planted(&path, store) {
        return Ok(Holder::Somebody);
    }
    let mut file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) if users::is_anothers(&file) || !is_marked(&mut file) => {
            Ok(Holder::Somebody)
        }
        Err(TryLockError::WouldBlock) => Ok(Holder::Daemon),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot look at the lock {}", path.display()))
        }
    }
}

/// Since when a daemon holds the lock.
pub fn since(store: &Path) -> Option<DateTime<Utc>> {
    let facts = path_for(store).symlink_metadata().ok()?;
    facts.modified().ok().map(DateTime::from)
}

fn mark(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{MARK}{}", std::process::id())
}

/// Whether a daemon wrote here. On Windows nobody else reads a file that is locked, so it is taken for one.
fn is_marked(file: &mut File) -> bool {
    let mut begin = Vec::new();
    let read = file.rewind().and_then(|()| file.take(64).read_to_end(&mut begin));
    match read {
        Ok(_) => begin.starts_with(MARK.as_bytes()),
        Err(_) => cfg!(windows),
    }
}

#[cfg(not(unix))]
mod users {
    use std::fs::File;
    use std::io;

    pub(super) fn is_anothers(_file: &File) -> bool {
        false
    }

    pub(super) fn is_planted(_path: &std::path::Path, _store: &std::path::Path) -> bool {
        false
    }

    /// A file that is open keeps its name there.
    pub(super) fn is_same(_file: &File, _path: &std::path::Path) -> bool {
        true
    }

    /// The folder decides.
    pub(super) fn only_ours(_file: &File) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
mod users {
    use std::fs::{File, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    /// Takes away what an older version, or a umask, gave to others.
    pub(super) fn only_ours(file: &File) -> io::Result<()> {
        if file.metadata()?.mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(())
    }

    /// Whether no daemon made what stands in the place of the lock: a link, a pipe, or a file that belongs
    /// neither to the administrator, nor to us, nor to whom the store belongs to.
    pub(super) fn is_planted(path: &Path, store: &Path) -> bool {
        let Ok(facts) = path.symlink_metadata() else { return false };
        if !facts.is_file() {
            return !facts.is_dir();
        }
        let owner = store.metadata().map_or(0, |store| store.uid());
        is_foreign(facts.uid(), rustix::process::geteuid().as_raw(), owner)
    }

    /// Whether the file is the one of that name. What can't be looked at for a moment is not taken for another.
    pub(super) fn is_same(file: &File, path: &Path) -> bool {
        let own = file.metadata().map(|own| (own.dev(), own.ino()));
        match (own, path.symlink_metadata()) {
            (Ok(own), Ok(found)) => own == (found.dev(), found.ino()),
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), Ok(_)) => true,
        }
    }

    /// Whether a process of another user holds the lock, as far as the system tells (Linux does). The
    /// administrator may run a daemon for us.
    pub(super) fn is_anothers(file: &File) -> bool {
        let Ok(facts) = file.metadata() else { return false };
        let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return false };
        let Some(process) = holder(&locks, facts.ino()) else { return false };
        let Ok(process) = std::fs::metadata(format!("/proc/{process}")) else { return false };
        is_foreign(process.uid(), rustix::process::geteuid().as_raw(), facts.uid())
    }

    /// Neither the administrator's, nor ours, nor of whom the file belongs to.
    pub(super) fn is_foreign(process: u32, ours: u32, owner: u32) -> bool {
        process != 0 && process != ours && process != owner
    }

    /// The process that holds a lock on this file, by `/proc/locks`:
    /// `1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF`.
    pub(super) fn holder(locks: &str, inode: u64) -> Option<u32> {
        let inode = inode.to_string();
        locks.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Those with `->` wait for it.
            let [_, "FLOCK", _, _, process, place, ..] = words[..] else { return None };
            let of_file = place.rsplit(':').next() == Some(inode.as_str());
            process.parse().ok().filter(|_| of_file)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the link leads to stays as it is.
    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (store, other) = (dir.path().join("bursar.db"), dir.path().join("other.txt"));
        std::fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, path_for(&store)).unwrap();
        assert_eq!(holder(&store).unwrap(), Holder::Somebody);
        let _lock = take(&store).unwrap();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "precious");
        assert!(path_for(&store).symlink_metadata().unwrap().is_file());
        assert_eq!(holder(&store).unwrap(), Holder::Daemon);
    }

    #[test]
    fn only_one_holder_and_free_again_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("bursar.db");
        assert_eq!(holder(&store).unwrap(), Holder::Nobody);
        let lock = take(&store).unwrap();
        assert_eq!(holder(&store).unwrap(), Holder::Daemon);
        assert!(take(&store).unwrap_err().to_string().contains("another bursar"));
        drop(lock);
        assert_eq!(holder(&store).unwrap(), Holder::Nobody);
    }

    /// Whatever its name is, and also when somebody removed its lock.
    #[cfg(unix)]
    #[test]
    fn a_store_has_one_daemon_also_by_a_link_and_without_its_lock_file() {
        let dir = tempfile::tempdir().unwrap();
        let (store, link) = (dir.path().join("bursar.db"), dir.path().join("link.db"));
        std::fs::write(&store, "").unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let mut lock = take(&store).unwrap();
        assert_eq!(holder(&link).unwrap(), Holder::Daemon);
        assert!(take(&link).unwrap_err().to_string().contains("another bursar"));
        std::fs::remove_file(path_for(&store)).unwrap();
        assert_eq!(lock.keep(), None);
        assert!(take(&link).unwrap_err().to_string().contains("another bursar"));
        // Somebody was quicker.
        std::fs::remove_file(path_for(&store)).unwrap();
        let other = take(&store).unwrap();
        assert!(lock.keep().is_some_and(|why| why.contains("another daemon")));
        drop((lock, other));
        assert_eq!(holder(&link).unwrap(), Holder::Nobody);
    }

    #[test]
    fn a_lock_of_somebody_else_is_no_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("bursar.db");
        let theirs = File::create(path_for(&store)).unwrap();
        theirs.lock().unwrap();
        assert_eq!(holder(&store).unwrap(), Holder::Somebody);
        assert!(take(&store).unwrap_err().to_string().contains("doesn't say it is bursar"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_open_to_all_is_ours_alone_after_a_start() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("bursar.db");
        let path = path_for(&store);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let lock = take(&store).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(lock);
    }

    #[cfg(unix)]
    #[test]
    fn the_holder_is_who_has_it_and_not_who_waits() {
        let locks = "1: FLOCK  ADVISORY  WRITE 12 08:01:131 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 13 08:01:131 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 14 08:01:132 0 EOF\n\
                     3: FLOCK  ADVISORY  READ  15 00:2e:132 0 EOF\n";
        assert_eq!(users::holder(locks, 131), Some(12));
        assert_eq!(users::holder(locks, 132), Some(15));
        assert_eq!(users::holder(locks, 13), None);
        for (process, foreign) in [(0, false), (1000, false), (998, false), (1001, true)] {
            assert_eq!(users::is_foreign(process, 1000, 998), foreign);
        }
    }
}
