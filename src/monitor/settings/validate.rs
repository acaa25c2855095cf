//! The monitors of `qlikSenseLicense` and `qlikSenseVersion`, validated.

use uuid::Uuid;

use super::{
    AccessLicenseMonitor, LicenseMonitorApp, Pace, SeatMonitor, ServerLicenseMonitor,
    VersionMonitor, app, license, seats, version,
};
use crate::destination::switches::validate::{Available, switches};
use crate::destination::webhook::settings::WebhookPurpose;
use crate::event::UserTag;
use crate::license::monitor_app::Wanted;
use crate::license::{DateOrder, EndOfSupport};
use crate::qrs::settings::{Connection, Entry};
use crate::settings::{At, Check, schedule};

/// `serverLicenseMonitor`.
pub(crate) fn server_license(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &license::ServerLicenseMonitor,
    available: &Available,
) -> Option<ServerLicenseMonitor> {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let purposes = (WebhookPurpose::ServerLicense, Some(WebhookPurpose::ServerLicenseAlert));
    let destination_at = at.get("destination");
    let destination = switches(check, &destination_at, &raw.destination, available, purposes);
    Some(ServerLicenseMonitor {
        schedule: schedule?,
        // Where it isn't written, the first step takes its place.
        threshold_days: raw.alert.threshold_days.unwrap_or(90),
        threshold_written: raw.alert.threshold_days.is_some(),
        date_order: match raw.date_order {
            None => DateOrder::Unset,
            Some(license::DateOrder::Dmy) => DateOrder::DayFirst,
            Some(license::DateOrder::Mdy) => DateOrder::MonthFirst,
        },
        destination,
    })
}

/// `licenseMonitor`.
pub(crate) fn access_license(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &license::LicenseMonitor,
    available: &Available,
) -> Option<AccessLicenseMonitor> {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let purposes = (WebhookPurpose::AccessLicense, None);
    let destination_at = at.get("destination");
    let destination = switches(check, &destination_at, &raw.destination, available, purposes);
    Some(AccessLicenseMonitor { schedule: schedule?, destination })
}

/// `seatMonitor`. `enabled`: whether it is on, written or not.
pub(crate) fn seats(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &seats::SeatMonitor,
    enabled: bool,
    available: &Available,
) -> Option<SeatMonitor> {
    let frequency = raw.frequency.as_deref().unwrap_or(seats::FREQUENCY);
    let schedule = schedule(check, &at.get("frequency"), frequency, enabled);
    if !enabled {
        return None;
    }
    let mut breakdown_by: Vec<String> = Vec::new();
    for (name, at) in raw.breakdown_by.iter().zip(at.get("breakdownBy").items()) {
        let name = check.required(&at, name, "write the name of a custom property of users");
        if breakdown_by.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            check.warn(&at, format!("\"{name}\" is there already"), "keep one of them");
        } else if !name.is_empty() {
            breakdown_by.push(name);
        }
    }
    let purposes = (WebhookPurpose::Seats, Some(WebhookPurpose::Seats));
    let destination_at = at.get("destination");
    Some(SeatMonitor {
        schedule: schedule?,
        pace: if raw.frequency.is_some() { Pace::AsWritten } else { Pace::BySize },
        breakdown_by,
        keep_changes_days: u32::try_from(raw.keep_changes_days).unwrap_or_default(),
        destination: switches(check, &destination_at, &raw.destination, available, purposes),
        user_tag: match raw.destination.figures.user_tag {
            seats::SeatUserTag::Name => UserTag::Name,
            seats::SeatUserTag::Hash => UserTag::Hash,
            seats::SeatUserTag::Off => UserTag::Off,
        },
    })
}

/// `licenseMonitorApp`.
pub(crate) fn monitor_app(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &app::LicenseMonitorApp,
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

/// `qlikSenseVersion.versionMonitor`. `site`: how the site's repository service is reached.
pub(crate) fn version(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &version::VersionMonitor,
    site: &Connection,
    available: &Available,
) -> Option<VersionMonitor> {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    let end_of_support = end_of_support(check, &at.get("endOfSupport"), &raw.end_of_support);
    if !raw.enable {
        return None;
    }
    if site.use_ssl && !raw.reject_unauthorized {
        check.warn(
            &at.get("rejectUnauthorized"),
            "the server's certificate is not verified: anybody in between can change what is said",
            "set it to true",
        );
    }
    let mut connection = Connection {
        port: check.port(raw.port),
        reject_unauthorized: raw.reject_unauthorized,
        // They are for the repository service.
        headers: Vec::new(),
        // No proxy leads to it.
        entry: Entry::Certificates,
        ..site.clone()
    };
    if !site.entry.has_certificate() {
        let empty = |path: &std::path::Path| path.as_os_str().is_empty();
        if empty(&site.client_cert) || empty(&site.client_key) || empty(&site.ca_cert) {
            check.error(
                &at.get("enable"),
                "the service that says the version is behind no proxy, and wants a client certificate",
                "write clientCert, clientCertKey and clientCertCA in cert, or set this to false",
            );
        }
    }
    if !raw.host.trim().is_empty() {
        connection.host = check.host(&at.get("host"), &raw.host, "port");
    }
    if connection.host != site.host {
        // The name is that of another server.
        connection.tls_server_name = None;
    }
    let purposes = (WebhookPurpose::Version, None);
    let destination_at = at.get("destination");
    let destination = switches(check, &destination_at, &raw.destination, available, purposes);
    Some(VersionMonitor { schedule: schedule?, connection, end_of_support, destination })
}

fn end_of_support(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &[version::EndOfSupport],
) -> Vec<EndOfSupport> {
    let mut table: Vec<EndOfSupport> = Vec::new();
    for (entry, at) in raw.iter().zip(at.items()) {
        let fix = "write it as the site says it, such as May 2024";
        let release = check.required(&at.get("release"), &entry.release, fix);
        if table.iter().any(|known| known.release.eq_ignore_ascii_case(&release)) {
            check.error(&at.get("release"), "it is there already", "keep one of them");
        }
        match entry.date.trim().parse() {
            Ok(date) => table.push(EndOfSupport { release, date }),
            Err(_) => check.error(
                &at.get("date"),
                format!("{} is not a day", at.get("date").quoted(entry.date.trim())),
                "write the last day of support, such as 2026-05-14",
            ),
        }
    }
    table
}
