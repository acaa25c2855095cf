//! Reports as files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Format, Report};

/// How the files of one kind of report begin.
const PREFIX: &str = "bursar-report-";

/// `bursar-report-2026-10.html`.
pub fn name(report: &Report, format: Format) -> String {
    format!("{PREFIX}{}.{}", report.period.name, format.as_str())
}

/// Writes a file whole or not at all: into a new one beside it, which takes its place. Only its owner
/// may read it, on unix: it names people.
pub fn write(path: &Path, content: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("that is no name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(hidden);
    let written = File::options()
        .write(true)
        .create_new(true)
        .open_private(&beside)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Nothing more can be done about what is left of it.
        let _ = fs::remove_file(&beside);
    }
    written
}

trait Private {
    fn open_private(&mut self, path: &Path) -> io::Result<File>;
}

impl Private for fs::OpenOptions {
    fn open_private(&mut self, path: &Path) -> io::Result<File> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(self, 0o600);
        self.open(path)
    }
}

/// Removes the oldest reports of a folder, so that those of `keep` periods stay in each format. Returns
/// what was removed.
pub fn prune(folder: &Path, keep: usize) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for format in Format::ALL {
        let mut files: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(PREFIX) && name.ends_with(&format!(".{}", format.as_str()));
            if ours && entry.file_type()?.is_file() {
                files.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(keep);
        for (_, path) in files.into_iter().take(surplus) {
            fs::remove_file(&path)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write(&folder.path().join("no/such/a.html"), "x").unwrap_err();
    }

    #[test]
    fn the_oldest_go_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (n, name) in [
            "bursar-report-2026-08.html",
            "bursar-report-2026-09.html",
            "bursar-report-2026-10.html",
        ]
        .iter()
        .enumerate()
        {
            let path = folder.path().join(name);
            write(&path, "x").unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(n as u64);
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        write(&folder.path().join("mine.html"), "x").unwrap();
        write(&folder.path().join("bursar-report-2026-08.csv"), "x").unwrap();
        let removed = prune(folder.path(), 2).unwrap();
        assert_eq!(removed, [folder.path().join("bursar-report-2026-08.html")]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
