//! `qlikSenseLicense`.

use super::super::problem::Severity;
use super::super::raw;
use super::super::schedule::Schedule;
use super::super::settings::{
    AccessLicenseMonitor, DateOrder, Release, SendSwitch, ServerLicenseMonitor, Switches, UserTag,
    WebhookPurpose,
};
use super::{At, Check};
use crate::license::SeatType;
use crate::release::policy::Limits;
use crate::release::{NeverRelease, Policy, TypeRule};

/// Which destinations are set up.
pub(super) struct Available {
    pub(super) influxdb: bool,
    pub(super) mqtt: bool,
    pub(super) webhooks: Vec<WebhookPurpose>,
    pub(super) webhook_section: bool,
}

pub(super) fn settings(
    check: &Check<'_>,
    at: &At<'_>,
    available: &Available,
) -> (Option<ServerLicenseMonitor>, Option<AccessLicenseMonitor>, Release) {
    let raw: raw::QlikSenseLicense = at.read();
    let release = release(check, &at.get("licenseRelease"), &raw.license_release);
    if raw.server_license_monitor.enable || raw.license_monitor.enable {
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
    (server_license.flatten(), access_license.flatten(), release)
}

/// A monitor that is off may keep a schedule that doesn't work: its section is a warning then.
fn schedule(check: &Check<'_>, at: &At<'_>, text: &str, enabled: bool) -> Option<Schedule> {
    let schedule =
        Schedule::parse(text).and_then(|s| s.fires_after(check.env.now(), check.zone).map(|()| s));
    match schedule {
        Ok(schedule) => {
            if let (true, Some(remark)) = (enabled, schedule.remark()) {
                check.warn(at, remark, "");
            }
            Some(schedule)
        }
        Err(error) => {
            let severity = if enabled { Severity::Error } else { Severity::Warning };
            check.report(severity, at, error.what(), error.fix().to_owned());
            None
        }
    }
}

fn switches(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &raw::Destination,
    available: &Available,
    (recurring, alert): (WebhookPurpose, Option<WebhookPurpose>),
) -> Switches {
    let off = |key: &str, section: &str| {
        check.warn(
            &at.get(key).get("enable"),
            format!("nothing is sent: Butler.{section} is off"),
            format!("set Butler.{section}.enable: true, or this to false"),
        );
    };
    let influxdb = raw.influx_db.enable && available.influxdb;
    if raw.influx_db.enable && !available.influxdb {
        off("influxDb", "influxDb");
    }
    let mqtt = send(&raw.mqtt, available.mqtt);
    if raw.mqtt.enable && !available.mqtt {
        off("mqtt", "mqttConfig");
    }
    let webhook = send(&raw.webhook, available.webhook_section);
    if raw.webhook.enable && !available.webhook_section {
        off("webhook", "webhookNotification");
    }
    if webhook.recurring {
        listed(check, &at.at("webhook.sendRecurring"), recurring, available);
    }
    if let (true, Some(alert)) = (webhook.alert, alert) {
        listed(check, &at.at("webhook.sendAlert"), alert, available);
    }
    let tags = check.tags(&at.at("influxDb.tag.static"), &raw.influx_db.tag.fixed);
    Switches { influxdb, influxdb_tags: tags, mqtt, webhook }
}

fn send(raw: &raw::Switch, available: bool) -> SendSwitch {
    let on = raw.enable && available;
    SendSwitch { recurring: on && raw.send_recurring.enable, alert: on && raw.send_alert.enable }
}

fn listed(check: &Check<'_>, at: &At<'_>, purpose: WebhookPurpose, available: &Available) {
    if !available.webhooks.contains(&purpose) {
        let section = section(purpose);
        check.warn(
            &at.get("enable"),
            format!("nothing is sent: Butler.webhookNotification.{section} has no webhooks"),
            "add one there, or set this to false",
        );
    }
}

/// The list of `webhookNotification` a purpose stands for.
pub(in crate::config) fn section(purpose: WebhookPurpose) -> &'static str {
    match purpose {
        WebhookPurpose::ServerLicense => "qlikSenseServerLicenseMonitor",
        WebhookPurpose::ServerLicenseAlert => "qlikSenseServerLicenseExpiryAlert",
        WebhookPurpose::AccessLicense => "qlikSenseLicenseMonitor",
        WebhookPurpose::Release => "qlikSenseLicenseRelease",
    }
}

fn release(check: &Check<'_>, at: &At<'_>, raw: &raw::LicenseRelease) -> Release {
    let schedule = schedule(check, &at.get("frequency"), &raw.frequency, raw.enable);
    if raw.enable {
        check.warn(
            &at.get("enable"),
            "releasing licenses is not active in this version: no seat is given back",
            "set it to false to silence this",
        );
    }
    let rules = [
        ("analyzer", &raw.license_type.analyzer),
        ("professional", &raw.license_type.professional),
    ];
    for (name, rule) in rules {
        if rule.enable && (1..7).contains(&rule.release_threshold_days) {
            check.warn(
                &at.at("licenseType").get(name).get("releaseThresholdDays"),
                format!(
                    "{} days is less than a week: people lose their seat over a holiday",
                    rule.release_threshold_days
                ),
                "write 7 or more",
            );
        }
    }
    let keep = at.get("neverRelease");
    for (user, at) in raw.never_release.user.iter().zip(keep.get("user").items()) {
        if user.user_dir.trim().is_empty() || user.user_id.trim().is_empty() {
            check.error(&at, "a user needs userDir and userId", "write both, or remove the entry");
        }
    }
    for (property, at) in
        raw.never_release.custom_property.iter().zip(keep.get("customProperty").items())
    {
        if property.name.trim().is_empty() {
            check.error(&at, "a custom property needs a name", "write one, or remove the entry");
        }
    }
    let tags =
        check.tags(&at.at("destination.influxDb.tag.static"), &raw.destination.influx_db.tag.fixed);
    let rule = |seat_type, raw: &raw::ReleaseRule| {
        let days = u32::try_from(raw.release_threshold_days).unwrap_or(u32::MAX);
        raw.enable.then(|| TypeRule {
            release_threshold_days: days,
            never_used_grace_days: days,
            ..TypeRule::new(seat_type)
        })
    };
    let types = [
        rule(SeatType::Professional, &raw.license_type.professional),
        rule(SeatType::Analyzer, &raw.license_type.analyzer),
    ];
    Release {
        enable: raw.enable,
        dry_run: raw.dry_run,
        // A schedule that can't be read is an error when it is on; when off it never runs.
        schedule: schedule.unwrap_or_else(|| {
            Schedule::parse("every 24 hours").expect("the default schedule is one")
        }),
        policy: Policy {
            never_release: NeverRelease::default(),
            types: types.into_iter().flatten().collect(),
            judge_per_user: true,
            limits: Limits::default(),
        },
        concurrency: 2,
        destination: Switches {
            influxdb: raw.destination.influx_db.enable,
            influxdb_tags: tags,
            ..Switches::default()
        },
        user_tag: UserTag::default(),
    }
}
