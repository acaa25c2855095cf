//! `storage`, validated.

use std::path::{Path, PathBuf};

use super::{Backup, HistoryRetention, OutboxLimits, SetAside, Storage, raw};
use crate::settings::{At, Check, Environment, schedule};

pub(crate) fn settings(check: &Check<'_>, at: &At<'_>, raw: &raw::Storage) -> Storage {
    let path = match raw.path.trim() {
        "" => default_store(check.env),
        written => PathBuf::from(written),
    };
    let outbox = OutboxLimits {
        max_events: raw.outbox.max_events.unsigned_abs(),
        max_age: check.seconds(raw.outbox.max_age_days * 86_400),
    };
    let history = history(check, &at.get("history"), &raw.history);
    // The schema has checked the range.
    let failures = u32::try_from(raw.outbox.set_aside_after_failures).unwrap_or(u32::MAX);
    let backup = backup(check, &at.get("backup"), &raw.backup);
    Storage { path, outbox, set_aside: SetAside::after(failures), history, backup }
}

fn backup(check: &Check<'_>, at: &At<'_>, raw: &raw::Backup) -> Backup {
    let frequency = at.get("frequency");
    let schedule = schedule(check, &frequency, &raw.frequency, raw.enable);
    let folder = raw.folder.trim();
    if folder.is_empty() {
        check.error(&at.get("folder"), "copies need a folder", "write folder: backup");
    }
    Backup {
        schedule: schedule.filter(|_| raw.enable),
        folder: folder.into(),
        keep: usize::try_from(raw.keep).unwrap_or(1).max(1),
    }
}

fn history(check: &Check<'_>, at: &At<'_>, raw: &raw::History) -> HistoryRetention {
    for (key, days, finer, least) in [
        ("hourlyDays", raw.hourly_days, "rawDays", raw.raw_days),
        ("dailyDays", raw.daily_days, "hourlyDays", raw.hourly_days),
    ] {
        if days < least {
            let what = format!("{days} is less than {finer}, {least}: there would be a hole");
            check.error(&at.get(key), what, format!("write at least {least}, or lower {finer}"));
        }
    }
    // The schema has checked the range.
    let days = |number: i64| u32::try_from(number).unwrap_or_default();
    HistoryRetention {
        raw_days: days(raw.raw_days),
        hourly_days: days(raw.hourly_days),
        daily_days: days(raw.daily_days),
    }
}

const STORE: &str = "bursar.db";

/// systemd may list several state directories, the first is the unit's own.
pub(crate) fn default_store(env: &dyn Environment) -> PathBuf {
    let state = env.variable("STATE_DIRECTORY").filter(|_| !cfg!(windows));
    if let Some(folder) =
        state.as_deref().and_then(|s| s.split(':').next()).filter(|f| !f.is_empty())
    {
        return Path::new(folder).join(STORE);
    }
    if cfg!(windows)
        && let Some(folder) = env.variable("ProgramData")
    {
        return Path::new(&folder).join("Bursar").join(STORE);
    }
    PathBuf::from(STORE)
}
