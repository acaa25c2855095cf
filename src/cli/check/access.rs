//! Who else may read or change what only Bursar should, and what goes over a network for all to read.

use std::borrow::Cow;
use std::path::Path;

use super::{Row, State};
use crate::config::{Loaded, Settings, key_files};
use crate::secret::mask;

/// Only what is not in order has a row.
pub(super) fn rows(loaded: &Loaded) -> Vec<Row> {
    let settings = &loaded.settings;
    let mut rows = in_clear(settings);
    let file = &settings.file;
    rows.extend(writable("settings", file));
    let holds_secrets =
        std::fs::read_to_string(file).is_ok_and(|text| matches!(mask(&text), Cow::Owned(_)));
    if holds_secrets {
        let fix = format!(
            "chmod o-rwx {}, or take the secrets out: ${{file:...}}, ${{env:...}}",
            file.display()
        );
        rows.extend(readable("settings", "the settings, which hold secrets,", file, &fix));
    }
    for (setting, key) in key_files(settings) {
        let subject = format!("key {setting}");
        let fix = format!("chmod o-rwx {}", key.display());
        rows.extend(readable(&subject, "the private key", &key, &fix));
        rows.extend(writable(&subject, &key));
    }
    for secret in loaded.secret_files() {
        let fix = format!("chmod o-rwx {}", secret.display());
        rows.extend(readable("secret", "a secret", &secret, &fix));
        rows.extend(writable("secret", &secret));
    }
    let store = &settings.storage.path;
    rows.extend(writable("store", store));
    let fix = format!("chmod 0600 {}", store.display());
    rows.extend(readable("store", "the store, which names people,", store, &fix));
    rows
}

/// Of a site and of e-mail the checks of the settings warn.
fn in_clear(settings: &Settings) -> Vec<Row> {
    let mut found = Vec::new();
    for (setting, text) in settings.destinations.in_clear() {
        let fix = match setting {
            "Butler.mqttConfig" => "set tls.enable: true and the port for TLS (usually 8883)",
            "Butler.influxDb" => "set useSSL: true",
            _ => "write an address that begins with https",
        };
        found.push(Row::new(setting, State::Warn, text).fix(fix));
    }
    found
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).ok()?).into()
}

/// What the folder's rights say is not looked at.
#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
}

/// A file that everybody on this machine may read.
fn readable(subject: &str, what: &str, path: &Path, fix: &str) -> Option<Row> {
    let found = format!("every user of this machine can read {what} in {}", path.display());
    (mode(path)? & 0o004 != 0).then(|| Row::new(subject, State::Warn, found).fix(fix))
}

/// A file that somebody else may change: itself, or by putting another in its place.
fn writable(subject: &str, path: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    for (place, is_folder) in [(path, false), (folder.unwrap_or(Path::new(".")), true)] {
        let Some(mode) = mode(place) else { continue };
        // In a folder such as /tmp nobody takes away what is another's.
        if is_folder && mode & 0o1000 != 0 {
            continue;
        }
        let who = match mode & 0o022 {
            0 => match stranger(place) {
                Some(user) => format!("user {user}, whom {} belongs to,", place.display()),
                None => continue,
            },
            0o020 => format!("the group of {}", place.display()),
            _ => "every user of this machine".to_owned(),
        };
        let fix = format!("let its user alone write: chmod go-w {}", place.display());
        let found = format!("{who} can change {}", path.display());
        rows.push(Row::new(subject, State::Warn, found).fix(fix));
        break;
    }
    rows
}

/// The user that owns it, when that is neither this one nor the administrator. The administrator looks
/// at files of the service's user.
#[cfg(unix)]
fn stranger(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    let ours = rustix::process::geteuid().as_raw();
    let owner = std::fs::metadata(path).ok()?.uid();
    (ours != 0 && owner != 0 && owner != ours).then_some(owner)
}

#[cfg(not(unix))]
fn stranger(_path: &Path) -> Option<u32> {
    None
}
