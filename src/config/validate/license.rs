//! `qlikSenseLicense`.

use super::super::raw;
use super::super::settings::{
    AccessLicenseMonitor, LicenseMonitorApp, Release, SeatMonitor, ServerLicenseMonitor,
};
use super::{At, Check, monitor_app, release};
use crate::destination::switches::validate::{Available, switches};
use crate::destination::webhook::settings::WebhookPurpose;
use crate::event::UserTag;
use crate::license::DateOrder;
use crate::settings::schedule;

/// What is watched of a site.
pub(super) struct Licenses {
    pub(super) server_license: Option<ServerLicenseMonitor>,
    pub(super) access_license: Option<AccessLicenseMonitor>,
    pub(super) seats: Option<SeatMonitor>,
    pub(super) monitor_app: Option<LicenseMonitorApp>,
    pub(super) release: Release,
}

pub(super) fn settings(check: &Check<'_>, at: &At<'_>, available: &Available) -> Licenses {
    let raw: raw::QlikSenseLicense = at.read();
    let release =
        release::settings(check, &at.get("licenseRelease"), &raw.license_release, available);
    let by_default = raw.license_monitor.enable || release.enable;
    let seats = raw.seat_monitor;
    let watch_seats = seats.enable.unwrap_or(by_default);
    let app = raw.license_monitor_app;
    if raw.server_license_monitor.enable || by_default || watch_seats || app.enable {
        check.watching.set(true);
    }

    let server_at = at.get("serverLicenseMonitor");
    let server = raw.server_license_monitor;
    let server_schedule =
        schedule(check, &server_at.get("frequency"), &server.frequency, server.enable);
    let server_license = server.enable.then(|| {
        let purposes = (WebhookPurpose::ServerLicense, Some(WebhookPurpose::ServerLicenseAlert));
        Some(ServerLicenseMonitor {
            schedule: server_schedule?,
            threshold_days: server.alert.threshold_days,
            threshold_written: server_at.at("alert.thresholdDays").node.is_some(),
            date_order: match server.date_order {
                None => DateOrder::Unset,
                Some(raw::DateOrder::Dmy) => DateOrder::DayFirst,
                Some(raw::DateOrder::Mdy) => DateOrder::MonthFirst,
            },
            destination: switches(
                check,
                &server_at.get("destination"),
                &server.destination,
                available,
                purposes,
            ),
        })
    });

    let access_at = at.get("licenseMonitor");
    let access = raw.license_monitor;
    let access_schedule =
        schedule(check, &access_at.get("frequency"), &access.frequency, access.enable);
    let access_license = access.enable.then(|| {
        let purposes = (WebhookPurpose::AccessLicense, None);
        Some(AccessLicenseMonitor {
            schedule: access_schedule?,
            destination: switches(
                check,
                &access_at.get("destination"),
                &access.destination,
                available,
                purposes,
            ),
        })
    });
    Licenses {
        server_license: server_license.flatten(),
        access_license: access_license.flatten(),
        seats: seat_monitor(check, &at.get("seatMonitor"), &seats, watch_seats, available),
        monitor_app: monitor_app::settings(check, &at.get("licenseMonitorApp"), &app, available),
        release,
    }
}

fn seat_monitor(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::SeatMonitor,
    enabled: bool,
    available: &Available,
) -> Option<SeatMonitor> {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, enabled);
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
        breakdown_by,
        keep_changes_days: u32::try_from(raw.keep_changes_days).unwrap_or_default(),
        destination: switches(check, &destination_at, &raw.destination, available, purposes),
        user_tag: match raw.destination.figures.user_tag {
            raw::SeatUserTag::Name => UserTag::Name,
            raw::SeatUserTag::Hash => UserTag::Hash,
            raw::SeatUserTag::Off => UserTag::Off,
        },
    })
}
