//! What a configuration file may ask of the machine it is read on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::input;

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
        input::read_text(path, input::SMALL)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
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
