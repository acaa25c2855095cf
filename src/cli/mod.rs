//! The command line: one file per command.
//!
//! Results go to standard output, everything else (log lines, progress, complaints) to standard
//! error. Exit codes: see [`Exit`].

/// Prints to standard output; a full disk or a closed pipe is an error and no panic. Parts from
/// outside have to be on one line.
macro_rules! out {
    ($($part:tt)*) => {
        $crate::cli::command::print(format_args!($($part)*))?
    };
}

/// As `out!`, with a line end.
macro_rules! outln {
    ($($part:tt)*) => {
        $crate::cli::command::print(format_args!("{}\n", format_args!($($part)*)))?
    };
}

/// Prints to standard error. Parts from outside have to be on one line.
macro_rules! err {
    ($($part:tt)*) => {
        $crate::cli::command::complain(format_args!($($part)*))
    };
}

/// As `err!`, with a line end.
macro_rules! errln {
    ($($part:tt)*) => {
        $crate::cli::command::complain(format_args!("{}\n", format_args!($($part)*)))
    };
}

mod alert;
mod audit;
mod check;
mod command;
mod completions;
mod config;
mod demo;
mod healthcheck;
mod help;
mod import;
mod init;
pub mod insight;
mod limit;
mod man;
mod monitor_app;
mod named;
mod outbox;
mod release;
mod reload;
mod report;
mod run;
mod service;
mod simulate;
mod sites;
mod status;
mod store;
mod table;
pub mod text;
mod time;
mod token;
mod user;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::config::{Files, Loaded, Needs, Problems, Settings};
use crate::store::Store;

/// How a command ended, as the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Ok = 0,
    /// 1: something went wrong while running.
    Failed = 1,
    /// 2: the command line or the settings can't be used; nothing was started.
    Unusable = 2,
    /// 3: the command ran, and what it looked at is not in order.
    NotInOrder = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Watches the licenses of client-managed Qlik Sense sites
#[derive(Debug, Parser)]
#[command(
    name = "bursar",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  bursar demo                          watch a simulated Qlik Sense site, nothing else needed
  bursar init                          write a file of settings to start from
  bursar check -c bursar.yaml          verify settings, certificates, sites and destinations
  bursar run -c bursar.yaml            run the daemon
  bursar status -c bursar.yaml --live  ask the sites now and print what they say

Exit codes: 0 done, 1 failed, 2 arguments or settings can't be used, 3 not in order"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Only ASCII: no blocks, lines or arrows, `?` for letters beyond it (exact in --json, as escapes); files
    /// stay as they are. On by itself where the locale isn't one of UTF-8
    #[arg(long, global = true)]
    ascii: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Box<init::Init>),
    Run(run::Run),
    Reload(reload::Reload),
    Check(check::Check),
    Status(status::Status),
    Demo(demo::Demo),
    Simulate(simulate::Simulate),
    Release(release::Release),
    Alert(alert::Alert),
    Audit(audit::Audit),
    MonitorApp(monitor_app::MonitorApp),
    Outbox(outbox::Outbox),
    Store(store::Store),
    Import(import::Import),
    Insight(insight::Insight),
    Report(report::Report),
    Config(config::Config),
    User(user::User),
    Token(token::Token),
    Healthcheck(healthcheck::Healthcheck),
    Service(service::Service),
    Completions(completions::Completions),
    Man(man::Man),
}

/// The settings file, the same option for every command that needs one.
#[derive(Debug, Clone, clap::Args)]
struct ConfigFile {
    /// Settings file (YAML, Butler's tree)
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "BURSAR_CONFIG")]
    file: PathBuf,
}

/// Stack of the thread that commands run on: what Linux gives the first one. Windows gives 1 MiB, which parsing and the
/// larger commands come near to.
#[cfg(windows)]
const STACK: usize = 8 * 1024 * 1024;

/// Runs something on a thread with the stack that it needs.
///
/// # Errors
/// What it said when it panicked, or that there is no thread to be had.
#[cfg(windows)]
fn with_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        thread.map_err(|error| error.to_string())?.join().map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default()
        })
    })
}

/// Runs the command line of this process.
#[cfg(windows)]
pub fn main() -> ExitCode {
    // What a panic said is on standard error; 101 is its code everywhere.
    with_stack(execute).unwrap_or(ExitCode::from(101))
}

/// Runs the command line of this process.
#[cfg(not(windows))]
pub fn main() -> ExitCode {
    execute()
}

fn execute() -> ExitCode {
    let matches = help::fitted(Arguments::command()).get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    crate::terminal::choose_signs(arguments.ascii);
    crate::tls::install_provider();
    let result = match arguments.command {
        Command::Init(command) => command.execute(),
        Command::Run(command) => command.execute(),
        Command::Reload(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Status(command) => command.execute(),
        Command::Demo(command) => command.execute(),
        Command::Simulate(command) => command.execute(),
        Command::Release(command) => command.execute(),
        Command::Alert(command) => command.execute(),
        Command::Audit(command) => command.execute(),
        Command::MonitorApp(command) => command.execute(),
        Command::Outbox(command) => command.execute(),
        Command::Store(command) => command.execute(),
        Command::Import(command) => command.execute(),
        Command::Insight(command) => command.execute(),
        Command::Report(command) => command.execute(),
        Command::Config(command) => command.execute(),
        Command::User(command) => command.execute(),
        Command::Token(command) => command.execute(),
        Command::Healthcheck(command) => command.execute(),
        Command::Service(command) => command.execute(),
        Command::Completions(command) => command.execute(),
        Command::Man(command) => command.execute(),
    };
    match result {
        Ok(exit) => exit.into(),
        // The reader has seen enough, as in `bursar config default | head`.
        Err(error) if is_closed_pipe(&error) => Exit::Ok.into(),
        Err(error) => {
            errln!("bursar: {error:#}");
            Exit::Failed.into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

impl ConfigFile {
    /// Loads the settings; prints every problem and gives the exit code when they can't be used.
    fn load(&self) -> Result<Loaded, Exit> {
        load(&self.file, true)
    }
}

/// Opens the store of the settings to look at it: it is neither made nor changed. `absent` says what to do
/// when there is none.
async fn open_to_read(settings: &Settings, absent: &str) -> anyhow::Result<Store> {
    let path = &settings.storage.path;
    anyhow::ensure!(path.exists(), "{} does not exist{absent}", path.display());
    Ok(Store::open_to_read_with_clock(path, settings.storage.outbox, time::now).await?)
}

/// Loads the settings, printing problems to standard error.
fn load(file: &Path, print_warnings: bool) -> Result<Loaded, Exit> {
    command::remember(file);
    match crate::config::load(file) {
        Ok(loaded) => {
            if print_warnings {
                for warning in &loaded.warnings {
                    errln!("{warning}");
                }
            }
            time::adopt(&loaded.settings)?;
            command::remember_sites(&loaded.settings);
            Ok(loaded)
        }
        Err(problems) => {
            errln!("{problems}");
            Err(Exit::Unusable)
        }
    }
}

/// Settings that are in order, or have mistakes that a command passes over.
struct Passed {
    settings: Settings,
    /// `None`: they are in order.
    mistakes: Option<Problems>,
}

/// Loads the settings for a command that looks at what is stored, stops something or gives a seat back: it works with
/// settings that have a mistake, too, as the daemon goes on by those of before. What takes seats, or goes by rules,
/// prices or destinations, doesn't.
///
/// The store has to be there already. Says nothing of the mistakes where it can go on.
fn pass(file: &Path, needs: Needs) -> Result<Passed, Exit> {
    command::remember(file);
    let (settings, mistakes) = match crate::config::load(file) {
        Ok(loaded) => (loaded.settings, None),
        Err(problems) => match crate::config::load_broken(file, needs) {
            Some(settings) if settings.storage.path.exists() => (settings, Some(problems)),
            _ => {
                errln!("{problems}");
                return Err(Exit::Unusable);
            }
        },
    };
    time::adopt(&settings)?;
    command::remember_sites(&settings);
    Ok(Passed { settings, mistakes })
}

/// As [`pass`], and prints the mistakes to standard error.
fn pass_and_tell(file: &Path, needs: Needs) -> Result<Passed, Exit> {
    let passed = pass(file, needs)?;
    if let Some(mistakes) = &passed.mistakes {
        errln!("{mistakes}");
        errln!(
            "bursar: the settings have a mistake; this command needs only what is right of them, with the store {}",
            passed.settings.storage.path.display()
        );
    }
    Ok(passed)
}

/// Loads the settings for a daemon. Files of certificates that can't be used end it when there is no
/// site left without one, or with `strict`.
fn load_with_files(file: &Path, strict: bool) -> Result<(Loaded, Files), Exit> {
    command::remember(file);
    match read_with_files(file, strict) {
        Ok((loaded, files)) => {
            time::adopt(&loaded.settings)?;
            Ok((loaded, files))
        }
        Err(problems) => {
            errln!("{problems}");
            Err(Exit::Unusable)
        }
    }
}

/// As [`load_with_files`], and prints nothing.
fn read_with_files(file: &Path, strict: bool) -> Result<(Loaded, Files), Problems> {
    let loaded = crate::config::load(file)?;
    let files = loaded.files(chrono::Utc::now());
    let none_left = files.sites_without.len() == loaded.settings.sites.len();
    if files.errors().next().is_some() && (strict || none_left) {
        let all = loaded.warnings.iter().chain(&files.problems).cloned();
        return Err(Problems(all.collect()));
    }
    Ok((loaded, files))
}

/// Runs a future on a runtime of two threads: the daemon waits nearly all the time.
fn block_on<F: Future>(future: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(output)
}

/// Reads a log level, by the names the settings know.
fn parse_level(text: &str) -> Result<LevelFilter, String> {
    crate::config::log_level(text)
        .ok_or_else(|| "expected error, warn, info, verbose, debug or silly".to_owned())
}

/// Puts a level given on the command line in place of the file's.
fn override_level(settings: &mut Settings, level: Option<LevelFilter>) {
    if let Some(level) = level {
        settings.log.level = level;
    }
}
