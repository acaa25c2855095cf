//! The script log of a reload: which of its lines are errors, what usually causes them, and what
//! must not leave the site.
//!
//! A line is a time, then either the number of a statement of the script and the statement, or, set
//! in, what the engine says:
//!
//! ```text
//! 20260110T060007.115+0000 0412      LIB CONNECT TO 'monitor_apps_REST_license_overview'
//! 20260110T060009.620+0000      Error: HTTP protocol error 401 (Unauthorized)
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many lines of the end are kept.
const KEPT_LINES: usize = 60;

/// So many error lines are told.
const KEPT_ERRORS: usize = 12;

/// Longest line, in characters.
const LONGEST: usize = 300;

/// What usually makes a reload fail with such errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    Unauthorized,
    Forbidden,
    ConnectionMissing,
    Certificate,
    Unreachable,
    ServiceError,
    Timeout,
    OutOfMemory,
    DiskFull,
    FileMissing,
    /// A person or a restart stopped it.
    Aborted,
    Unknown,
}

impl Cause {
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The same as its serialised form.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What usually causes it, and what to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "usually the password stored in the app's REST connections (monitor_apps_REST_...) \
                 is wrong or old: set user and password of the service account in each of them \
                 (management console, Data connections)"
            }
            Self::Forbidden => {
                "the user in the app's REST connections may not read what they ask for: use the \
                 service account, or give that user the role RootAdmin"
            }
            Self::ConnectionMissing => {
                "a data connection of the app is missing or renamed: create it again under the name \
                 in the log, or restore the monitoring apps' connections with the installer's repair"
            }
            Self::Certificate => {
                "the REST connections do not trust the certificate of the site: use the name that \
                 stands in the certificate in their URLs, and look whether it has expired"
            }
            Self::Unreachable => {
                "the address in the REST connections does not answer from the node that reloads: \
                 check host and port, and that the repository and proxy services run there"
            }
            Self::ServiceError => {
                "the service behind the REST connections answers with errors: look into the \
                 repository's logs of that time, and whether a service was restarting"
            }
            Self::Timeout => {
                "the repository answered too slowly: look at its load at that time, move the reload \
                 to a quieter hour, or raise the timeout of the REST connections"
            }
            Self::OutOfMemory => {
                "the engine had too little memory: look at what else reloads at that time, or \
                 shorten the history that the app keeps"
            }
            Self::DiskFull => {
                "the disk of the node is full: make room where QVDs and logs are kept"
            }
            Self::FileMissing => {
                "a file that the script reads is not there: look whether the folder behind \
                 lib://ServerLogFolder exists and whether its QVDs were moved or cleaned up"
            }
            Self::Aborted => {
                "somebody stopped it in the management console, or a service was restarted: start \
                 the task again"
            }
            Self::Unknown => {
                "look at the script log: bursar monitor-app --log, or the management console, \
                 Tasks, Information"
            }
        }
    }

    /// By the words of an error line. First come, first served: the more specific words stand
    /// before those that others use, too.
    fn of(line: &str) -> Option<Self> {
        let line = line.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
        Some(if has(&["401"]) && has(&["http", "unauthorized"]) || has(&["unauthorized"]) {
            Self::Unauthorized
        } else if has(&["403"]) && has(&["http", "forbidden"]) || has(&["forbidden"]) {
            Self::Forbidden
        } else if has(&["out of memory", "outofmemory", "not enough memory", "memory allocation"]) {
            Self::OutOfMemory
        } else if has(&["not enough space", "disk full", "disk is full", "no space left"]) {
            Self::DiskFull
        } else if has(&["certificate", "ssl", "trust relationship", "secure channel"]) {
            Self::Certificate
        } else if has(&["timed out", "timeout", "time-out", "408", "504"]) {
            Self::Timeout
        } else if has(&["refused", "could not be resolved", "no such host", "unable to connect"]) {
            Self::Unreachable
        } else if has(&["http protocol error 5", "internal server error", "service unavailable"]) {
            Self::ServiceError
        } else if has(&["connection"])
            && has(&["not found", "does not exist", "unknown", "cannot find", "invalid"])
        {
            Self::ConnectionMissing
        } else if has(&["cannot open file", "file not found", "could not find file", "cannot find"])
            || has(&[".qvd", "file", "folder", "path"]) && has(&["not found", "does not exist"])
        {
            Self::FileMissing
        } else if has(&["aborted"]) {
            Self::Aborted
        } else {
            return None;
        })
    }
}

/// The end of a script log, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptLog {
    lines: Vec<String>,
    errors: Vec<String>,
    cause: Cause,
}

impl ScriptLog {
    /// Reads the log, or the end of it. `cut`: the first line may lack its beginning.
    pub fn read(bytes: &[u8], cut: bool) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let all: Vec<&str> = text.lines().skip(usize::from(cut)).collect();
        let errors = errors(&all);
        let cause = errors.iter().find_map(|line| Cause::of(line)).unwrap_or(Cause::Unknown);
        let filled = all.iter().rev().filter(|line| !line.trim().is_empty());
        let mut lines: Vec<String> = filled.take(KEPT_LINES).map(|line| clean(line)).collect();
        lines.reverse();
        Self { lines, errors, cause }
    }

    /// The last lines, times included.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What the engine says of errors, without times, oldest first.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    pub fn cause(&self) -> Cause {
        self.cause
    }
}

/// The error lines. Of a row of equal ones the first, and of too many the first and the last ones:
/// the first says why, the last what stopped the script.
fn errors(lines: &[&str]) -> Vec<String> {
    let mut errors: Vec<String> = Vec::new();
    for line in lines {
        let said = without_time(line);
        if is_statement(said) || !is_error(said) {
            continue;
        }
        let said = clean(said.trim());
        if errors.last() != Some(&said) {
            errors.push(said);
        }
    }
    if errors.len() > KEPT_ERRORS {
        let half = KEPT_ERRORS / 2;
        errors.drain(half..errors.len() - half);
    }
    errors
}

/// Cuts the time off: `20260110T060007.115+0000 ` or `2026-01-10 06:00:07 `.
fn without_time(line: &str) -> &str {
    let digits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'+' => byte == b'+' || byte == b'-',
                other => byte == other,
            })
    };
    for shape in [
        "00000000T000000.000+0000",
        "00000000T000000.000Z",
        "0000-00-00 00:00:00.000",
        "0000-00-00 00:00:00",
        "0000-00-00T00:00:00.000Z",
    ] {
        if let Some((time, rest)) = line.split_at_checked(shape.len())
            && digits(time, shape)
        {
            return rest.strip_prefix(' ').unwrap_or(rest);
        }
    }
    line
}

/// A statement of the script is printed with its number, four digits or more.
fn is_statement(said: &str) -> bool {
    let number = said.bytes().take_while(u8::is_ascii_digit).count();
    number >= 4 && said[number..].starts_with([' ', '\t'])
}

fn is_error(said: &str) -> bool {
    let said = said.trim().to_lowercase();
    // A count of none, and a setting that says what to do with errors.
    let harmless = [
        "0 error",
        "errors: 0",
        "no error",
        "errormode",
        "error mode",
        "scripterrorcount",
        "0 failed",
    ];
    let telling = [
        "error",
        "failed",
        "failure",
        "unauthorized",
        "forbidden",
        "denied",
        "timed out",
        "timeout",
        "out of memory",
        "cannot open",
        "cannot find",
        "could not",
        "not found",
        "exception",
        "aborted",
        "refused",
    ];
    telling.iter().any(|word| said.contains(word))
        && !harmless.iter().any(|word| said.contains(word))
}

/// A line that may leave the site: no secrets, no control characters, not too long.
pub fn clean(line: &str) -> String {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let masked = mask(line.trim_end());
    match masked.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} ...", &masked[..at]),
        None => masked,
    }
}

const MASK: &str = "[masked]";

/// What stands before a secret.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "cookie",
    "ticket",
    "licensekey",
    "license_key",
    "license key",
    "signedkey",
    "signed key",
    "serial",
    "serial number",
    "control",
    "control number",
    "xrfkey",
];

/// Blots out what may be a secret: what is named as one, credentials in URLs, and anything that
/// looks like a key or a license number. Rather too much than too little; GUIDs stay.
fn mask(line: &str) -> String {
    mask_runs(&mask_credentials(&mask_named(line)))
}

/// The value after `name=` or `"name": `, and after `Bearer ` and `Basic `.
fn mask_named(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let ends = |c: char| c.is_whitespace() || "\"'`;&,)}]<>".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let rest = &lower[at..];
        let value = value_after_name(rest, &line[at..]);
        if let Some(start) = value {
            out.push_str(&line[at..at + start]);
            let length = line[at + start..].find(ends).unwrap_or(line.len() - at - start);
            if length > 0 {
                out.push_str(MASK);
            }
            at += start + length;
            if length > 0 || start > 0 {
                continue;
            }
        }
        let next = line[at..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&line[at..at + next]);
        at += next;
    }
    out
}

/// Where the value begins, when the text begins with the name of a secret and a sign that a value
/// follows.
fn value_after_name(lower: &str, text: &str) -> Option<usize> {
    for scheme in ["bearer ", "basic "] {
        if let Some(rest) = lower.strip_prefix(scheme) {
            let blanks = rest.len() - rest.trim_start().len();
            // "basic " is also a word of prose: what follows must look like base64.
            let value = &text[scheme.len() + blanks..];
            let word = value.split(char::is_whitespace).next().unwrap_or("");
            let odd = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || c == '=';
            let telling = scheme == "bearer " || word.len() >= 8 && word.contains(odd);
            return telling.then_some(scheme.len() + blanks);
        }
    }
    let name =
        SECRET_NAMES.iter().filter(|name| lower.starts_with(**name)).max_by_key(|n| n.len())?;
    let rest = &lower[name.len()..];
    let signs = rest.find(|c: char| !(c.is_whitespace() || "\"'`:=".contains(c)));
    let signs = signs.unwrap_or(rest.len());
    let between = &rest[..signs];
    let mut start = name.len() + signs;
    if !between.contains([':', '=']) {
        return None;
    }
    // Authorization: Bearer abc
    for scheme in ["bearer ", "basic ", "negotiate ", "ntlm "] {
        if lower[start..].starts_with(scheme) {
            start += scheme.len();
        }
    }
    Some(start)
}

/// `https://user:password@host`.
fn mask_credentials(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let host = after.find(|c: char| c.is_whitespace() || "/\"'?#".contains(c));
        let authority = &after[..host.unwrap_or(after.len())];
        match authority.rfind('@') {
            Some(sign) => {
                out.push_str(MASK);
                rest = &after[sign..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// Runs of letters and digits that look like keys, and numbers of 16 digits, as license numbers are,
/// in groups of four or not.
fn mask_runs(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        if length == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let run = &rest[..length];
        let is_guid = run.len() == 36 && uuid::Uuid::try_parse(run).is_ok();
        let number = license_number(rest).filter(|_| !is_guid);
        if !is_guid && (number.is_some() || is_key(run)) {
            out.push_str(MASK);
        } else {
            out.push_str(run);
        }
        rest = &rest[number.map_or(length, |number| number.max(length))..];
    }
    out
}

fn is_key(run: &str) -> bool {
    if run.starts_with("eyJ") && run.len() >= 12 {
        return true;
    }
    run.split(['_', '-', '+']).any(|piece| {
        piece.len() >= 20
            && piece.bytes().any(|b| b.is_ascii_digit())
            && piece.bytes().any(|b| b.is_ascii_alphabetic())
    })
}

/// The length of a license number at the beginning: 16 digits, alone.
fn license_number(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 16 {
        return Some(16);
    }
    let (shape, groups) = (b"0000 0000 0000 0000", text.as_bytes().get(..19)?);
    let fits = groups.iter().zip(shape).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => matches!(byte, b' ' | b'-'),
    });
    let ends = text.as_bytes().get(19).is_none_or(|byte| !byte.is_ascii_digit());
    (fits && ends).then_some(19)
}

#[cfg(test)]
#[path = "script_log/tests.rs"]
mod tests;
