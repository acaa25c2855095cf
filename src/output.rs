//! Files that are written for people: plans, reports, exports, archives.
//!
//! They name people, so only their owner may read them (mode 0600; on Windows the folder decides).
//! Each is written whole or not at all: into a file beside it that takes its name once all of it is
//! on the disk. A link is never written through: whoever made it decides where it leads.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::terminal::Screen;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Keep,
    Replace,
}

/// Where something is written to. What is not [finished](Self::finish) was never written, unless it
/// went into a stream.
#[derive(Debug)]
pub struct Output(To);

#[derive(Debug)]
enum To {
    Standard(BufWriter<Stdout>),
    /// Standard output at which a person looks, and not a program.
    Screen(Screen),
    /// A pipe with a name, or a device such as `/dev/null`.
    Stream(BufWriter<File>),
    File(UnfinishedFile),
}

/// A file that takes its name at the end.
#[derive(Debug)]
struct UnfinishedFile {
    content: Option<BufWriter<File>>,
    beside: PathBuf,
    path: PathBuf,
    existing: Existing,
}

/// A plan of many seats has megabytes.
const BUFFER: usize = 64 * 1024;

impl Output {
    /// `-` is standard output; a pipe or device is written to as it is.
    ///
    /// # Errors
    /// When the path is a link, a folder or somebody else's pipe; with [`Existing::Keep`], when
    /// there is such a file.
    pub fn open(path: &Path, existing: Existing) -> io::Result<Self> {
        if path == Path::new("-") || path == Path::new("/dev/stdout") {
            let out = io::stdout();
            return Ok(Self(if out.is_terminal() {
                To::Screen(Screen::default())
            } else {
                To::Standard(BufWriter::with_capacity(BUFFER, out))
            }));
        }
        if let Some(stream) = stream(path)? {
            return Ok(Self(To::Stream(BufWriter::with_capacity(BUFFER, stream))));
        }
        Self::file(path, existing)
    }

    /// As [`open`](Self::open), for what must be a file, such as one that is read again.
    ///
    /// # Errors
    /// Also when the path is anything else.
    pub fn file(path: &Path, existing: Existing) -> io::Result<Self> {
        if path == Path::new("-") || path.file_name().is_none() {
            return Err(io::Error::other("it has to be a file with a name"));
        }
        check(path, existing)?;
        let beside = folder(path).join(format!(".bursar-{}.part", Uuid::new_v4().simple()));
        let file = private().open(&beside).map_err(|e| {
            io::Error::new(e.kind(), format!("no file can be made in its folder: {e}"))
        })?;
        let content = Some(BufWriter::with_capacity(BUFFER, file));
        Ok(Self(To::File(UnfinishedFile { content, beside, path: path.to_path_buf(), existing })))
    }

    /// Whether it goes to standard output, where nothing else may be said then.
    pub fn is_standard(&self) -> bool {
        matches!(self.0, To::Standard(_) | To::Screen(_))
    }

    /// All was written: puts it on the disk, and then in its place.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            To::Standard(mut out) => out.flush(),
            To::Screen(mut out) => out.flush(),
            To::Stream(mut out) => out.flush(),
            To::File(whole) => whole.finish(),
        }
    }
}

/// Writes all of something; see [`Output::open`].
pub fn write(path: &Path, existing: Existing, content: &[u8]) -> io::Result<()> {
    let mut out = Output::open(path, existing)?;
    out.write_all(content)?;
    out.finish()
}

/// Writes a file; see [`Output::file`].
pub fn write_file(path: &Path, existing: Existing, content: &[u8]) -> io::Result<()> {
    let mut out = Output::file(path, existing)?;
    out.write_all(content)?;
    out.finish()
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            To::Standard(out) => out.write(bytes),
            To::Screen(out) => out.write(bytes),
            To::Stream(out) => out.write(bytes),
            To::File(whole) => whole.content().write(bytes),
        }
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            To::Standard(out) => out.write_all(bytes),
            To::Screen(out) => out.write_all(bytes),
            To::Stream(out) => out.write_all(bytes),
            To::File(whole) => whole.content().write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            To::Standard(out) => out.flush(),
            To::Screen(out) => out.flush(),
            To::Stream(out) => out.flush(),
            To::File(whole) => whole.content().flush(),
        }
    }
}

impl UnfinishedFile {
    fn content(&mut self) -> &mut BufWriter<File> {
        self.content.as_mut().expect("it is there until the end")
    }

    fn finish(mut self) -> io::Result<()> {
        let content = self.content.take().expect("it is there until the end");
        let file = content.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        // Windows renames no open file.
        drop(file);
        // Somebody may have made a folder or a link of that name meanwhile.
        check(&self.path, self.existing)?;
        match self.existing {
            Existing::Replace => rename(&self.beside, &self.path)?,
            Existing::Keep => self.take_free_name()?,
        }
        sync_folder(&self.path)
    }

    /// A rename would replace a file that was made meanwhile.
    fn take_free_name(&self) -> io::Result<()> {
        match fs::hard_link(&self.beside, &self.path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
            // A file system without links: the name is taken by an empty file first.
            Err(_) => {
                private().open(&self.path).map_err(|e| match e.kind() {
                    io::ErrorKind::AlreadyExists => exists(),
                    _ => e,
                })?;
                rename(&self.beside, &self.path)
            }
        }
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        self.content = None;
        // Gone already where it was renamed. Nothing more can be done about what is left of it.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Renames a file. On Windows a scanner may have one of the two open for a moment, and whoever looks at a report for long.
#[expect(clippy::disallowed_methods, reason = "commands write files without a runtime")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(50);
    // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION
    let is_open = |error: &io::Error| cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32));
    for _ in 1..TRIES {
        match fs::rename(from, to) {
            Err(error) if is_open(&error) => std::thread::sleep(PAUSE),
            renamed => return renamed,
        }
    }
    fs::rename(from, to).map_err(|error| {
        if is_open(&error) {
            let why = "it can't be replaced, as while another program has it open: close it there, or name another file";
            io::Error::new(error.kind(), format!("{why}: {error}"))
        } else {
            error
        }
    })
}

/// Makes a new file that only its owner may read.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What is there in place of the file must be nothing, or a file that may be replaced.
fn check(path: &Path, existing: Existing) -> io::Result<()> {
    let Some(found) = found(path)? else { return Ok(()) };
    let kind = found.file_type();
    if kind.is_symlink() {
        return Err(io::Error::other(
            "it is a link, which is not written through: name the file itself",
        ));
    }
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is no file, but a pipe, a socket or a device"));
    }
    match existing {
        Existing::Keep => Err(exists()),
        Existing::Replace => Ok(()),
    }
}

fn exists() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is such a file already; name a new one")
}

/// What has this name, without following it.
fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// A pipe or device of this name.
#[cfg(unix)]
fn stream(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

    // The streams this process was given, such as those of `>(gzip > file)`. They are links by
    // nature, which nobody else can make.
    let given =
        ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.parent() == Some(folder.as_ref()))
            || path == Path::new("/dev/stderr");
    if given {
        return File::options().append(true).open(path).map(Some);
    }
    let is_stream =
        |found: &Metadata| found.file_type().is_fifo() || found.file_type().is_char_device();
    if !found(path)?.is_some_and(|found| is_stream(&found)) {
        return Ok(None);
    }
    let not_followed = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    // Opening a pipe waits for somebody who reads from it, for ever.
    let not_waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let flags = not_followed | not_waiting;
    let file = File::options().append(true).custom_flags(flags).open(path).map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
            io::Error::new(error.kind(), "nobody reads from this pipe: start its reader first")
        } else {
            error
        }
    })?;
    let mut set = rustix::fs::fcntl_getfl(&file)?;
    set.remove(rustix::fs::OFlags::NONBLOCK);
    rustix::fs::fcntl_setfl(&file, set)?;
    let opened = file.metadata()?;
    if !is_stream(&opened) {
        return Err(io::Error::other("it was exchanged while it was opened"));
    }
    let owner = opened.uid();
    if opened.file_type().is_fifo() && owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("it is a pipe of another user (uid {owner}), who could read what is written"),
        ));
    }
    Ok(Some(file))
}

#[cfg(not(unix))]
fn stream(_path: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name of a new file is on the disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder(path))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        write(&path, Existing::Replace, b"one").unwrap();
        let mut half = Output::open(&path, Existing::Replace).unwrap();
        half.write_all(b"half").unwrap();
        drop(half);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, Existing::Replace, b"two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(folder.path()), ["a.html"]);
        write(&folder.path().join("no/such/a.html"), Existing::Replace, b"x").unwrap_err();
    }

    #[test]
    fn a_file_that_was_made_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut out = Output::open(&path, Existing::Keep).unwrap();
        out.write_all(b"new").unwrap();
        fs::write(&path, "of somebody else").unwrap();
        let error = out.finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "of somebody else");
        assert_eq!(names(folder.path()), ["a.json"]);
        let out = Output::open(&folder.path().join("b.json"), Existing::Keep).unwrap();
        out.finish().unwrap();
        assert_eq!(names(folder.path()), ["a.json", "b.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_written_through_also_one_that_was_made_meanwhile() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        fs::write(&target, "mine").unwrap();
        for existing in [Existing::Keep, Existing::Replace] {
            let out = Output::open(&path, existing).unwrap();
            symlink(&target, &path).unwrap();
            out.finish().unwrap_err();
            Output::open(&path, existing).unwrap_err();
            fs::remove_file(&path).unwrap();
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert_eq!(names(folder.path()), ["target"]);
    }
}
