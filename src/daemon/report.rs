//! Reports on their schedule: written to a folder, and mailed where that is asked for.

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono_tz::Tz;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::clock::{Waited, ticks_count_from};
use crate::config::settings::{Format, Reports};
use crate::destination::email::send_report;
use crate::event::Channel;
use crate::output::{self, Existing};
use crate::report::gather::report;
use crate::report::{Period, file};

/// Writes a report on every tick of the schedule until `stop`. A tick that passed while the daemon was
/// down is not made up for: `bursar report` writes any period at any time.
pub(super) async fn run(shared: Shared, reports: Reports, zone: Tz, stop: CancellationToken) {
    let mut kept = None;
    let next = |after| reports.schedule.next_after(after, zone);
    while let Some(tick) = next(ticks_count_from(kept, shared.clock.now(), next)) {
        match shared.clock.wait_until(tick, &stop).await {
            Waited::Come => {}
            Waited::SetBack => continue,
            Waited::Stopped => return,
        }
        kept = Some(tick);
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
                    send(&shared, &files).await;
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
    let (settings, now) = (&*shared.settings(), shared.clock.now());
    let today = now.with_timezone(&settings.time_zone).date_naive();
    let period = Period::parse(reports.period, today).map_err(anyhow::Error::msg)?;
    let sites: Vec<_> = settings.sites.iter().map(|site| site.name.clone()).collect();
    let report = report(&shared.store, settings, &sites, period, now).await?;
    let folder = file::folder(settings, reports);
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
        output::write_file(&path, Existing::Replace, report.write(*format)?.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        files.push(path);
    }
    for old in file::prune(folder, keep).context("cannot remove old reports")? {
        tracing::info!(file = %old.display(), "old report removed");
    }
    Ok(files)
}

/// Sends reports by e-mail, one mail each. What can't be sent is in the folder.
async fn send(shared: &Shared, files: &[PathBuf]) {
    let settings = shared.settings();
    if let Some(missing) = settings.destinations.missing(Channel::Email) {
        tracing::error!("reports are to be sent by e-mail, which is not set up: {missing}");
        return;
    }
    let Some(email) = &settings.destinations.email else {
        tracing::error!("reports are to be sent by e-mail, and no e-mail destination is set up");
        return;
    };
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let kind = match path.extension().and_then(|end| end.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("csv") => "text/csv; charset=utf-8",
            Some("json") => "application/json",
            _ => "text/markdown; charset=utf-8",
        };
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "the report can't be read again to be sent");
                continue;
            }
        };
        let text = "The report on the Qlik Sense licenses is attached.\n";
        match send_report(email, "Qlik Sense licenses: report", text, &name, kind, bytes).await {
            Ok(without) if without.is_empty() => tracing::info!(file = name, "report sent"),
            Ok(without) => tracing::warn!(
                file = name,
                refused = without.join("; "),
                "the report was not sent to all recipients"
            ),
            Err(error) => tracing::error!(file = name, %error, "the report was not sent"),
        }
    }
}
