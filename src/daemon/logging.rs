//! Where log lines go and how they look.

use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, reload};

use super::log_files::{LogFiles, Room};
use crate::config::settings::Log;
use crate::terminal::{self, LogLines};

/// Keeps the log file's writer alive; its drop writes out what is left.
#[derive(Debug)]
pub struct Guard(#[expect(dead_code, reason = "held for its drop")] Option<WorkerGuard>);

/// Sends log lines to standard error and, if set, to a file of the day, of which there are so many and so large ones as the settings say. Called once per process.
///
/// Bursar's own lines follow the level; those of libraries are shown from `warn` on, because at
/// `debug` an HTTP library prints headers.
pub fn start(log: &Log) -> anyhow::Result<Guard> {
    let (console_level, of_console) = reload::Layer::new(targets(log.level));
    let (file_level, of_file) = reload::Layer::new(targets(log.level));
    let console = if log.json {
        let writer = || LogLines::new(std::io::stderr(), false);
        fmt::layer().json().flatten_event(true).with_writer(writer).boxed()
    } else {
        let colours = terminal::has_colours(&std::io::stderr());
        fmt::layer()
            .with_target(false)
            .with_ansi(colours)
            .with_writer(move || LogLines::new(terminal::stderr(), colours).shown())
            .boxed()
    };
    let (file, guard) = match &log.directory {
        None => (None, None),
        Some(directory) => {
            let room = Room { file_bytes: log.file_bytes, files: log.files };
            let files = LogFiles::open(directory, room).map_err(|e| {
                anyhow::anyhow!("cannot write log files to {}: {e}", directory.display())
            })?;
            let (writer, guard) = tracing_appender::non_blocking(files);
            let writer = move || LogLines::new(writer.clone(), false);
            let layer = if log.json {
                fmt::layer().json().flatten_event(true).with_writer(writer).boxed()
            } else {
                fmt::layer().with_target(false).with_ansi(false).with_writer(writer).boxed()
            };
            (Some(layer.with_filter(file_level)), Some(guard))
        }
    };
    tracing_subscriber::registry()
        .with(console.with_filter(console_level))
        .with(file)
        .try_init()
        .map_err(|e| anyhow::anyhow!("cannot start logging: {e}"))?;
    let _ = LEVEL.set(Box::new(move |level| {
        // Fails only where the subscriber is gone.
        let _ = of_console.reload(targets(level));
        let _ = of_file.reload(targets(level));
    }));
    Ok(Guard(guard))
}

/// Changes the level of what this process logs.
static LEVEL: OnceLock<Box<dyn Fn(LevelFilter) + Send + Sync>> = OnceLock::new();

/// Logs up to another level from now on. Does nothing in a process that didn't [`start`] to log.
pub fn set_level(level: LevelFilter) {
    if let Some(set) = LEVEL.get() {
        set(level);
    }
}

fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("bursar", level)
}
