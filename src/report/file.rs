//! Reports as files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Report;
use crate::config::Settings;
use crate::config::settings::{Format, Reports};

/// How the files of one kind of report begin.
const PREFIX: &str = "bursar-report-";

/// `bursar-report-2026-10.html`.
pub fn name(report: &Report, format: Format) -> String {
    format!("{PREFIX}{}.{}", report.period.name, format.as_str())
}

/// Where those of the schedule are.
pub fn folder(settings: &Settings, reports: &Reports) -> PathBuf {
    settings.storage.path.parent().unwrap_or(Path::new("")).join(&reports.folder)
}

/// A report in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Of plain letters, digits, `-`, `_` and `.`.
    pub name: String,
    pub format: Format,
    pub bytes: u64,
    pub written: SystemTime,
}

/// The reports of a folder, newest first; what is no report of ours is left out. None where the folder is not
/// there yet.
///
/// # Errors
/// The folder can't be read.
pub fn list(folder: &Path) -> io::Result<Vec<Made>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut made = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let format = Format::ALL.into_iter().find(|format| is_ours(&name, *format));
        let Some(format) = format.filter(|_| name.bytes().all(plain)) else { continue };
        // One that goes in this moment is none any more, and a link leads elsewhere.
        let Ok(kind) = entry.metadata() else { continue };
        if kind.is_file() {
            let written = kind.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            made.push(Made { name, format, bytes: kind.len(), written });
        }
    }
    made.sort_by(|a, b| b.written.cmp(&a.written).then_with(|| a.name.cmp(&b.name)));
    Ok(made)
}

fn is_ours(name: &str, format: Format) -> bool {
    name.starts_with(PREFIX) && name.ends_with(&format!(".{}", format.as_str()))
}

/// Removes the oldest reports of a folder, so that those of `keep` periods stay in each format. Returns
/// what was removed.
pub fn prune(folder: &Path, keep: usize) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for format in Format::ALL {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_ours(&name, format) && entry.file_type()?.is_file() {
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
    fn only_reports_are_listed_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        for (n, name) in [
            "bursar-report-2026-08.html",
            "bursar-report-2026-09.csv",
            "bursar-report-2026-09.exe",
            "bursar-report-<b>.html",
            "secret.html",
        ]
        .iter()
        .enumerate()
        {
            fs::write(of(name), "text").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n as u64);
            fs::File::options().write(true).open(of(name)).unwrap().set_modified(time).unwrap();
        }
        fs::create_dir(of("bursar-report-folder.html")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(of("secret.html"), of("bursar-report-link.html")).unwrap();
        let made = list(folder.path()).unwrap();
        let names: Vec<_> = made.iter().map(|made| (made.name.as_str(), made.bytes)).collect();
        assert_eq!(names, [("bursar-report-2026-09.csv", 4), ("bursar-report-2026-08.html", 4)]);
        assert_eq!(made[0].format, Format::Csv);
        assert_eq!(list(&of("not there")).unwrap(), []);
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
            fs::write(&path, "x").unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(n as u64);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        fs::write(folder.path().join("mine.html"), "x").unwrap();
        fs::write(folder.path().join("bursar-report-2026-08.csv"), "x").unwrap();
        let removed = prune(folder.path(), 2).unwrap();
        assert_eq!(removed, [folder.path().join("bursar-report-2026-08.html")]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
