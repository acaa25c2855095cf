//! Reports on their schedule: written to a folder, and mailed where that is asked for.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::config::settings::Reports;
use crate::report::gather::report;
use crate::report::{Format, Period, file};

/// Writes a report on every tick of the schedule until `stop`. A tick that passed while the daemon was
/// down is not made up for: `bursar report` writes any period at any time.
pub(super) async fn run(shared: Shared, reports: Reports, stop: CancellationToken) {
    let zone = shared.settings.time_zone;
    while let Some(tick) = reports.schedule.next_after(shared.clock.now(), zone) {
        if !shared.clock.sleep_until(tick, &stop).await {
            return;
        }
        let written = tokio::select! {
            written = write(&shared, &reports) => written,
            () = stop.cancelled() => return,
        };
        match written {
            Ok(files) => {
                for file in &files {
                    tracing::info!(file = %file.display(), "report written");
                }
                if reports.email {
                    send(&files).await;
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "no report was written"),
        }
    }
    tracing::warn!(
        schedule = reports.schedule.text(),
        "the schedule of reports has no further time"
    );
}

async fn write(shared: &Shared, reports: &Reports) -> anyhow::Result<Vec<PathBuf>> {
    let (settings, now) = (&shared.settings, shared.clock.now());
    let today = now.with_timezone(&settings.time_zone).date_naive();
    let period = Period::parse(reports.period, today).map_err(anyhow::Error::msg)?;
    let sites: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    let report = report(&shared.store, settings, &sites, period, now).await?;
    let folder = settings.storage.path.parent().unwrap_or(Path::new("")).join(&reports.folder);
    let (formats, keep) = (reports.formats.clone(), reports.keep);
    tokio::task::spawn_blocking(move || save(&report, &formats, &folder, keep)).await?
}

fn save(
    report: &crate::report::Report,
    formats: &[Format],
    folder: &Path,
    keep: usize,
) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for format in formats {
        let path = folder.join(file::name(report, *format));
        file::write(&path, &report.write(*format)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        files.push(path);
    }
    for old in file::prune(folder, keep).context("cannot remove old reports")? {
        tracing::info!(file = %old.display(), "old report removed");
    }
    Ok(files)
}

/// Sends reports by e-mail.
#[expect(clippy::unused_async, reason = "the e-mail destination will send them")]
async fn send(_files: &[PathBuf]) {
    tracing::warn!("reports can't be sent by e-mail yet; they are in the folder");
}
