//! From what was written to what makes sense: the raw structs become [`Settings`], and every
//! finding is reported with its place.

mod alert;
mod license;
mod report;
mod signs;
mod site;
mod web;

pub(super) use site::inherit;

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use tracing::level_filters::LevelFilter;

use super::raw;
use super::settings::{Log, Settings};
use crate::destination::registry;
use crate::destination::switches::validate::Available;
use crate::insight::settings::validate as cost;
use crate::settings::node::Node;
use crate::settings::{At, Check};
use crate::store::settings::validate as storage;
use crate::words::Locale;

/// The settings, if nothing is wrong; what is wrong is in `check`.
pub(super) fn settings(check: &mut Check<'_>, root: &Node, ignored: &[String]) -> Settings {
    let butler = At::root(root).get("Butler");
    let top: raw::Butler = butler.read();
    check.zone = time_zone(check, &butler.get("timeZone"), &top.time_zone);

    let destinations = registry::validate(check, &butler);
    let available = Available::new(&butler, &destinations);
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
        locale: locale(check, &butler.get("locale"), &top.locale),
        storage: storage::settings(check, &butler.get("storage"), &top.storage),
        web: web::settings(check, &butler.get("web")),
        cost: cost::settings(check, &butler.get("cost")),
        contracts: cost::contracts(check, &butler.get("cost")),
        alert,
        alert_destination,
        heartbeat: signs::heartbeat(check, &butler.get("heartbeat")),
        health_port: signs::health_port(check, &butler.get("dockerHealthCheck")),
        uptime: signs::uptime(check, &butler.get("uptimeMonitor"), &available),
        reports: report::settings(check, &butler.get("report")),
        report_names: report::names(&butler.get("report")),
        named_sites: !top.sites.is_empty(),
        sites,
        destinations,
        reload_every: Duration::from_secs(top.config_reload.seconds.unsigned_abs()),
        seen: None,
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

fn locale(check: &Check<'_>, at: &At<'_>, name: &str) -> Locale {
    Locale::parse(name).unwrap_or_else(|| {
        let known: Vec<_> = Locale::names().collect();
        check.error(
            at,
            format!("{} is not a locale that Bursar knows", at.quoted(name)),
            format!("write one of {}", known.join(", ")),
        );
        Locale::default()
    })
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
        file_bytes: top.log_file_max_mb.unsigned_abs().saturating_mul(1_000_000),
        files: usize::try_from(top.log_files_kept).unwrap_or(1),
    }
}
