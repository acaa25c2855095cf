//! Who runs this process: what the operating system knows, and what the environment claims.

use std::io::BufRead;
#[cfg(unix)]
use std::io::{BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::plain::one_line;

/// Variables that name a person. Whoever starts a process can write anything into them.
const CLAIMS: [&str; 5] = ["SUDO_USER", "SUDO_UID", "USER", "LOGNAME", "USERNAME"];

/// A name is never longer in practice; what is cut off ends in `...`.
const LONGEST: usize = 64;

/// A file of accounts is never larger in practice.
#[cfg(unix)]
const ACCOUNTS: u64 = 16 * 1024 * 1024;

/// A process of this program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Process {
    /// The user it runs as, by the operating system; absent where users have no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The name of that user, where the machine knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    pub pid: u32,
    /// Name of the machine.
    pub host: String,
    /// What its environment says beyond that, such as `SUDO_USER=anna`: anybody who starts a process
    /// can write anything there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
}

impl Process {
    /// User and machine: `anna@qlik-admin1`.
    pub fn short(&self) -> String {
        let user = match (&self.account, self.uid) {
            (Some(account), _) => account.clone(),
            (None, Some(uid)) => format!("uid {uid}"),
            (None, None) => "unknown".to_owned(),
        };
        format!("{user}@{}", self.host)
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.uid, &self.account) {
            (Some(uid), Some(account)) => write!(f, "uid {uid} ({account})")?,
            (Some(uid), None) => write!(f, "uid {uid}")?,
            (None, Some(account)) => write!(f, "account {account}")?,
            (None, None) => f.write_str("an unknown account")?,
        }
        write!(f, ", process {} on {}", self.pid, self.host)?;
        if self.says.is_empty() { Ok(()) } else { write!(f, "; says {}", self.says.join(", ")) }
    }
}

/// This process.
pub fn am_i() -> Process {
    let uid = uid();
    let account = account(uid);
    let host = harmless(&gethostname::gethostname().to_string_lossy());
    let known = [account.clone(), uid.map(|uid| uid.to_string())];
    let says = CLAIMS
        .iter()
        .filter_map(|name| Some((*name, std::env::var_os(name)?)))
        .filter_map(|(name, value)| claim(name, &value.to_string_lossy(), &known))
        .collect();
    Process { uid, account, pid: std::process::id(), host, says }
}

/// `NAME=value`, unless it says nothing new.
fn claim(name: &str, value: &str, known: &[Option<String>]) -> Option<String> {
    let value = harmless(value);
    let new = !value.is_empty() && !known.iter().flatten().any(|known| *known == value);
    // A value with anything else in it could look like more than one.
    let plain = value.chars().all(|c| c.is_alphanumeric() || ".-_@\\$".contains(c));
    new.then(|| if plain { format!("{name}={value}") } else { format!("{name}={value:?}") })
}

fn harmless(text: &str) -> String {
    // Looked at no further than is shown: a variable may have any size.
    let begin: String = text.chars().take(4 * LONGEST).collect();
    let line = one_line(&begin);
    if line.chars().count() <= LONGEST {
        return line;
    }
    let short: String = line.chars().take(LONGEST - 3).collect();
    short + "..."
}

#[cfg(unix)]
fn uid() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

/// The name of an account of this machine. Those of a directory have none here.
#[cfg(unix)]
fn account(uid: Option<u32>) -> Option<String> {
    let file = std::fs::File::open("/etc/passwd").ok()?;
    name_of(uid?, BufReader::new(file.take(ACCOUNTS)))
}

/// The account of the process's token.
#[cfg(windows)]
fn account(_uid: Option<u32>) -> Option<String> {
    whoami::username().ok().map(|name| harmless(&name)).filter(|name| !name.is_empty())
}

#[cfg_attr(windows, expect(dead_code, reason = "there is no such file"))]
fn name_of(uid: u32, mut accounts: impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    while accounts.by_ref().read_until(b'\n', &mut line).ok()? > 0 {
        let text = String::from_utf8_lossy(&line);
        let mut fields = text.split(':');
        if let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next())
            && id.parse() == Ok(uid)
        {
            return Some(harmless(name)).filter(|name| !name.is_empty());
        }
        line.clear();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_id_alone() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\n# 7\nbad\nanna:x:1000:1000::/:/bin/sh\n\
                        other:x:1000:1:::\n\x1b[31mred:x:7:7:::\n";
        for (uid, name) in
            [(0, Some("root")), (1000, Some("anna")), (7, Some("[31mred")), (100, None)]
        {
            assert_eq!(name_of(uid, accounts.as_bytes()).as_deref(), name, "{uid}");
        }
        assert_eq!(name_of(1, &b"\xff\xfe:x:1:"[..]).as_deref(), Some("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_claim_is_marked_short_and_on_one_line() {
        let known = [Some("root".to_owned()), Some("0".to_owned())];
        let said = |value: &str| claim("USER", value, &known);
        assert_eq!(said("anna").as_deref(), Some("USER=anna"));
        assert_eq!(said("CORP\\anna$").as_deref(), Some("USER=CORP\\anna$"));
        for nothing_new in ["", " ", "root", "0", "\n"] {
            assert_eq!(said(nothing_new), None, "{nothing_new:?}");
        }
        assert_eq!(
            said("a\", uid 0 (root)\r\n\x1b[2Kb\u{202e}").as_deref(),
            Some("USER=\"a\\\", uid 0 (root) [2Kb\"")
        );
        let long = said(&"x".repeat(1_000_000)).unwrap();
        assert_eq!(long.len(), "USER=".len() + LONGEST, "{long}");
        assert!(long.ends_with("..."), "{long}");
    }
}
