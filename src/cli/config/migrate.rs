//! `bursar config migrate`: an older Butler file in today's layout.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::Exit;
use crate::config;
use crate::input;
use crate::output::{Existing, write, write_file};

/// Print a file of an older Butler in today's layout
///
/// Keys that have moved since Butler 11.1 are written at today's place; comments and all other lines
/// stay as they are. What became of each key is said on standard error. The file itself is changed
/// with --write only.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar config migrate butler.yaml | diff butler.yaml -\n  bursar config migrate butler.yaml > bursar.yaml\n  bursar config migrate --write butler.yaml"
)]
pub(super) struct Migrate {
    /// File of Butler's or Bursar's settings
    #[arg(value_name = "FILE", required_unless_present = "config")]
    file: Option<PathBuf>,
    /// The same, as other commands take it
    #[arg(short = 'c', long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// Change the file, and keep it as it was beside it as FILE.backup
    #[arg(long)]
    write: bool,
}

/// Names that are tried for the file as it was.
const BACKUPS: u32 = 1_000;

impl Migrate {
    pub(super) fn execute(self) -> anyhow::Result<Exit> {
        let file = self.file.or(self.config).expect("one of both is required");
        let name = file.display();
        let text = match input::read_text(&file, input::SMALL) {
            Ok(text) => text,
            Err(error) => {
                errln!("{name}: {error}");
                return Ok(Exit::Unusable);
            }
        };
        let migrated = match config::migrate(&text, &file) {
            Ok(migrated) => migrated,
            Err(problems) => {
                errln!("{problems}");
                return Ok(Exit::Unusable);
            }
        };
        for note in &migrated.notes {
            errln!("{note}");
        }
        if migrated.notes.is_empty() {
            errln!("{name}: it has today's layout already");
        }
        if !self.write {
            // As it is into a pipe or file, whatever signs the comments have.
            write(Path::new("-"), Existing::Keep, migrated.text.as_bytes())?;
        } else if migrated.text != text {
            let backup = replace(&file, &text, &migrated.text)?;
            outln!("{name}: written; as it was: {}", backup.display());
        }
        Ok(Exit::Ok)
    }
}

/// Writes into the file itself, so that its owner and rights stay; the old text is on the disk before.
fn replace(file: &Path, old: &str, new: &str) -> anyhow::Result<PathBuf> {
    let name = file.display();
    let facts = fs::symlink_metadata(file).with_context(|| format!("{name} can't be changed"))?;
    anyhow::ensure!(
        facts.is_file(),
        "{name} is a link, which is not written through: name the file itself"
    );
    // Before the backup: a file that can't be changed needs none.
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    let mut out = options.open(file).with_context(|| format!("{name} can't be changed"))?;
    let backup = keep(file, old).with_context(|| format!("{name} can't be kept as it was"))?;
    let written = out
        .write_all(new.as_bytes())
        .and_then(|()| out.set_len(new.len() as u64))
        .and_then(|()| out.sync_all());
    written.with_context(|| {
        format!("{name} was not written whole; as it was: {}", backup.display())
    })?;
    Ok(backup)
}

/// Lays the text beside the file, under a name that nothing has yet.
fn keep(file: &Path, text: &str) -> io::Result<PathBuf> {
    let mut last = None;
    for number in 1..=BACKUPS {
        let end = if number == 1 { ".backup".to_owned() } else { format!(".backup{number}") };
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        let path = PathBuf::from(name);
        match write_file(&path, Existing::Keep, text.as_bytes()) {
            Ok(()) => return Ok(path),
            Err(error) if fs::symlink_metadata(&path).is_ok() => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("there are too many backups")))
}
