//! Reports as files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Report;
use crate::config::settings::Format;

/// How the files of one kind of report begin.
const PREFIX: &str = "bursar-report-";

/// `bursar-report-2026-10.html`.
pub fn name(report: &Report, format: Format) -> String {
    format!("{PREFIX}{}.{}", report.period.name, format.as_str())
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
