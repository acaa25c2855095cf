//! At most one daemon per store, and a way to tell from outside whether it lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Held by a running daemon; the operating system lets go of it when the process ends, however.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its drop")] File);

/// The lock file beside a store.
fn path_for(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn open(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    // Whoever may open it could hold it, and keep the daemon from starting.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).truncate(false).write(true).open(path).with_context(|| {
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
    let file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another bursar already runs on {}: stop it first, or give this one a store of its \
             own (Butler.storage.path)",
            store.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Whether a daemon runs on the store.
pub fn is_held(store: &Path) -> anyhow::Result<bool> {
    let path = path_for(store);
    if !path.exists() {
        return Ok(false);
    }
    let file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot look at the lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holder_and_free_again_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("bursar.db");
        assert!(!is_held(&store).unwrap());
        let lock = take(&store).unwrap();
        assert!(is_held(&store).unwrap());
        assert!(take(&store).unwrap_err().to_string().contains("another bursar"));
        drop(lock);
        assert!(!is_held(&store).unwrap());
    }
}
