//! The validated settings: types that can only hold what makes sense.
//!
//! Made by [`crate::config::load()`] from the raw file; everything else in the program takes these.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use serde::Serialize;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::alert;
use crate::destination::http;
use crate::destination::registry::Configured;
use crate::event::{Monitor, Switches, Tag};
use crate::input::Seen;
use crate::insight::contract::Contracts;
use crate::insight::cost::Prices;
use crate::monitor::settings::{
    AccessLicenseMonitor, LicenseMonitorApp, SeatMonitor, ServerLicenseMonitor, VersionMonitor,
};
use crate::qrs::settings::Connection;
use crate::release::settings::{self as release, Release};
use crate::schedule::Schedule;
use crate::secret::Forms;
use crate::store::settings::Storage;
use crate::words::Locale;

/// Everything a running daemon needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The file these come from.
    pub file: PathBuf,
    pub log: Log,
    /// Calendar days (expiry) and schedules are counted in this zone.
    pub time_zone: Tz,
    /// How reports write numbers and dates (`Butler.locale`).
    pub locale: Locale,
    pub storage: Storage,
    /// At least one.
    pub sites: Vec<Site>,
    /// Whether the file has a `sites` list. Only then is the site a visible dimension (tag `site`,
    /// topic suffix, payload key), so that a single-site Butler dashboard sees what it knows.
    pub named_sites: bool,
    /// Those that are set up.
    pub destinations: Configured,
    /// What seats and minutes cost (`Butler.cost`); `None` when nothing has a price.
    pub cost: Option<Prices>,
    /// When contracts renew (`Butler.cost.renewsOn`), where that is said.
    pub contracts: Contracts,
    /// What is watched for of the daemon itself (`Butler.alert`); sites have their own.
    pub alert: alert::Policy,
    pub alert_destination: Switches,
    /// Signs of life to a monitoring service (`Butler.heartbeat`), when enabled.
    pub heartbeat: Option<Heartbeat>,
    /// Port of this machine at which a container asks (`Butler.dockerHealthCheck`), when enabled.
    pub health_port: Option<u16>,
    /// `Butler.uptimeMonitor`, when enabled.
    pub uptime: Option<UptimeMonitor>,
    /// Reports on a schedule (`Butler.report`), when enabled.
    pub reports: Option<Reports>,
    /// Whether reports name who holds a seat, those of the command too.
    pub report_names: bool,
    /// The pages, if they are served (`Butler.web`).
    pub web: Option<Web>,
    /// Butler sections that the file fills in and Bursar doesn't implement, in file order.
    pub unimplemented: Vec<String>,
    /// How often the daemon looks whether the file, or what it refers to, changed (`Butler.configReload.seconds`).
    pub reload_every: Duration,
    /// The files that they were read from; `None` where they are of none.
    pub seen: Option<Seen>,
}

impl Settings {
    /// Everything that is sent to somebody and that nobody may see.
    pub fn secrets(&self) -> Forms {
        let mut forms = Forms::default();
        self.destinations.secrets(&mut forms);
        for site in &self.sites {
            forms.add(site.connection.secrets());
        }
        if let Some(heartbeat) = &self.heartbeat {
            forms.address(&heartbeat.url);
        }
        forms
    }

    /// Butler's settings that the file fills in and Bursar ignores, as one sentence.
    pub fn unimplemented_line(&self) -> Option<String> {
        if self.unimplemented.is_empty() {
            return None;
        }
        let names = self.unimplemented.join(", ");
        Some(format!("these settings of Butler's are not used by Bursar: {names}"))
    }
}

/// `Butler.web`, when enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    pub address: SocketAddr,
    /// Whether pages name people to everybody who reads them.
    pub show_names: bool,
    /// Names under which it is asked for, in small letters.
    pub hosts: Vec<String>,
    pub tls: Option<WebTls>,
    pub proxy: Option<WebProxy>,
    pub reach: Reach,
}

/// To whom the pages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whoever reaches the address reads them.
    Anybody,
    /// Only users, tokens, and who the proxy names.
    LoggedIn,
    /// Other machines reach them, and nothing protects what is said.
    Nobody,
}

/// `Butler.web.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTls {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Whether browsers are told to ask the machine over HTTPS alone.
    pub hsts: bool,
}

/// `Butler.web.proxy`, where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebProxy {
    pub from: Vec<Network>,
    /// Header with the user, in small letters.
    pub header: String,
    pub operators: Vec<String>,
}

/// An address, or all that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    mask: u128,
    is_v4: bool,
}

impl Network {
    /// `10.0.0.5`, `10.0.0.0/24`, `fd00::/8`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(whole);
        if bits > whole {
            return None;
        }
        let rest = whole - bits;
        let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
        Some(Self { address: number(address) & mask, mask, is_v4: address.is_ipv4() })
    }

    /// Whether an address is one of these. An IPv4 address that came over a socket of IPv6 counts as IPv4.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.is_v4 && number(address) & self.mask == self.address
    }

    /// Whether processes of this machine ask from one of these.
    pub fn has_loopback(&self) -> bool {
        self.has(Ipv4Addr::LOCALHOST.into()) || self.has(Ipv6Addr::LOCALHOST.into())
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// `Butler.heartbeat`, when enabled.
#[derive(Clone, PartialEq)]
pub struct Heartbeat {
    /// Who knows its path can send signs of life.
    pub url: Url,
    pub schedule: Schedule,
    pub signals: SignalForm,
    /// Own CA for https.
    pub ca_cert: Option<PathBuf>,
    pub timeout: Duration,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = http::origin(&self.url);
        f.debug_struct("Heartbeat").field("url", &url).finish_non_exhaustive()
    }
}

/// What a monitoring service understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalForm {
    /// Signs of life alone.
    Plain,
    /// The beginning and failures, too, at addresses below its own.
    StartAndFail,
}

/// `Butler.uptimeMonitor`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct UptimeMonitor {
    pub schedule: Schedule,
    /// At which it is logged.
    pub level: LevelFilter,
    pub to_influxdb: bool,
}

/// `Butler.report`, when enabled.
#[derive(Debug, Clone, PartialEq)]
pub struct Reports {
    pub schedule: Schedule,
    /// As [`Period::parse`](crate::report::Period::parse) takes it.
    pub period: &'static str,
    /// At least one, each once.
    pub formats: Vec<Format>,
    /// From the folder of the store.
    pub folder: PathBuf,
    pub email: bool,
    /// Files that stay, of each format. At least 1.
    pub keep: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub level: LevelFilter,
    /// One JSON object a line on standard error instead of text for people.
    pub json: bool,
    /// Where daily rotated files go, if anywhere (`fileLogging`, `logDirectory`).
    pub directory: Option<PathBuf>,
    /// Most bytes of a log file; a day that has more gets several (`logFileMaxMB`).
    pub file_bytes: u64,
    /// Log files that stay (`logFilesKept`).
    pub files: usize,
}

/// One Qlik Sense site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub name: String,
    pub connection: Connection,
    /// Added to every InfluxDB point of this site.
    pub tags: Vec<Tag>,
    pub server_license: Option<ServerLicenseMonitor>,
    pub access_license: Option<AccessLicenseMonitor>,
    pub seats: Option<SeatMonitor>,
    pub monitor_app: Option<LicenseMonitorApp>,
    pub version: Option<VersionMonitor>,
    pub release: Release,
    /// `Butler.alert` with what the site has in its place.
    pub alert: alert::Policy,
    pub alert_destination: Switches,
}

/// Something of a site that is looked at on a schedule.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    pub monitor: Monitor,
    /// In lists for people.
    pub title: &'static str,
    pub schedule: &'a Schedule,
}

impl Settings {
    /// What releases at a site need to know.
    pub fn release_site(&self, site: &Site) -> release::Site {
        self.release_site_among(site, release::Sites::new(self.release_sites()))
    }

    /// The same, where somebody has the list of all sites.
    pub fn release_site_among(&self, site: &Site, sites: release::Sites) -> release::Site {
        release::Site {
            name: site.name.clone(),
            is_named: self.named_sites,
            host: site.connection.host.clone(),
            release: site.release.clone(),
            sites,
        }
    }

    /// All sites, as releases see them.
    pub fn release_sites(&self) -> Vec<release::Other> {
        let of = |site: &Site| release::Other {
            name: site.name.clone(),
            connection: site.connection.clone(),
        };
        self.sites.iter().map(of).collect()
    }
}

impl Site {
    /// All that is looked at on a schedule: the monitors that are on, and releases when they are.
    pub fn watches(&self) -> Vec<Watch<'_>> {
        let release = if self.release.dry_run { "release, rehearsal" } else { "release" };
        let all = [
            (
                Monitor::ServerLicense,
                "server license",
                self.server_license.as_ref().map(|monitor| &monitor.schedule),
            ),
            (
                Monitor::AccessLicense,
                "access licenses",
                self.access_license.as_ref().map(|monitor| &monitor.schedule),
            ),
            (Monitor::Seats, "seats", self.seats.as_ref().map(|monitor| &monitor.schedule)),
            (
                Monitor::App,
                "License Monitor app",
                self.monitor_app.as_ref().map(|monitor| &monitor.schedule),
            ),
            (
                Monitor::Version,
                "Qlik Sense version",
                self.version.as_ref().map(|monitor| &monitor.schedule),
            ),
            (Monitor::Release, release, self.release.enable.then_some(&self.release.schedule)),
        ];
        let on = all.into_iter().filter_map(|(monitor, title, schedule)| {
            Some(Watch { monitor, title, schedule: schedule? })
        });
        on.collect()
    }
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// One file with pictures, to read and to print
    Html,
    /// Markdown
    Md,
    /// One flat table
    Csv,
    Json,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Html, Self::Md, Self::Csv, Self::Json];

    /// As it is written in the settings, and the end of a file's name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        let has = |network: &str, address: &str| {
            Network::parse(network).unwrap().has(address.parse().unwrap())
        };
        for (network, address) in [
            ("10.0.0.5", "10.0.0.5"),
            ("10.0.0.0/24", "10.0.0.255"),
            ("10.0.0.7/24", "10.0.0.1"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("10.0.0.5", "::ffff:10.0.0.5"),
            ("fd00::/8", "fdff::1"),
            ("::/0", "2001:db8::1"),
        ] {
            assert!(has(network, address), "{network} {address}");
        }
        for (network, address) in [
            ("10.0.0.5", "10.0.0.6"),
            ("10.0.0.0/24", "10.0.1.0"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("::/0", "10.0.0.5"),
            ("fd00::/8", "fe00::1"),
        ] {
            assert!(!has(network, address), "{network} {address}");
        }
        for wrong in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "proxy", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
        assert!(Network::parse("127.0.0.0/8").unwrap().has_loopback());
        assert!(!Network::parse("10.0.0.0/8").unwrap().has_loopback());
    }
}
