//! What stands around every page: navigation, the choice of a site, and what needs somebody.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::answer::age;
use super::viewer::Who;
use super::wording::excerpt;
use super::{Served, assets};
use crate::alert::state::Alert;
use crate::event::{DAEMON, Monitor, Rule, Severity};
use crate::ledger::RunStatus;
use crate::status::{SiteStatus, Status};
use crate::store::Health;

/// So many needs are told on every page; all of them on that of the alerts.
const NEEDS: usize = 3;

/// So much is told of each; the page behind it has the rest.
const LONGEST: usize = 140;

/// So many sites can be chosen from everywhere; all of them on the overview.
const SITES: usize = 100;

/// A page, as the navigation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Overview,
    Trends,
    Seats,
    Releases,
    Alerts,
    Reports,
    Renewal,
    Cost,
    Changes,
    App,
    Destinations,
    Settings,
    Health,
}

impl Part {
    const FIRST: [Self; 6] =
        [Self::Overview, Self::Trends, Self::Seats, Self::Releases, Self::Alerts, Self::Reports];

    /// Folded up.
    const MORE: [Self; 7] = [
        Self::Renewal,
        Self::Cost,
        Self::Changes,
        Self::App,
        Self::Destinations,
        Self::Settings,
        Self::Health,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Trends => "Trends",
            Self::Seats => "Seats",
            Self::Releases => "Releases",
            Self::Alerts => "Alerts",
            Self::Reports => "Reports",
            Self::Renewal => "Renewal",
            Self::Cost => "Cost",
            Self::Changes => "Changes",
            Self::App => "License Monitor",
            Self::Destinations => "Destinations",
            Self::Settings => "Settings",
            Self::Health => "Health",
        }
    }

    /// After `g`.
    fn key(self) -> char {
        match self {
            Self::Overview => 'o',
            Self::Trends => 't',
            Self::Seats => 's',
            Self::Releases => 'r',
            Self::Alerts => 'a',
            Self::Reports => 'p',
            Self::Renewal => 'n',
            Self::Cost => 'b',
            Self::Changes => 'c',
            Self::App => 'm',
            Self::Destinations => 'd',
            Self::Settings => 'e',
            Self::Health => 'h',
        }
    }

    /// Below the address of a site; `None`: of no site.
    fn of_site(self) -> Option<&'static str> {
        match self {
            Self::Overview => Some(""),
            Self::Trends => Some("/trends"),
            Self::Seats => Some("/seats"),
            Self::Releases => Some("/releases"),
            Self::Renewal => Some("/renewal"),
            Self::Cost => Some("/cost"),
            Self::Changes => Some("/changes"),
            Self::App => Some("/monitor-app"),
            Self::Alerts | Self::Reports | Self::Destinations | Self::Settings | Self::Health => {
                None
            }
        }
    }

    fn address(self, site: &str) -> String {
        match self {
            Self::Alerts => "/alerts".to_owned(),
            Self::Reports => "/reports".to_owned(),
            Self::Destinations => "/destinations".to_owned(),
            Self::Settings => "/settings".to_owned(),
            // `/health` is what load balancers ask.
            Self::Health => "/daemon".to_owned(),
            of_site => site_address(site, of_site.of_site().unwrap_or_default()),
        }
    }
}

/// The address of a page of a site; `below` begins with `/` or is empty.
pub(super) fn site_address(site: &str, below: &str) -> String {
    format!("/site/{}{below}", encoded(site))
}

/// A text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What templates show around a page.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) version: &'static str,
    /// Of the times on the page.
    pub(super) zone: &'static str,
    pub(super) nav: Vec<Link>,
    /// Pages that are folded up, and the name of the one that is shown.
    pub(super) more: Vec<Link>,
    pub(super) more_shown: &'static str,
    /// `g o overview, g t trends ...`
    pub(super) keys: String,
    /// The sites to choose from, where there are several, and which one is shown.
    pub(super) sites: Vec<Link>,
    pub(super) site: String,
    pub(super) more_sites: usize,
    pub(super) needs: Needs,
    /// Who looks, where that is known.
    pub(super) viewer: String,
    /// Who looks is logged in here, and not by a proxy.
    pub(super) logged_in: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) title: String,
    pub(super) address: String,
    pub(super) current: bool,
    pub(super) key: char,
}

impl Frame {
    /// Around the page `part`, of a site or of all.
    pub(super) fn new(served: &Served, status: &Status, part: Part, site: Option<&str>) -> Self {
        let settings = &served.source.settings;
        let several = served.sites().nth(1).is_some();
        let only = served.sites().next().filter(|_| !several).map(|site| site.name.as_str());
        let shown = site.or(only);
        let page = |of: Part| {
            let address = match (of.of_site(), shown) {
                (None, _) => of.address(""),
                (Some(_), Some(site)) => of.address(site),
                (Some(""), None) => "/".to_owned(),
                (Some(_), None) => return None,
            };
            let title = of.title().to_owned();
            Some(Link { title, address, current: of == part, key: of.key() })
        };
        let nav: Vec<_> = Part::FIRST.into_iter().filter_map(page).collect();
        let more: Vec<_> = Part::MORE.into_iter().filter_map(page).collect();
        let keys = nav.iter().chain(&more).map(|link| format!("{} {}", link.key, link.title));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let below = part.of_site().unwrap_or_default();
        let link = |name: &str| Link {
            title: name.to_owned(),
            address: site_address(name, below),
            current: site == Some(name),
            key: ' ',
        };
        let names: Vec<_> =
            served.sites().map(|site| site.name.as_str()).filter(|_| several).collect();
        let of = match site {
            Some(site) => format!("{}, {site}", part.title()),
            None => part.title().to_owned(),
        };
        Self {
            title: format!("{of} - Bursar"),
            style: assets::style(),
            script: assets::script(),
            version: status.version,
            zone: settings.time_zone.name(),
            nav,
            more,
            more_shown: if Part::MORE.contains(&part) { part.title() } else { "" },
            keys,
            sites: names.iter().take(SITES).map(|name| link(name)).collect(),
            site: site.unwrap_or("all sites").to_owned(),
            more_sites: names.len().saturating_sub(SITES),
            needs: Needs::of(served, status),
            viewer: match served.viewer.is_known() {
                true => format!("{} ({})", served.viewer.name(), served.viewer.role.as_str()),
                false => String::new(),
            },
            logged_in: matches!(served.viewer.who, Who::User { .. }),
        }
    }
}

/// What needs somebody, worst first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Needs {
    pub(super) first: Vec<Need>,
    /// How many more there are.
    pub(super) more: usize,
    /// In place of needs: how things are, with the age of that judgement as markup.
    pub(super) calm: Option<String>,
    /// When what is shown was read, and how destinations fare, as markup.
    pub(super) known: String,
}

#[derive(Debug, PartialEq)]
pub(super) struct Need {
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    pub(super) text: String,
}

/// The class of a severity.
pub(super) fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "",
        Severity::Warning => "watch",
        Severity::Critical => "act",
    }
}

impl Needs {
    fn of(served: &Served, status: &Status) -> Self {
        let settings = &served.source.settings;
        let mut all = Vec::new();
        for alert in status.alerts.iter().filter(|alert| !is_silenced(status, alert)) {
            let of_site = settings.named_sites || alert.key.site == DAEMON;
            let site = if of_site { format!("{}: ", alert.key.site) } else { String::new() };
            all.push(Need {
                tone: tone(alert.severity),
                word: alert.severity.as_str(),
                text: excerpt(&format!("{site}{}", alert.title), LONGEST),
            });
        }
        let need = |tone, word, text| Need { tone, word, text };
        all.extend(
            status.sites.iter().flat_map(unread).map(|text| need("unknown", "not read", text)),
        );
        all.extend(
            status
                .sites
                .iter()
                .filter_map(|site| stopped(site, status))
                .map(|text| need("watch", "stopped", text)),
        );
        let health = status.sites.iter().flat_map(|site| &site.monitors);
        let health: Vec<_> = health.filter_map(|monitor| monitor.health.clone()).collect();
        let late = served.fitness(&health, status.time).late;
        all.extend(late.into_iter().map(|what| need("unknown", "late", what)));
        all.extend(status.unheard.iter().map(|one| need("watch", "unheard", one.in_short())));
        if !settings.alert.enable || served.sites().any(|site| !site.alert.enable) {
            let text = "alerts are switched off in the settings: nothing is judged";
            all.push(need("unknown", "not judged", text.to_owned()));
        }
        let calm = all.is_empty().then(|| match oldest(&status.sites) {
            Some(time) => {
                format!("All is well, judged by what was read {} or later.", age(time, status.time))
            }
            None => "Nothing is watched: switch a monitor on in the settings.".to_owned(),
        });
        let more = all.len().saturating_sub(NEEDS);
        all.truncate(NEEDS);
        Self { first: all, more, calm, known: known(status, settings.time_zone) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.first.len() + self.more
    }
}

/// What of a site isn't read, or not any more.
fn unread(site: &SiteStatus) -> Vec<String> {
    let unread = site.monitors.iter().filter_map(|monitor| {
        let what = format!("{} of {}", monitor.monitor.as_str(), site.name);
        match &monitor.health {
            // The first run may be far away.
            None if monitor.monitor == Monitor::Release => None,
            None => Some(format!("{what}: not read yet")),
            Some(health) if is_stopped(health) => None,
            Some(health) => Some(excerpt(&format!("{what}: {}", health.problem()?.text), LONGEST)),
        }
    });
    unread.collect()
}

/// Whether somebody knows of it already, and wants to hear no more of it: from when they said so.
pub(super) fn is_silenced(status: &Status, alert: &Alert) -> bool {
    status.silences.iter().any(|silence| silence.covers(&alert.key, status.time))
}

/// Whether the last run is one that guards stopped: they did their work, and a person decides.
pub(super) fn is_stopped(health: &Health) -> bool {
    let problem = health.problem().filter(|_| health.monitor == Monitor::Release);
    problem.is_some_and(|problem| problem.code == RunStatus::Refused.as_str())
}

/// What stops the releases of a site, where no alert of it says so already.
pub(super) fn stopped(site: &SiteStatus, status: &Status) -> Option<String> {
    let told =
        |alert: &Alert| alert.key.rule == Rule::ReleaseStopped && alert.key.site == site.name;
    if status.alerts.iter().any(told) {
        return None;
    }
    let health = site.monitors.iter().filter_map(|monitor| monitor.health.as_ref());
    let problem = health.filter(|health| is_stopped(health)).find_map(Health::problem)?;
    Some(excerpt(
        &format!("releases of {}: a guard stops them: {}", site.name, problem.text),
        LONGEST,
    ))
}

/// When that was read which was read longest ago; `None` while something was never read, or nothing is watched.
fn oldest(sites: &[SiteStatus]) -> Option<DateTime<Utc>> {
    let monitors = sites.iter().flat_map(|site| &site.monitors);
    let monitors = monitors.filter(|monitor| monitor.monitor != Monitor::Release);
    let times: Option<Vec<_>> = monitors.map(|of| of.health.as_ref()?.last_success).collect();
    times?.into_iter().min()
}

fn known(status: &Status, zone: Tz) -> String {
    let monitors = || status.sites.iter().flat_map(|site| &site.monitors);
    let last = monitors().filter_map(|of| of.health.as_ref()?.last_success).max();
    let last = last.map_or_else(
        || "nothing was read yet".to_owned(),
        |time| format!("last read {}", age(time, status.time)),
    );
    let next = monitors().filter_map(|of| of.next).min();
    let next = next.map_or_else(String::new, |next| {
        format!(", next {}", next.with_timezone(&zone).format("%H:%M:%S"))
    });
    let all = status.queues.len();
    let held = status.queues.iter().filter(|of| of.trouble().is_some() || of.state.dead > 0);
    let unused = status.queues.iter().filter(|of| of.state.is_unused()).count();
    let queues = match (all, held.count()) {
        (all, 0) if unused == all => "no destination had an event yet".to_owned(),
        (1, 0) => "the destination delivers".to_owned(),
        (all, 0) if unused == 0 => format!("all {all} destinations deliver"),
        (all, 0) => {
            format!("{} of {all} destinations deliver, {unused} had no event yet", all - unused)
        }
        (all, held) => format!("{held} of {all} destinations have trouble"),
    };
    format!("{last}{next} · {queues}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_an_address() {
        assert_eq!(site_address("prod", "/seats"), "/site/prod/seats");
        assert_eq!(encoded("a/b?c#d é%"), "a%2Fb%3Fc%23d%20%C3%A9%25");
    }
}
