//! What older builds stored, read by this one. The files are explained in
//! `tests/data/stored/README.md`.

mod backup;
mod fields;
mod kinds;
mod meaning;
mod store;
mod words;

use std::path::{Path, PathBuf};

use bursar::alert::state::Alert;
use bursar::event::Event;
use bursar::ledger::past::Announcement;
use bursar::ledger::{Entry, SeatResult};
use bursar::license::monitor_app::{AppRun, ScriptLog};
use bursar::license::{Change, Person};
use bursar::policy::{Policy, Refusal};
use bursar::release::{Keep, Plan};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stored")
}

/// One kind of thing that is stored.
struct Form {
    folder: &'static str,
    /// Reads the text of one and writes it again.
    again: fn(&str) -> serde_json::Result<Value>,
}

fn again<T: DeserializeOwned + Serialize>(text: &str) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_str::<T>(text)?)
}

const FORMS: [Form; 13] = [
    Form { folder: "alerts", again: again::<Alert> },
    Form { folder: "announcements", again: again::<Announcement> },
    Form { folder: "app-runs", again: again::<AppRun> },
    Form { folder: "changes", again: again::<Change> },
    Form { folder: "entries", again: again::<Entry> },
    Form { folder: "events", again: again::<Event> },
    Form { folder: "guards", again: again::<Refusal> },
    Form { folder: "people", again: again::<Person> },
    Form { folder: "plans", again: again::<Plan> },
    Form { folder: "policies", again: again::<Policy> },
    Form { folder: "reasons", again: again::<Keep> },
    Form { folder: "results", again: again::<SeatResult> },
    Form { folder: "script-logs", again: again::<ScriptLog> },
];

/// The files of a folder by name, without `.json`: name and text.
pub fn files(of: &str) -> Vec<(String, String)> {
    let path = folder().join(of);
    let mut files: Vec<_> = std::fs::read_dir(&path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap().trim_end().to_owned())
        })
        .collect();
    assert!(!files.is_empty(), "{} is empty", path.display());
    files.sort();
    files
}

fn text(of: &str, name: &str) -> String {
    let path = folder().join(of).join(format!("{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn read<T: DeserializeOwned>(of: &str, name: &str) -> T {
    serde_json::from_str(&text(of, name)).unwrap_or_else(|e| panic!("{of}/{name}: {e}"))
}
