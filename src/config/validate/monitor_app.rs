//! `qlikSenseLicense.licenseMonitorApp`.

use uuid::Uuid;

use super::super::raw;
use super::super::settings::LicenseMonitorApp;
use super::{At, Check};
use crate::destination::switches::validate::{Available, switches};
use crate::destination::webhook::settings::WebhookPurpose;
use crate::license::monitor_app::Wanted;
use crate::settings::schedule;

pub(super) fn settings(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::LicenseMonitorApp,
    available: &Available,
) -> Option<LicenseMonitorApp> {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let id = raw.app_id.trim();
    let app_id = Uuid::try_parse(id).ok();
    if !id.is_empty() && app_id.is_none() {
        check.error(
            &at.get("appId"),
            "this is no id of an app",
            "write it as 7c2f0a4e-3a5b-4f0e-9a63-0c5b1d2e3f40, as the management console shows it, or leave it out",
        );
    }
    let app_name = match app_id {
        // Then the name is for people only.
        Some(_) => raw.app_name.trim().to_owned(),
        None => check.required(&at.get("appName"), &raw.app_name, "write License Monitor"),
    };
    let within = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let purposes = (WebhookPurpose::MonitorApp, None);
    Some(LicenseMonitorApp {
        schedule: schedule?,
        wanted: Wanted { app_name, app_id, task_name: raw.task_name.trim().to_owned() },
        stale_hours: within(raw.stale_hours),
        running_long_minutes: within(raw.running_long_minutes),
        keep_runs_days: within(raw.keep_runs_days),
        destination: switches(check, &at.get("destination"), &raw.destination, available, purposes),
    })
}
