//! Where the store is, and how much it keeps.

pub(crate) mod raw;
pub(crate) mod validate;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::schedule::Schedule;

/// `Butler.storage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    pub path: PathBuf,
    pub outbox: OutboxLimits,
    pub set_aside: SetAside,
    pub history: HistoryRetention,
    pub backup: Backup,
}

/// `Butler.storage.backup`.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// When copies are made; `None`: only on request.
    pub schedule: Option<Schedule>,
    /// From the folder of the store.
    pub folder: PathBuf,
    /// Copies that stay. At least 1.
    pub keep: usize,
}

impl Storage {
    /// The folder of the copies.
    pub fn backup_folder(&self) -> PathBuf {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).join(&self.backup.folder)
    }
}

/// How many days the history of figures is kept, by how finely. Each at least as long as the one
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRetention {
    /// Every poll.
    pub raw_days: u32,
    pub hourly_days: u32,
    pub daily_days: u32,
}

/// How much a destination's queue may hold while the destination is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    pub max_events: u64,
    pub max_age: Duration,
}

/// When an event that fails while the destination takes others becomes a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// After so many failed deliveries ...
    pub failures: u32,
    /// ... that are at least this far apart, the first from the last.
    pub over: Duration,
}

impl SetAside {
    /// With the time that no setting changes.
    pub const fn after(failures: u32) -> Self {
        Self { failures, over: Duration::from_secs(60) }
    }
}
