//! What a configuration file may ask of the machine it is read on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

/// Environment variables, files and the clock. A parameter, so that loading is a pure function of
/// its arguments in tests.
pub trait Environment {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The content of a text file.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Whether a file is there.
    fn exists(&self, path: &Path) -> bool;
    /// The time by which schedules are judged.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        read_text(path)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Most bytes of a file of settings or of a secret.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The text of a regular file of a sane size: not of a device or a pipe that never ends.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let facts = std::fs::metadata(path)?;
    if facts.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !facts.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if facts.len() > MAX_FILE {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    std::fs::read_to_string(path)
}

/// A made-up machine, for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedEnvironment {
    pub variables: BTreeMap<String, String>,
    pub files: BTreeMap<PathBuf, String>,
    pub now: DateTime<Utc>,
}

impl Environment for FixedEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}
