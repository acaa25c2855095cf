//! `bursar store`: care of the file in which everything is kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;

use super::release::who;
use super::text;
use super::{ConfigFile, Exit};
use crate::cli::time;
use crate::config::{Needs, Settings};
use crate::daemon::lock;
use crate::ledger::check::Findings;
use crate::plain::one_line;
use crate::store::care;
use crate::words;

/// Back up, restore, check and measure the store
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bursar store backup -c bursar.yaml\n  bursar store check -c bursar.yaml\n  bursar store size -c bursar.yaml"
)]
pub(crate) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a verified copy as of this moment; the daemon may run meanwhile
    #[command(
        after_help = "Examples:\n  bursar store backup -c bursar.yaml\n  bursar store backup -c bursar.yaml -o /backup/bursar.db"
    )]
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// Write it to this file, which must not be there yet [default: a name with the time in the folder
        /// of Butler.storage.backup, where the oldest copies beyond its number go]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a copy in the place of the store; what was there is kept beside it. The daemon has to be stopped
    ///
    /// The record of releases ends where that of the copy does: compare its last record with the newest one that a
    /// destination has. `bursar release settle` asks the site what became of seats whose outcome is open.
    #[command(
        after_help = "Examples:\n  bursar store restore -c bursar.yaml backup/bursar-20261130T023000Z.backup.db"
    )]
    Restore {
        #[command(flatten)]
        config: ConfigFile,
        /// The copy
        #[arg(value_name = "COPY")]
        copy: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check every page of the store, and its record of releases; the daemon may run meanwhile
    #[command(
        after_help = "Examples:\n  bursar store check -c bursar.yaml\n  bursar store check -c bursar.yaml --file backup/bursar-20261130T023000Z.backup.db\n\nExit codes: 0 whole, 3 damaged, 1 could not be checked"
    )]
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Check this copy in place of the store
        #[arg(long = "file", value_name = "COPY")]
        copy: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let releases go on with a store that began anew, in the place of one that was damaged or gone
    ///
    /// A fresh store knows nothing of earlier pauses, announcements, releases and seats whose fate is open, so no seat
    /// is released by it. Where there is a copy, `store restore` puts it back instead.
    #[command(
        after_help = "Examples:\n  bursar store accept -c bursar.yaml --why 'no copy, pauses were set again'"
    )]
    Accept {
        #[command(flatten)]
        config: ConfigFile,
        /// Why releases may go on without what the store before knew
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Say how large the store is, and what takes the room
    #[command(after_help = "Examples:\n  bursar store size -c bursar.yaml")]
    Size {
        #[command(flatten)]
        config: ConfigFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What `backup --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackedUp<'a> {
    file: &'a Path,
    bytes: u64,
    /// The last record of releases in it, as `audit verify --head` takes it.
    head: Option<String>,
}

/// What `restore --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restored<'a> {
    store: &'a Path,
    /// What was there before.
    kept: Option<&'a Path>,
    head: Option<String>,
    head_before: Option<String>,
    /// No seat is released until a person lets it.
    knows_less: bool,
}

/// What `check --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    file: &'a Path,
    whole: bool,
    problems: &'a [String],
    /// Of the record of releases; absent where the file is too damaged to read it.
    ledger: Option<&'a Findings>,
}

impl Store {
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Backup { config, output, json } => {
                with_any(&config, |settings| back_up(&settings, output.as_deref(), json))
            }
            Command::Restore { config, copy, json } => {
                with(&config, |settings| restore(&settings, &copy, json))
            }
            Command::Check { config, copy, json } => with_any(&config, |settings| {
                check(copy.as_deref().unwrap_or(&settings.storage.path), json)
            }),
            Command::Accept { config, why } => with(&config, |settings| accept(&settings, &why)),
            Command::Size { config, json } => with_any(&config, |settings| size(&settings, json)),
        }
    }
}

fn with(
    config: &ConfigFile,
    work: impl FnOnce(Settings) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    match super::load(&config.file, false) {
        Ok(loaded) => work(loaded.settings),
        Err(exit) => Ok(exit),
    }
}

/// As [`with`], also with settings that have a mistake.
fn with_any(
    config: &ConfigFile,
    work: impl FnOnce(Settings) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    match super::pass_and_tell(&config.file, Needs::Store) {
        Ok(passed) => work(passed.settings),
        Err(exit) => Ok(exit),
    }
}

fn back_up(settings: &Settings, to: Option<&Path>, json: bool) -> anyhow::Result<Exit> {
    let storage = &settings.storage;
    there(&storage.path)?;
    let (file, bytes) = match to {
        Some(to) => (to.to_owned(), care::back_up(&storage.path, to)?),
        None => {
            let (folder, keep) = (storage.backup_folder(), storage.backup.keep);
            care::back_up_into(&storage.path, &folder, keep, time::now())?
        }
    };
    let head = head(&file);
    if json {
        crate::terminal::print_json(&BackedUp { file: &file, bytes, head })?;
    } else {
        outln!("{} ({}), read back and compared", file.display(), words::bytes(bytes));
        if let Some(head) = head {
            outln!("its record of releases ends with {head}");
        }
    }
    Ok(Exit::Ok)
}

fn restore(settings: &Settings, copy: &Path, json: bool) -> anyhow::Result<Exit> {
    let store = &settings.storage.path;
    // No daemon starts meanwhile.
    let _lock = lock::take(store).context("stop the daemon before its store is restored")?;
    let head_before = head(store);
    let care::Restored { kept, knows_less } = care::restore(copy, store, time::now())?;
    let head = head(store);
    if json {
        let kept = kept.as_deref();
        crate::terminal::print_json(&Restored { store, kept, head, head_before, knows_less })?;
        return Ok(Exit::Ok);
    }
    outln!("{} is {} now", store.display(), copy.display());
    if let Some(kept) = kept {
        outln!("what was there before is kept as {}", kept.display());
    }
    match (&head, &head_before) {
        (Some(head), Some(before)) if head != before => {
            outln!("its record of releases ends with {head}; the one before ended with {before}");
            outln!(
                "what was released between the two is in no restored record, nor is a pause of then"
            );
        }
        (Some(head), _) => outln!("its record of releases ends with {head}"),
        _ => {}
    }
    if knows_less {
        outln!("no seat is released until a person lets it: `bursar store accept --why TEXT`");
    }
    Ok(Exit::Ok)
}

fn check(file: &Path, json: bool) -> anyhow::Result<Exit> {
    there(file)?;
    let problems = care::check(file)?;
    // A damaged file may still have a record that can be read.
    let ledger = super::audit::findings(file).ok();
    let whole = problems.is_empty() && ledger.as_ref().is_some_and(|ledger| ledger.in_order);
    if json {
        let (problems, ledger) = (problems.as_slice(), ledger.as_ref());
        crate::terminal::print_json(&Checked { file, whole, problems, ledger })?;
    } else if whole {
        outln!("{} is whole, and its record of releases in order", file.display());
    } else {
        for problem in &problems {
            outln!("{}", one_line(problem));
        }
        match ledger {
            None => outln!("its record of releases can't be read"),
            Some(ledger) if !ledger.in_order => {
                outln!("its record of releases is not in order; see bursar audit verify");
            }
            Some(_) => {}
        }
        outln!(
            "{} is damaged: keep it, and put the newest copy in its place (bursar store restore)",
            file.display()
        );
    }
    Ok(if whole { Exit::Ok } else { Exit::NotInOrder })
}

fn accept(settings: &Settings, why: &str) -> anyhow::Result<Exit> {
    let why = one_line(why);
    if why.is_empty() {
        errln!("bursar: --why must say why");
        return Ok(Exit::Unusable);
    }
    there(&settings.storage.path)?;
    let begun = super::block_on(async {
        let store = time::open_store(settings).await?;
        let begun = store.accept_begun_anew(&who(), &why).await?;
        store.close().await;
        anyhow::Ok(begun)
    })??;
    let Some(begun) = begun else {
        outln!("nothing is to be accepted: the store did not begin anew");
        return Ok(Exit::NotInOrder);
    };
    outln!(
        "releases of all sites go on as the settings say, without the pauses and announcements of before"
    );
    if let Some(file) = &begun.file {
        outln!("the store before is kept as {}", file.display());
    }
    Ok(Exit::Ok)
}

fn size(settings: &Settings, json: bool) -> anyhow::Result<Exit> {
    let store = &settings.storage.path;
    there(store)?;
    let size = care::size(store)?;
    if json {
        crate::terminal::print_json(&size)?;
        return Ok(Exit::Ok);
    }
    outln!(
        "{}: {}, of which {} are free to be used again; its log {}",
        store.display(),
        words::bytes(size.bytes),
        words::bytes(size.free_bytes),
        words::bytes(size.wal_bytes)
    );
    let mut rows = vec![["table", "rows", "size"].map(String::from).to_vec()];
    rows.extend(size.tables.iter().map(|of| {
        vec![of.table.clone(), settings.locale.fixed(of.rows as f64, 0), words::bytes(of.bytes)]
    }));
    out!("{}", text::columns(&rows));
    Ok(Exit::Ok)
}

fn there(store: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(store.exists(), "{} does not exist", store.display());
    Ok(())
}

/// The last record of releases, as `audit verify --head` takes it; `None` where there is none, or it can't be read.
fn head(store: &Path) -> Option<String> {
    let (_, head) = crate::store::LedgerFile::open(store).ok()?.ends().ok()?;
    (head.seq > 0).then(|| format!("{}:{}", head.seq, head.hash))
}
