//! Log files: one a day and more where one is full, so many at most.
//!
//! `bursar.2026-11-24.log`, then `bursar.2026-11-24.1.log`: in the order of days and numbers.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, Utc};

/// How much room log files may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Most bytes of a file. A line is never split, so the last one may be longer.
    pub file_bytes: u64,
    /// Files that stay, the one that is written included. At least 1.
    pub files: usize,
}

/// Which of the files of a folder: the day and the number.
type Name = (NaiveDate, u32);

/// Writes to the newest file of a folder. Each write is a whole line.
#[derive(Debug)]
pub(super) struct LogFiles {
    directory: PathBuf,
    room: Room,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    name: Name,
    file: File,
    bytes: u64,
}

impl LogFiles {
    /// Makes the folder and opens today's file, so that what stands against it is told at start.
    pub(super) fn open(directory: &Path, room: Room) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut files = Self { directory: directory.to_owned(), room, current: None };
        files.make_room(today(), 0)?;
        Ok(files)
    }

    fn write_on(&mut self, day: NaiveDate, line: &[u8]) -> io::Result<usize> {
        let current = self.make_room(day, line.len() as u64)?;
        let written = current.file.write(line)?;
        current.bytes += written as u64;
        Ok(written)
    }

    /// The file that so many bytes more fit in: the one in hand, the newest of that day, or a new one.
    fn make_room(&mut self, day: NaiveDate, more: u64) -> io::Result<&mut Current> {
        let most = self.room.file_bytes;
        let fits = |file: &Current| {
            file.name.0 == day && (file.bytes == 0 || file.bytes.saturating_add(more) <= most)
        };
        if self.current.as_ref().is_none_or(|file| !fits(file)) {
            let newest = match &self.current {
                Some(file) => Some(file.name),
                None => self.names()?.last().copied(),
            };
            let number = newest.filter(|(last, _)| *last == day).map(|(_, number)| number);
            let mut file = self.open_file((day, number.unwrap_or(0)))?;
            if !fits(&file) {
                file = self.open_file((day, file.name.1 + 1))?;
            }
            self.current = Some(file);
            self.remove_oldest()?;
        }
        Ok(self.current.as_mut().expect("it was just opened"))
    }

    fn open_file(&self, name: Name) -> io::Result<Current> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // A link would lead to a file that is no log, and a pipe would wait.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            options.mode(0o640).custom_flags(flags.bits().cast_signed());
        }
        let file = options.open(self.directory.join(file_name(name)))?;
        let bytes = file.metadata()?.len();
        Ok(Current { name, file, bytes })
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let names = self.names()?;
        let surplus = names.len().saturating_sub(self.room.files.max(1));
        for name in &names[..surplus] {
            fs::remove_file(self.directory.join(file_name(*name)))?;
        }
        Ok(())
    }

    /// The log files that are there, oldest first.
    fn names(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            names.extend(entry?.file_name().to_str().and_then(name_of));
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl Write for LogFiles {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_on(today(), line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current.as_mut().map_or(Ok(()), |current| current.file.flush())
    }
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}

fn file_name((day, number): Name) -> String {
    match number {
        0 => format!("bursar.{day}.log"),
        number => format!("bursar.{day}.{number}.log"),
    }
}

fn name_of(file: &str) -> Option<Name> {
    let middle = file.strip_prefix("bursar.")?.strip_suffix(".log")?;
    let (day, number) = match middle.split_once('.') {
        None => (middle, 0),
        Some((day, number)) => (day, number.parse().ok()?),
    };
    let name = (day.parse().ok()?, number);
    (file_name(name) == file).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
    }

    fn files(folder: &Path) -> Vec<(String, u64)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().len()))
            .collect();
        found.sort();
        found
    }

    fn log(folder: &Path, files: usize) -> LogFiles {
        let room = Room { file_bytes: 100, files };
        LogFiles { directory: folder.to_owned(), room, current: None }
    }

    #[test]
    fn files_have_a_size_and_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("bursar.log"), "somebody else's").unwrap();
        let mut log = log(path, 3);
        for n in 1..=1000 {
            log.write_on(day(1 + n / 100), &[b'x'; 30]).unwrap();
            let sizes = files(path);
            assert!(sizes.len() <= 4, "{sizes:?}");
            let ours = sizes.iter().filter(|(name, _)| name != "bursar.log");
            assert!(ours.map(|(_, size)| size).sum::<u64>() <= 300);
        }
        // 3 lines a file, 100 lines a day, and one on the last day.
        let names: Vec<String> = files(path).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "bursar.2026-11-10.32.log",
                "bursar.2026-11-10.33.log",
                "bursar.2026-11-11.log",
                "bursar.log"
            ]
        );
    }

    #[test]
    fn a_restart_goes_on_in_the_newest_file_of_the_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for _ in 0..4 {
            log(path, 9).write_on(day(2), &[b'x'; 60]).unwrap();
        }
        for _ in 0..2 {
            log(path, 9).write_on(day(2), &[b'x'; 20]).unwrap();
        }
        let sizes: Vec<_> = files(path).into_iter().map(|(_, size)| size).collect();
        assert_eq!(sizes.iter().sum::<u64>(), 280);
        assert_eq!(sizes.len(), 4);
        assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    }

    #[test]
    fn a_line_longer_than_a_file_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(folder.path(), 9);
        for _ in 0..2 {
            assert_eq!(log.write_on(day(2), &[b'x'; 150]).unwrap(), 150);
        }
        assert_eq!(files(folder.path()).len(), 2);
    }
}
