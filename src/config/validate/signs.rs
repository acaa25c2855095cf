//! `heartbeat`, `dockerHealthCheck`, `uptimeMonitor`.

use url::Url;

use super::super::raw::{self, Signals};
use super::super::settings::{Heartbeat, SignalForm, UptimeMonitor};
use super::{At, Check, level};
use crate::destination::http;
use crate::destination::switches::validate::Available;
use crate::event::Channel;
use crate::settings::schedule;

pub(super) fn heartbeat(check: &Check<'_>, at: &At<'_>) -> Option<Heartbeat> {
    let raw: raw::Heartbeat = at.read();
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let url = url(check, &at.get("remoteURL"), raw.remote_url.0.trim());
    Some(Heartbeat {
        url: url?,
        schedule: schedule?,
        signals: match raw.signals {
            Signals::Plain => SignalForm::Plain,
            Signals::StartAndFail => SignalForm::StartAndFail,
        },
        ca_cert: check.optional_path(&raw.cert_ca),
        timeout: check.seconds(raw.timeout_seconds),
    })
}

fn url(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Url> {
    let fix = "write the whole address, such as https://hc-ping.com/your-uuid-here";
    if text.is_empty() {
        check.required(at, text, fix);
        return None;
    }
    let Some(url) = Url::parse(text).ok().filter(|url| url.has_host()) else {
        check.error(at, "this is not an address", fix);
        return None;
    };
    if !matches!(url.scheme(), "http" | "https") {
        check.error(at, format!("{}: is not spoken", url.scheme()), "write http:// or https://");
        return None;
    }
    if http::is_in_clear(&url) {
        check.warn(
            at,
            "signs of life go over the network unencrypted, with the address that lets anybody send them",
            "write https:// if the service has it",
        );
    }
    Some(url)
}

/// The port of the health check, where it is on.
pub(super) fn health_port(check: &Check<'_>, at: &At<'_>) -> Option<u16> {
    let raw: raw::DockerHealthCheck = at.read();
    raw.enable.then(|| check.port(raw.port))
}

pub(super) fn uptime(
    check: &Check<'_>,
    at: &At<'_>,
    available: &Available,
) -> Option<UptimeMonitor> {
    let raw: raw::UptimeMonitor = at.read();
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if !raw.enable {
        return None;
    }
    let stored = raw.store_in_influxdb.enable;
    if stored && !available.has(Channel::InfluxDb) {
        check.warn(
            &at.at("storeInInfluxdb.enable"),
            "no InfluxDB is set up: it is logged only",
            "set up influxDb, or set this to false",
        );
    }
    Some(UptimeMonitor { schedule: schedule?, level: level(raw.log_level), to_influxdb: stored })
}
