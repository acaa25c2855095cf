//! Who may do what with the files of the Windows service: what `icacls` is asked for, and what it saved.
//!
//! Only the service's own folder (`%ProgramData%\Bursar`) is closed to others. Elsewhere the service is given what it
//! needs, and who else is let in is told: the folder may be somebody's.

use std::path::{Path, PathBuf};

/// The account that Windows makes for the service.
pub const ACCOUNT: &str = "NT SERVICE\\Bursar";

/// Administrators and the system, in every language.
const KEEPERS: [&str; 2] = ["*S-1-5-32-544", "*S-1-5-18"];

/// Groups that everybody is in, as SDDL names them.
const CROWDS: [(&str, &str); 7] = [
    ("WD", "everybody"),
    ("AN", "who did not log in"),
    ("AU", "every user"),
    ("BU", "every user"),
    ("BG", "guests"),
    ("IU", "who is logged in"),
    ("NU", "who comes over the network"),
];

/// What the service may do with a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    ReadFile,
    ReadFolder,
    /// A folder, and all in it.
    Modify,
}

/// A right that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub path: PathBuf,
    pub right: Right,
    /// In the folder of the service: everybody else is kept out.
    pub closed: bool,
}

impl Grant {
    /// In which order: what is inside after what is around it.
    pub fn new(path: &Path, right: Right, own: Option<&Path>) -> Self {
        let closed = own.is_some_and(|own| path.starts_with(own));
        Self { path: path.to_owned(), right, closed }
    }

    /// The arguments of `icacls`, without the path.
    pub fn arguments(&self) -> Vec<String> {
        let (inherited, ours) = match self.right {
            Right::ReadFile => ("", "R"),
            Right::ReadFolder => ("(OI)(CI)", "RX"),
            Right::Modify => ("(OI)(CI)", "M"),
        };
        let mut arguments = Vec::new();
        if self.closed {
            arguments.extend(["/inheritance:r".to_owned(), "/grant:r".to_owned()]);
            arguments.extend(KEEPERS.map(|who| format!("{who}:{inherited}F")));
        } else {
            arguments.push("/grant".to_owned());
        }
        arguments.push(format!("{ACCOUNT}:{inherited}{ours}"));
        arguments
    }
}

/// What is not in order with the rights that were found, as SDDL: the service (by its SID) can't get in, or everybody
/// can.
pub fn wrong(sddl: &str, service: &str) -> Vec<String> {
    let entries: Vec<Vec<&str>> = sddl
        .split('(')
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(entry, _)| entry.split(';').collect())
        .collect();
    let allowed = |sid: &str| {
        entries.iter().any(|entry| entry.first() == Some(&"A") && entry.get(5) == Some(&sid))
    };
    let mut found = Vec::new();
    if !allowed(service) {
        found.push(format!("{ACCOUNT} has no right to it"));
    }
    for (sid, who) in CROWDS {
        if allowed(sid) {
            found.push(format!("{who} ({sid}) has rights to it"));
        }
    }
    found
}

/// The descriptions in a file of `icacls /save`: UTF-16, a line with the name and one with the rights for each.
pub fn saved(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16_lossy(&units);
    text.lines().find(|line| line.starts_with("D:")).map(str::to_owned)
}

/// The SID in what `sc showsid` says, in any language.
pub fn service_sid(said: &str) -> Option<String> {
    let at = said.find("S-1-5-80-")?;
    let is_part = |c: char| c.is_ascii_digit() || "S-".contains(c);
    let sid: String = said[at..].chars().take_while(|c| is_part(*c)).collect();
    Some(sid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "S-1-5-80-1-2-3-4-5";

    #[test]
    fn the_own_folder_is_closed_and_others_are_not() {
        let own = Path::new("/ProgramData/Bursar");
        let closed = Grant::new(&own.join("certificates"), Right::ReadFolder, Some(own));
        assert_eq!(
            closed.arguments(),
            [
                "/inheritance:r",
                "/grant:r",
                "*S-1-5-32-544:(OI)(CI)F",
                "*S-1-5-18:(OI)(CI)F",
                "NT SERVICE\\Bursar:(OI)(CI)RX"
            ]
        );
        let elsewhere = Grant::new(Path::new("/data"), Right::Modify, Some(own));
        assert_eq!(elsewhere.arguments(), ["/grant", "NT SERVICE\\Bursar:(OI)(CI)M"]);
        let beside = Grant::new(Path::new("/ProgramData/Bursary"), Right::Modify, Some(own));
        assert!(!beside.closed);
    }

    #[test]
    fn who_gets_in_is_found() {
        let good = format!("D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1301bf;;;{SID})");
        assert_eq!(wrong(&good, SID), Vec::<String>::new());
        let open = "D:AI(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)(D;ID;FA;;;WD)";
        assert_eq!(
            wrong(open, SID),
            ["NT SERVICE\\Bursar has no right to it", "every user (BU) has rights to it"]
        );
    }

    #[test]
    fn what_was_saved_is_read() {
        let text = "bursar.yaml\r\nD:PAI(A;;FA;;;BA)\r\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(saved(&bytes).as_deref(), Some("D:PAI(A;;FA;;;BA)"));
        assert_eq!(saved(b"x"), None);
        let said = "NAME: Bursar\r\nSERVICE SID: S-1-5-80-1-2-3-4-5\r\nSTATUS: Inactive\r\n";
        assert_eq!(service_sid(said).as_deref(), Some(SID));
    }
}
