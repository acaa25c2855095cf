//! Files that a person names: regular files, or links to them, up to a size. Whatever else stands at a path is an
//! error at once: a device has no end, and a pipe waits for somebody who writes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Most bytes of a file of settings, of a secret, of certificates, of a key or of a template: systems' bundles of
/// authorities have some 300 KiB.
pub const SMALL: u64 = 16 * MIB;

/// Most bytes of a plan: one of 200,000 seats has 90 MB.
pub const PLAN: u64 = 512 * MIB;

/// For what is read bit by bit, such as a store or an archive.
pub const ANY: u64 = u64::MAX;

const MIB: u64 = 1024 * 1024;

/// The whole content of a file.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let whole = || {
        let mut bytes = Vec::new();
        open(path, most)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let read: io::Result<Vec<u8>> = whole();
    WATCHING.with_borrow_mut(|watching| {
        if let Some(Seen(files)) = watching {
            let hash = read.as_ref().ok().map(|bytes| Sha256::digest(bytes).into());
            files.insert(path.to_owned(), hash);
        }
    });
    read
}

thread_local! {
    /// What was read since somebody wanted to know.
    static WATCHING: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// The files that something was made of, each by a hash of what it held; `None` of one that could not be read. Equal
/// ones lead to the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Seen {
    /// What the same files hold now.
    #[must_use]
    pub fn again(&self) -> Self {
        let hash =
            |path: &PathBuf| read(path, SMALL).ok().map(|bytes| Sha256::digest(&bytes).into());
        Self(self.0.keys().map(|path| (path.clone(), hash(path))).collect())
    }

    /// These and others, which were looked at after them.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether a file holds the same in both.
    pub fn is_same(&self, other: &Self, path: &Path) -> bool {
        self.0.get(path) == other.0.get(path)
    }

    /// One hash of all, in hexadecimal digits.
    pub fn hash(&self) -> String {
        let mut all = Sha256::new();
        for (path, hash) in &self.0 {
            all.update(path.as_os_str().as_encoded_bytes());
            all.update([0, u8::from(hash.is_some())]);
            all.update(hash.unwrap_or_default());
        }
        hex::encode(all.finalize())
    }
}

/// What `work` makes of files that are read whole, and which these are. It has to read them on this thread.
pub fn seeing<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    let before = WATCHING.replace(Some(Seen::default()));
    let made = work();
    let seen = WATCHING.replace(before).unwrap_or_default();
    WATCHING.with_borrow_mut(|outer| {
        if let Some(outer) = outer {
            outer.0.extend(seen.0.clone());
        }
    });
    (made, seen)
}

/// The same of a text. [`io::ErrorKind::InvalidData`] when it is none, with a [`NotText`].
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not text in UTF-8 from line {line}, column {column} on")]
pub struct NotText {
    /// Line and column of the first byte that is none, counted from 1.
    pub line: u64,
    pub column: u64,
}

/// UTF-8, and UTF-16 with a byte order mark, as Windows PowerShell and its editors write; that mark is taken off.
///
/// # Errors
/// Anything else, with the place at which it begins. The bytes are not repeated: they may be a password's.
pub fn text(bytes: Vec<u8>) -> Result<String, NotText> {
    let units: fn([u8; 2]) -> u16 = match bytes[..] {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => {
            return String::from_utf8(bytes).map_err(|error| {
                let good = error.utf8_error().valid_up_to();
                end_of(&String::from_utf8_lossy(&error.as_bytes()[..good]))
            });
        }
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for sign in char::decode_utf16(pairs.iter().map(|pair| units(*pair))) {
        text.push(sign.map_err(|_| end_of(&text))?);
    }
    if rest.is_empty() { Ok(text) } else { Err(end_of(&text)) }
}

/// The place behind a text.
fn end_of(text: &str) -> NotText {
    let last = text.rsplit('\n').next().unwrap_or_default();
    NotText { line: text.matches('\n').count() as u64 + 1, column: last.chars().count() as u64 + 1 }
}

/// What comes from a pipe or a terminal because somebody asked for it (`-`): no more than `most`.
pub fn read_stream(stream: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Limited { stream, left: most, most }.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file to read it; more than `most` bytes of it are an error, at once or when a file that
/// grows has come so far.
pub fn open(path: &Path, most: u64) -> io::Result<Limited<File>> {
    // Opening some devices does something to them, so they are not even opened.
    regular(&std::fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // What has taken the file's place meanwhile must not block.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed(),
    );
    let file = options.open(path)?;
    let facts = file.metadata()?;
    regular(&facts)?;
    made_by_the_kernel(&file)?;
    if facts.len() > most {
        return Err(too_large(most));
    }
    Ok(Limited { stream: file, left: most, most })
}

/// Reads up to a number of bytes; more is an error, not an end.
#[derive(Debug)]
pub struct Limited<S> {
    stream: S,
    left: u64,
    most: u64,
}

impl<S: Read> Read for Limited<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buf)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| too_large(self.most))?;
        Ok(read)
    }
}

fn too_large(most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {} MiB", most / MIB))
}

/// Whether a regular file stands at a path, or a link to one. It is not opened: a process that has a lock on a file would
/// lose it by closing the file once more.
///
/// # Errors
/// When there is none.
pub fn check_regular(path: &Path) -> io::Result<()> {
    regular(&std::fs::metadata(path)?)?;
    #[cfg(target_os = "linux")]
    made_by(rustix::fs::statfs(path)?)?;
    Ok(())
}

fn regular(facts: &Metadata) -> io::Result<()> {
    if facts.is_file() {
        return Ok(());
    }
    let what = if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    } else {
        kind(facts)
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}

#[cfg(unix)]
fn kind(facts: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = facts.file_type();
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "something else"
}

/// The files of `/proc` say that they are regular, but some of them have no end, and wait.
#[cfg(target_os = "linux")]
fn made_by_the_kernel(file: &File) -> io::Result<()> {
    made_by(rustix::fs::fstatfs(file)?)
}

#[cfg(target_os = "linux")]
fn made_by(system: rustix::fs::StatFs) -> io::Result<()> {
    if system.f_type == rustix::fs::PROC_SUPER_MAGIC {
        let why = "it is made by the kernel while it is read, not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn made_by_the_kernel(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why<T: std::fmt::Debug>(result: io::Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "0123456789").unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "0123456789");
        assert_eq!(why(read(&path, 9)), "it has more than 0 MiB");
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert_eq!(read_text(&link, SMALL).unwrap(), "0123456789");
        }
        std::fs::write(&path, b"a: 1\nb: \xe5").unwrap();
        let error = read_text(&path, SMALL).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "it is not text in UTF-8 from line 2, column 4 on");
        let missing = read(&folder.path().join("b"), SMALL).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert_eq!(why(read(folder.path(), SMALL)), "it is a folder");
    }

    #[test]
    fn text_of_windows_is_read() {
        let written = "a: å\r\nb: 𝄞\n";
        let units: Vec<u16> = written.encode_utf16().collect();
        let with = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let units = units.iter().flat_map(|unit| bytes(*unit));
            text(mark.into_iter().chain(units).collect())
        };
        assert_eq!(with([0xff, 0xfe], u16::to_le_bytes).unwrap(), written);
        assert_eq!(with([0xfe, 0xff], u16::to_be_bytes).unwrap(), written);
        // Half a sign at the end, and half a pair in the middle.
        assert_eq!(text(b"\xff\xfea\0\n\0b".to_vec()), Err(NotText { line: 2, column: 1 }));
        assert_eq!(text(b"\xff\xfea\0\x00\xd8b\0".to_vec()), Err(NotText { line: 1, column: 2 }));
    }

    #[test]
    fn a_file_that_grows_and_a_stream_end_at_the_limit() {
        assert_eq!(read_stream(&b"0123456789"[..], 10).unwrap().len(), 10);
        assert_eq!(why(read_stream(io::repeat(0), 3 * MIB)), "it has more than 3 MiB");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_regular_file_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let made = rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0);
        made.unwrap();
        for (path, expected) in [
            (Path::new("/dev/zero"), "it is a device, not a regular file"),
            (&socket, "it is a socket, not a regular file"),
            (&pipe, "it is a pipe, not a regular file"),
            (
                Path::new("/proc/self/status"),
                "it is made by the kernel while it is read, not a regular file",
            ),
        ] {
            assert_eq!(why(read(path, SMALL)), expected, "{}", path.display());
        }
    }
}
