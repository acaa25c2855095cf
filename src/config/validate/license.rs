//! `qlikSenseLicense` and `qlikSenseVersion`.

use super::super::raw;
use super::{At, Check};
use crate::destination::switches::validate::Available;
use crate::monitor::settings::validate as monitor;
use crate::monitor::settings::{
    AccessLicenseMonitor, LicenseMonitorApp, SeatMonitor, ServerLicenseMonitor, VersionMonitor,
};
use crate::qrs::settings::Connection;
use crate::release::settings::{Release, validate as release};

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
    let release_at = at.get("licenseRelease");
    let release = release::settings(check, &release_at, &raw.license_release, available);
    let by_default = raw.license_monitor.enable || release.enable;
    let seats = &raw.seat_monitor;
    let watch_seats = seats.enable.unwrap_or(by_default);
    let (server, app) = (&raw.server_license_monitor, &raw.license_monitor_app);
    if server.enable || by_default || watch_seats || app.enable || at.is_uncertain() {
        check.watching.set(true);
    }
    let server_at = at.get("serverLicenseMonitor");
    let access_at = at.get("licenseMonitor");
    Licenses {
        server_license: monitor::server_license(check, &server_at, server, available),
        access_license: monitor::access_license(check, &access_at, &raw.license_monitor, available),
        seats: monitor::seats(check, &at.get("seatMonitor"), seats, watch_seats, available),
        monitor_app: monitor::monitor_app(check, &at.get("licenseMonitorApp"), app, available),
        release,
    }
}

/// `qlikSenseVersion`.
pub(super) fn version(
    check: &Check<'_>,
    at: &At<'_>,
    site: &Connection,
    available: &Available,
) -> Option<VersionMonitor> {
    let raw: raw::QlikSenseVersion = at.read();
    if raw.version_monitor.enable {
        check.watching.set(true);
    }
    monitor::version(check, &at.get("versionMonitor"), &raw.version_monitor, site, available)
}
