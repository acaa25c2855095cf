//! What is wrong with a configuration file, where, and what to write instead.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::plain::log_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// The file can be used, but does something the author may not want.
    Warning,
}

/// One finding. Displayed as `file:line:column: path: what; fix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub file: PathBuf,
    /// Counted from 1; 0 when the finding has no place in the file.
    pub line: u64,
    /// In characters, counted from 1.
    pub column: u64,
    /// The setting's full name, such as `Butler.sites[1].configQRS.port`; empty for the whole file.
    pub path: String,
    pub what: String,
    /// What to do about it, as an imperative. May be empty.
    pub fix: String,
}

impl Problem {
    /// Where it is: `file:line:column: path`, as far as known.
    pub fn place(&self) -> String {
        let mut place = self.file.display().to_string();
        if self.line > 0 {
            place.push_str(&format!(":{}:{}", self.line, self.column));
        }
        if !self.path.is_empty() {
            place.push_str(&format!(": {}", self.path));
        }
        log_line(&place, false).into_owned()
    }
}

impl fmt::Display for Problem {
    /// On one line: keys and values are whatever somebody wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.file.display().to_string();
        if self.line > 0 {
            line.push_str(&format!(":{}:{}", self.line, self.column));
        }
        if self.severity == Severity::Warning {
            line.push_str(": warning");
        }
        if !self.path.is_empty() {
            line.push_str(&format!(": {}", self.path));
        }
        line.push_str(&format!(": {}", self.what));
        if !self.fix.is_empty() {
            line.push_str(&format!("; {}", self.fix));
        }
        f.write_str(&log_line(&line, false))
    }
}

/// Everything that is wrong with a file, in the order of the file. At least one error; warnings
/// found on the way are among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Only what keeps the file from being used.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter().filter(|p| p.severity == Severity::Error)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
