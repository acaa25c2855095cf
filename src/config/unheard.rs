//! Alerts and real releases that would reach nobody, and which switch changes that.

use std::collections::BTreeSet;

use serde::Serialize;

use super::settings::{Settings, Site};
use crate::alert::{Policy, catalogue, notice};
use crate::event::{Addressing, Channel, DAEMON, Kind, Queue, Rule};

/// What no destination gets: alerts of rules that are watched, or the seats that are released for real.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unheard {
    /// Where they are watched: sites, and the daemon itself.
    pub sites: Vec<String>,
    pub rules: Vec<Rule>,
    /// Nothing that is watched there is told to anybody.
    pub all: bool,
    /// These are no alerts: seats are released for real at these sites, and nobody is told which.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub releases: bool,
    /// What to do about it.
    pub fix: String,
}

/// More than so many are counted where there is little room.
const FEW: usize = 3;
/// More sites than so many are counted everywhere: a thousand names are no line.
const NAMED: usize = 10;

impl Unheard {
    /// `alerts of seatsLow, seatsGone reach nobody`
    pub fn what(&self) -> String {
        let rules: Vec<String> = self.rules.iter().map(ToString::to_string).collect();
        let what = self.kind();
        let sites = match self.sites.as_slice() {
            named if named.len() <= NAMED => named.join(", "),
            many => format!("{} and {} more", many[..NAMED].join(", "), many.len() - NAMED),
        };
        if self.releases {
            return format!("{what} of {sites}");
        }
        format!("{what} of {sites}: {}", rules.join(", "))
    }

    fn kind(&self) -> &'static str {
        match (self.releases, self.all) {
            (true, _) => {
                "seats are released for real and nobody is told which: no destination gets the releases"
            }
            (false, true) => "no alert reaches anybody",
            (false, false) => "alerts reach nobody",
        }
    }

    /// The same in a line: many rules are counted.
    pub fn in_short(&self) -> String {
        if self.rules.len() <= FEW && self.sites.len() <= NAMED {
            return self.what();
        }
        let what = self.kind();
        let sites = match self.sites.as_slice() {
            few if few.len() <= FEW => few.join(", "),
            many => format!("{} sites", many.len()),
        };
        match self.releases {
            true => format!("{what} of {sites}"),
            false => format!("{what} of {sites}: {} rules", self.rules.len()),
        }
    }
}

impl Settings {
    /// What would reach nobody by these settings: alerts, then real releases. Nothing: each has a taker.
    pub fn unheard(&self) -> Vec<Unheard> {
        let mut all = self.unheard_alerts();
        let is_real = |site: &&Site| {
            let release = &site.release;
            release.enable && !release.dry_run && !release.policy.types.is_empty()
        };
        all.extend(self.unheard_releases(is_real));
        all
    }

    /// That no destination would get what a real run by hand does at a site, whatever the settings say of runs.
    pub fn unheard_by_hand(&self, site: &str) -> Option<Unheard> {
        self.unheard_releases(|of| of.name == site)
    }

    /// The sites whose seats are released for real while no destination gets single releases or runs.
    fn unheard_releases(&self, is_real: impl Fn(&&Site) -> bool) -> Option<Unheard> {
        const SWITCHES: &str = "Butler.qlikSenseLicense.licenseRelease.destination";
        let addressing = self.addressing();
        let is_told = |site: &str| {
            let takes = |queue: &Queue| {
                let of = |kind| addressing.takes(queue, site, kind);
                of(Kind::SeatReleased) || of(Kind::ReleaseRun)
            };
            addressing.queues().iter().any(takes)
        };
        let silent = self.sites.iter().filter(is_real).filter(|site| !is_told(&site.name));
        let sites: Vec<String> = silent.map(|site| site.name.clone()).collect();
        if sites.is_empty() {
            return None;
        }
        let can_take = |channel: &Channel| {
            let queues = addressing.queues().iter();
            let mut of = queues.filter(|queue| queue.channel == *channel);
            of.any(|queue| queue.kinds.contains(&Kind::SeatReleased))
        };
        let switch = |channel: Channel| {
            let key = channel.key();
            match channel {
                Channel::InfluxDb => format!("{SWITCHES}.{key}.enable: true"),
                _ => format!(
                    "{SWITCHES}.{key}.enable: true with sendRecurring.enable: true (each run) or \
                     sendAlert.enable: true (each seat) in it"
                ),
            }
        };
        let able: Vec<String> = Channel::ALL.into_iter().filter(can_take).map(switch).collect();
        let fix = match able.as_slice() {
            [] => format!(
                "set up influxDb, email, mqttConfig or webhookNotification.qlikSenseLicenseRelease, and \
                 switch it on in {SWITCHES}"
            ),
            able => format!("set {}", able.join(" or ")),
        };
        Some(Unheard { sites, rules: Vec::new(), all: false, releases: true, fix })
    }

    /// Alerts that would reach nobody by these settings. Nothing: each that is watched has a taker.
    pub fn unheard_alerts(&self) -> Vec<Unheard> {
        let addressing = self.addressing();
        let mut all: Vec<Unheard> = Vec::new();
        let sites = self.sites.iter().map(|site| (site.name.as_str(), Some(site), &site.alert));
        for (name, site, policy) in sites.chain([(DAEMON, None, &self.alert)]) {
            let watched: Vec<Rule> = catalogue::ALL
                .iter()
                .map(|entry| entry.rule)
                .filter(|rule| policy.watches(*rule) && self.has_facts(*rule, site, &addressing))
                .collect();
            let silent = |rule: &&Rule| takers(&addressing, name, **rule, policy).is_empty();
            let silent: Vec<Rule> = watched.iter().filter(silent).copied().collect();
            for fix in silent
                .iter()
                .map(|rule| fix(&addressing, name, *rule, policy))
                .collect::<BTreeSet<_>>()
            {
                let of_fix = |rule: &Rule| self::fix(&addressing, name, *rule, policy) == fix;
                let rules: Vec<Rule> = silent.iter().copied().filter(of_fix).collect();
                let is_all = rules.len() == watched.len();
                let same = |one: &&mut Unheard| {
                    one.fix == fix && (one.all && is_all || one.rules == rules)
                };
                match all.iter_mut().find(same) {
                    Some(known) => {
                        known.sites.push(name.to_owned());
                        known.rules.extend(rules);
                        known.rules.sort();
                        known.rules.dedup();
                    }
                    None => {
                        let sites = vec![name.to_owned()];
                        all.push(Unheard { sites, rules, all: is_all, releases: false, fix });
                    }
                }
            }
        }
        all
    }

    /// Whether what a rule looks at is watched: of what is off there is never an alert. `site`: none
    /// for the daemon itself.
    fn has_facts(&self, rule: Rule, site: Option<&Site>, addressing: &Addressing) -> bool {
        let Some(site) = site else {
            return match rule {
                Rule::QueueGrowing | Rule::QueueDropped | Rule::DeadLetters => {
                    !addressing.queues().is_empty()
                }
                other => catalogue::is_of_daemon(other),
            };
        };
        let release = &site.release;
        match rule {
            _ if catalogue::is_of_daemon(rule) => false,
            _ if catalogue::is_of_server_license(rule) => site.server_license.is_some(),
            Rule::SeatsLow
            | Rule::UtilizationHigh
            | Rule::SeatsGone
            | Rule::SeatsExcess
            | Rule::QuarantineRising
            | Rule::CapacityShort
            | Rule::SeatsRunOut => site.access_license.is_some(),
            Rule::OverBudget => {
                let budget = self.cost.as_ref().and_then(|prices| prices.budget());
                site.access_license.is_some() && budget.is_some()
            }
            Rule::ReleaseStopped | Rule::ReleaseFailed | Rule::ReleaseUnsettled => release.enable,
            Rule::ReleaseOverdue => release.enable && !release.dry_run,
            Rule::ChurnHigh => site.seats.is_some(),
            Rule::MonitorAppUnhealthy => site.monitor_app.is_some(),
            Rule::VersionChanged => site.version.is_some(),
            Rule::VersionUnsupported => {
                site.version.as_ref().is_some_and(|monitor| !monitor.end_of_support.is_empty())
            }
            _ => !site.watches().is_empty(),
        }
    }
}

/// The queues that get the alerts of a rule, in whatever form.
pub fn takers<'a>(
    addressing: &'a Addressing,
    site: &str,
    rule: Rule,
    policy: &Policy,
) -> Vec<&'a Queue> {
    let named = &policy.rule(rule).destinations;
    let is_named = |queue: &&Queue| {
        named.is_empty() || named.contains(&queue.channel) || notice::is_of_queue(rule)
    };
    let kind = notice::butlers_kind(rule);
    let takes = |queue: &&Queue| {
        let of = |kind: Kind| addressing.takes(queue, site, kind);
        let told = of(Kind::Alert) || kind.is_some_and(of);
        // Those are events of their own, whatever kinds of destinations the rule names.
        (told && is_named(queue)) || (rule == Rule::ReleaseStopped && of(Kind::ReleaseRefused))
    };
    addressing.queues().iter().filter(takes).collect()
}

/// What to switch on, so that somebody hears of a rule.
fn fix(addressing: &Addressing, site: &str, rule: Rule, policy: &Policy) -> String {
    const SWITCHES: &str = "Butler.alert.destination";
    let switch = |channel: &Channel| format!("{SWITCHES}.{}.enable: true", channel.key());
    let named = &policy.rule(rule).destinations;
    let takes = |queue: &&Queue| addressing.takes(queue, site, Kind::Alert);
    if !named.is_empty() && addressing.queues().iter().any(|queue| takes(&queue)) {
        let names: Vec<&str> = named.iter().map(|channel| channel.as_str()).collect();
        let switches: Vec<String> = named.iter().map(switch).collect();
        return format!(
            "Butler.alert.rules names only {} for them in destinations: set {}, or name another \
             kind there",
            names.join(", "),
            switches.join(" or ")
        );
    }
    let set_up = |channel: &Channel| addressing.queues().iter().any(|q| q.channel == *channel);
    let can_take = |channel: &Channel| {
        let mut queues = addressing.queues().iter().filter(|queue| queue.channel == *channel);
        queues.any(|queue| queue.kinds.contains(&Kind::Alert))
    };
    let able: Vec<Channel> = Channel::ALL.into_iter().filter(can_take).collect();
    let people: Vec<Channel> =
        able.iter().copied().filter(|channel| *channel != Channel::InfluxDb).collect();
    let set = |channels: &[Channel]| {
        let switches: Vec<String> = channels.iter().map(switch).collect();
        format!("set {}", switches.join(" or "))
    };
    match (people.as_slice(), able.as_slice(), set_up(&Channel::Webhook)) {
        ([_, ..], _, _) => set(&people),
        (_, _, true) => format!(
            "list a webhook in Butler.webhookNotification.qlikSenseAlert, and set {}",
            switch(&Channel::Webhook)
        ),
        ([], [_, ..], _) => format!(
            "{}, which only stores them, or set up email, webhookNotification or mqttConfig and \
             switch that on in {SWITCHES}",
            set(&able)
        ),
        _ => format!(
            "set up email, webhookNotification or mqttConfig, and switch it on in {SWITCHES}, such \
             as {}",
            switch(&Channel::Email)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{FixedEnvironment, load_text};
    const HEAD: &str = "Butler:
  configQRS: {host: q, headers: {static: [{name: X-Qlik-User, value: UserDirectory=A; UserId=b}]}}
  cert: {clientCert: a, clientCertKey: b, clientCertCA: c}
";

    fn unheard(more: &str) -> Vec<String> {
        let text = format!("{HEAD}{more}");
        let loaded = load_text(&text, Path::new("x.yaml"), &FixedEnvironment::default());
        let settings = loaded.unwrap_or_else(|problems| panic!("{problems}")).settings;
        settings.unheard().iter().map(|one| format!("{}; {}", one.what(), one.fix)).collect()
    }

    const SEATS: &str =
        "  qlikSenseLicense: {licenseMonitor: {enable: true}, seatMonitor: {enable: false}}\n";
    const MAIL: &str = "  email: {enable: true, host: m, from: a@b.example, to: [c@d.example]}\n";

    #[test]
    fn nothing_is_set_up() {
        insta::assert_snapshot!(unheard(SEATS).join("\n"), @"no alert reaches anybody of default, (bursar): seatsLow, utilizationHigh, seatsGone, seatsExcess, quarantineRising, capacityShort, seatsRunOut, siteUnreachable, otherSite, dataStale, certificateExpiring, reloadRefused, storeBegunAnew; set up email, webhookNotification or mqttConfig, and switch it on in Butler.alert.destination, such as Butler.alert.destination.email.enable: true");
    }

    #[test]
    fn many_sites_are_counted() {
        let names: Vec<String> = (0..1_000).map(|n| format!("site{n}")).collect();
        let list: String = names.iter().map(|name| format!("  - name: {name}\n")).collect();
        let all = unheard(&format!("{SEATS}  sites:\n{list}"));
        let line = all.first().map(|line| line.split(':').next().unwrap_or_default());
        let few = names[..10].join(", ");
        assert_eq!(line, Some(format!("no alert reaches anybody of {few} and 991 more").as_str()));
    }

    #[test]
    fn a_destination_is_set_up_and_its_switch_is_off() {
        insta::assert_snapshot!(unheard(&format!("{SEATS}{MAIL}")).join("\n"), @"no alert reaches anybody of default, (bursar): seatsLow, utilizationHigh, seatsGone, seatsExcess, quarantineRising, capacityShort, seatsRunOut, siteUnreachable, otherSite, dataStale, queueGrowing, queueDropped, deadLetters, certificateExpiring, reloadRefused, storeBegunAnew; set Butler.alert.destination.email.enable: true");
        let influx = "  influxDb: {enable: true, hostIP: i, version: 1, v1Config: {dbName: d}}\n";
        insta::assert_snapshot!(unheard(&format!("{SEATS}{influx}")).join("\n"), @"no alert reaches anybody of default, (bursar): seatsLow, utilizationHigh, seatsGone, seatsExcess, quarantineRising, capacityShort, seatsRunOut, siteUnreachable, otherSite, dataStale, queueGrowing, queueDropped, deadLetters, certificateExpiring, reloadRefused, storeBegunAnew; set Butler.alert.destination.influxDb.enable: true, which only stores them, or set up email, webhookNotification or mqttConfig and switch that on in Butler.alert.destination");
        let hook = "  webhookNotification:
    enable: true
    qlikSenseServerLicenseMonitor: {webhooks: [{webhookURL: 'http://h/x', httpMethod: POST}]}
";
        insta::assert_snapshot!(unheard(&format!("{SEATS}{hook}")).join("\n"), @"no alert reaches anybody of default, (bursar): seatsLow, utilizationHigh, seatsGone, seatsExcess, quarantineRising, capacityShort, seatsRunOut, siteUnreachable, otherSite, dataStale, queueGrowing, queueDropped, deadLetters, certificateExpiring, reloadRefused, storeBegunAnew; list a webhook in Butler.webhookNotification.qlikSenseAlert, and set Butler.alert.destination.webhook.enable: true");
    }

    #[test]
    fn all_have_a_taker() {
        let on = "  alert: {destination: {email: {enable: true}}}\n";
        assert_eq!(unheard(&format!("{SEATS}{MAIL}{on}")), Vec::<String>::new());
    }

    #[test]
    fn a_rule_names_a_kind_of_destination_that_is_off() {
        let on = "  alert:
    destination: {email: {enable: true}}
    rules: {seatsLow: {destinations: [mqtt]}, queueGrowing: {destinations: [mqtt]}}
";
        insta::assert_snapshot!(unheard(&format!("{SEATS}{MAIL}{on}")).join("\n"), @"alerts reach nobody of default: seatsLow; Butler.alert.rules names only mqtt for them in destinations: set Butler.alert.destination.mqtt.enable: true, or name another kind there");
    }

    /// Butler's own form counts, and rules that are off or look at nothing don't.
    #[test]
    fn the_server_license_is_told_as_butler_does() {
        let licenses = "  qlikSenseLicense:
    serverLicenseMonitor: {enable: true, destination: {email: {enable: true, sendAlert: {enable: true}}}}
    seatMonitor: {enable: false}
  alert: {enable: false}
";
        assert_eq!(unheard(&format!("{licenses}{MAIL}")), Vec::<String>::new());
    }
}
