//! From what was written to what makes sense: the raw structs become [`Settings`], and every
//! finding is reported with its place.

mod alert;
mod cost;
mod email;
mod influxdb;
mod license;
mod monitor_app;
mod mqtt;
mod release;
mod report;
mod site;
mod template;
mod web;
mod webhook;

pub(super) use license::section as webhook_section;
pub(super) use site::inherit;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use tracing::level_filters::LevelFilter;

use super::raw;
use super::settings::{Log, Settings};
use crate::event::Tag;
use crate::settings::node::Node;
use crate::settings::{At, Check, Environment};
use crate::store::settings::{HistoryRetention, OutboxLimits, Storage};

/// Tags that can be used. What Butler would leave out or overwrite is a warning, so that its
/// files work.
fn tags(check: &Check<'_>, at: &At<'_>, tags: &[raw::NameValue]) -> Vec<Tag> {
    let mut seen: Vec<Tag> = Vec::new();
    for (tag, at) in tags.iter().zip(at.items()) {
        let (name, value) = (tag.name.trim(), tag.value.trim());
        if name.is_empty() || value.is_empty() {
            let key = if name.is_empty() { "name" } else { "value" };
            let what = format!("the tag is left out: it has no {key}");
            check.warn(&at.get(key), what, "write one, or remove the entry");
        } else if seen.iter().any(|t| t.name == name) {
            let what = format!("the tag is left out: \"{name}\" is there already");
            check.warn(&at.get("name"), what, "keep one of them");
        } else if [name, value].iter().any(|t| t.contains(['\n', '\r']) || t.ends_with('\\')) {
            check.error(
                &at,
                "a tag can't hold a line break or end in a backslash",
                "write a plain text",
            );
        } else {
            seen.push(Tag { name: name.to_owned(), value: value.to_owned() });
        }
    }
    seen
}

/// A duration as InfluxDB writes it: `90m`, `10d`, `1w2d`. `INF` and `0` are no end.
fn influx_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty()
        || text.eq_ignore_ascii_case("inf")
        || text.trim_end_matches(['s', 'h']) == "0"
    {
        return Some(Duration::ZERO);
    }
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let size = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(size)?)?;
        rest = &rest[digits + 1..];
    }
    Some(Duration::from_secs(seconds))
}

/// The settings, if nothing is wrong; what is wrong is in `check`.
pub(super) fn settings(check: &mut Check<'_>, root: &Node, ignored: &[String]) -> Settings {
    let butler = At::root(root).get("Butler");
    let top: raw::Butler = butler.read();
    check.zone = time_zone(check, &butler.get("timeZone"), &top.time_zone);

    let influxdb = influxdb::settings(check, &butler.get("influxDb"));
    let mqtt = mqtt::settings(check, &butler.get("mqttConfig"));
    let webhooks = webhook::settings(check, &butler.get("webhookNotification"));
    let email = email::settings(check, &butler.get("email"));
    let available = license::Available {
        influxdb: influxdb.is_some(),
        mqtt: mqtt.is_some(),
        // With a mistake in it there is no destination, but it is not off.
        email: top.email.enable,
        webhooks: webhooks.iter().map(|w| w.purpose).collect(),
        webhook_section: butler.at("webhookNotification.enable").read::<bool>(),
    };
    let sites = site::settings(check, &butler, &available);
    let (alert, alert_destination) = alert::settings(check, &butler.get("alert"), &available);
    if !check.watching.get() && !sites.is_empty() {
        check.warn(
            &butler.get("qlikSenseLicense"),
            "nothing is watched: serverLicenseMonitor and licenseMonitor are both off",
            "set enable: true in one of them",
        );
    }
    Settings {
        file: check.file.to_path_buf(),
        log: log(&top),
        time_zone: check.zone,
        storage: storage(check, &butler.get("storage"), &top.storage),
        web: web::settings(check, &butler.get("web")),
        cost: cost::settings(check, &butler.get("cost")),
        alert,
        alert_destination,
        reports: report::settings(check, &butler.get("report")),
        named_sites: !top.sites.is_empty(),
        sites,
        influxdb,
        mqtt,
        webhooks,
        email,
        unimplemented: ignored
            .iter()
            .map(|path| path.strip_prefix("Butler.").unwrap_or(path).to_owned())
            .collect(),
    }
}

fn time_zone(check: &Check<'_>, at: &At<'_>, name: &str) -> Tz {
    if let Ok(zone) = name.trim().parse() {
        return zone;
    }
    let nearest = chrono_tz::TZ_VARIANTS
        .iter()
        .map(|z| (strsim::jaro_winkler(&z.name().to_lowercase(), &name.to_lowercase()), z.name()))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.85);
    let fix = nearest.map_or_else(
        || "write a name of the IANA database, such as Europe/Stockholm or UTC".to_owned(),
        |(_, name)| format!("did you mean {name}?"),
    );
    check.error(at, format!("{} is not a time zone", at.quoted(name)), fix);
    Tz::UTC
}

fn level(name: raw::LogLevel) -> LevelFilter {
    match name {
        raw::LogLevel::Error => LevelFilter::ERROR,
        raw::LogLevel::Warn => LevelFilter::WARN,
        raw::LogLevel::Info => LevelFilter::INFO,
        raw::LogLevel::Verbose | raw::LogLevel::Debug => LevelFilter::DEBUG,
        raw::LogLevel::Silly | raw::LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// A level by the name the file or the command line has it.
pub fn log_level(name: &str) -> Option<LevelFilter> {
    serde_json::from_value(name.to_lowercase().into()).ok().map(level)
}

fn log(top: &raw::Butler) -> Log {
    Log {
        level: level(top.log_level),
        json: top.log_format == raw::LogFormat::Json,
        directory: top.file_logging.then(|| PathBuf::from(top.log_directory.trim())),
    }
}

fn storage(check: &Check<'_>, at: &At<'_>, raw: &raw::Storage) -> Storage {
    let path = match raw.path.trim() {
        "" => default_store(check.env),
        written => PathBuf::from(written),
    };
    let outbox = OutboxLimits {
        max_events: raw.outbox.max_events.unsigned_abs(),
        max_age: check.seconds(raw.outbox.max_age_days * 86_400),
    };
    let history = history(check, &at.get("history"), &raw.history);
    Storage { path, outbox, history }
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
fn default_store(env: &dyn Environment) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_influxdb() {
        let days = |d: u64| Some(Duration::from_secs(d * 86_400));
        assert_eq!(influx_duration("10d"), days(10));
        assert_eq!(influx_duration("1w2d"), days(9));
        assert_eq!(influx_duration("24h0m0s"), days(1));
        assert_eq!(influx_duration("INF"), days(0));
        assert_eq!(influx_duration(""), days(0));
        for bad in ["10", "d", "10y", "-1d", "1.5d", "99999999999999999999w"] {
            assert_eq!(influx_duration(bad), None, "{bad}");
        }
    }
}
