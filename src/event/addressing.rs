//! Who wants what: the switches of a monitor, the queues there are, and which of them get an event.

use std::sync::{Arc, PoisonError, RwLock};

use super::route::Routes;
use super::{Body, Channel, Class, Event, Kind};

/// How InfluxDB points of releases name the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserTag {
    /// `CORP\anna`, as Butler writes it.
    #[default]
    Name,
    /// A hash of it: the same for the same user, but no name.
    Hash,
    /// Not at all.
    Off,
}

/// Which destinations a monitor's events go to. By default none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Switches {
    channels: [SendSwitch; Channel::ALL.len()],
    /// Added to this monitor's InfluxDB points.
    pub influxdb_tags: Vec<Tag>,
}

impl Switches {
    /// All off, with tags for the InfluxDB points.
    pub fn tagged(influxdb_tags: Vec<Tag>) -> Self {
        Self { influxdb_tags, ..Self::default() }
    }

    /// The switch of a kind of destination.
    pub fn of(&self, channel: Channel) -> SendSwitch {
        self.channels[channel as usize]
    }

    pub fn set(&mut self, channel: Channel, switch: SendSwitch) {
        self.channels[channel as usize] = switch;
    }

    /// These with one switch changed.
    #[must_use]
    pub fn with(mut self, channel: Channel, switch: SendSwitch) -> Self {
        self.set(channel, switch);
        self
    }
}

/// `enable` of a destination is folded in: both are false when it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendSwitch {
    pub recurring: bool,
    pub alert: bool,
}

impl SendSwitch {
    /// Everything is sent.
    pub const ON: Self = Self { recurring: true, alert: true };

    /// Nothing is sent.
    pub const OFF: Self = Self { recurring: false, alert: false };

    pub fn is_on(self) -> bool {
        self != Self::OFF
    }

    /// Whether events of a class are sent.
    pub fn sends(self, class: Class) -> bool {
        match class {
            Class::Recurring => self.recurring,
            Class::Alert => self.alert,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

/// A queue of the outbox, by the settings of the destination that empties it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its stable name: `influxdb`, `webhook/1f0c2a9b`.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    pub channel: Channel,
    /// What the destination can take at all, whatever the switches say.
    pub kinds: Vec<Kind>,
    /// Its name while it isn't known where the address in the settings leads to.
    pub id_before: Option<String>,
}

impl Queue {
    /// What a person may call it beside its name: its title, and of that the description in the settings, without
    /// the kind before it and the address behind it.
    pub fn called(&self) -> [&str; 2] {
        let title = self.title.as_str();
        let bare = title.split_once(' ').filter(|(kind, _)| {
            kind.eq_ignore_ascii_case(self.channel.as_str())
                || kind.eq_ignore_ascii_case(self.channel.key())
        });
        let bare = bare.map_or(title, |(_, rest)| rest);
        [title, bare.rsplit_once(" (").map_or(bare, |(described, _)| described)]
    }

    /// The only queue of a channel.
    pub fn only(channel: Channel, takes: impl Fn(Kind) -> bool) -> Self {
        Self {
            id: channel.as_str().to_owned(),
            title: channel.title().to_owned(),
            channel,
            kinds: Kind::ALL.into_iter().filter(|kind| takes(*kind)).collect(),
            id_before: None,
        }
    }
}

/// Who wants an event: asked by whoever makes one, before it is stored.
#[derive(Debug, Clone, Default)]
pub struct Addressing {
    queues: Vec<Queue>,
    routes: Routes,
}

impl Addressing {
    pub fn new(queues: Vec<Queue>, routes: Routes) -> Self {
        Self { queues, routes }
    }

    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// The queues that an event goes to: what they can take, by the switches of its monitor, and
    /// an alert only where its rule lets it.
    pub fn queues_of<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Queue> {
        let only = match &event.body {
            Body::Alert(notice) => notice.destinations.as_deref(),
            _ => None,
        };
        let wants = move |queue: &&Queue| {
            self.takes(queue, &event.site, event.kind())
                && only.is_none_or(|channels| channels.contains(&queue.channel))
        };
        self.queues.iter().filter(wants)
    }

    /// An event with the names of the queues it goes to, as the store takes it.
    pub fn address(&self, event: Event) -> (Event, Vec<String>) {
        let ids = self.queues_of(&event).map(|queue| queue.id.clone()).collect();
        (event, ids)
    }

    /// Whether events of a kind from a site go to a queue.
    pub fn takes(&self, queue: &Queue, site: &str, kind: Kind) -> bool {
        let switches = self.routes.switches(site, kind.monitor());
        queue.kinds.contains(&kind)
            && switches.is_some_and(|switches| switches.of(queue.channel).sends(kind.class()))
    }
}

/// Who wants an event by the settings in force, which may change while the daemon runs.
#[derive(Debug, Clone, Default)]
pub struct InForce(Arc<RwLock<Arc<Addressing>>>);

impl From<Addressing> for InForce {
    fn from(addressing: Addressing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(addressing))))
    }
}

impl InForce {
    pub fn now(&self) -> Arc<Addressing> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on, for all who hold this.
    pub fn set(&self, addressing: Addressing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(addressing);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::event::route::Site;
    use crate::event::{AlertNotice, AlertStatus, Rule, Severity};
    use crate::license::Pools;

    fn alert(destinations: Option<&[Channel]>) -> Event {
        let time = chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        let notice = AlertNotice {
            rule: Rule::SeatsLow,
            subject: "professional".into(),
            fingerprint: "f".into(),
            status: AlertStatus::Firing,
            severity: Severity::Warning,
            title: "seats are low".into(),
            text: "3 of 100 are left".into(),
            hint: String::new(),
            since: time,
            resolved: None,
            repeats: 0,
            facts: serde_json::Map::new(),
            destinations: destinations.map(<[Channel]>::to_vec),
            silenced: None,
            test: false,
        };
        Event::new("prod", time, Body::Alert(notice))
    }

    fn addressing(switches: Switches) -> Addressing {
        let site = Site {
            alert: Some(switches.clone()),
            access_license: Some(switches),
            ..Site::default()
        };
        let sites = HashMap::from([("prod".to_owned(), site)]);
        let queues = Channel::ALL.map(|channel| Queue::only(channel, |_| true));
        Addressing::new(queues.into(), Routes { named_sites: false, sites })
    }

    fn wanting<'a>(addressing: &'a Addressing, event: &'a Event) -> Vec<&'a str> {
        addressing.queues_of(event).map(|queue| queue.id.as_str()).collect()
    }

    #[test]
    fn an_alert_goes_where_its_rule_and_the_switches_let_it() {
        let on = SendSwitch { recurring: false, alert: true };
        let mut all = Switches::default();
        Channel::ALL.into_iter().for_each(|channel| all.set(channel, on));
        let everywhere = addressing(all.clone());
        assert_eq!(wanting(&everywhere, &alert(None)), ["influxdb", "mqtt", "webhook", "email"]);
        assert_eq!(
            wanting(&everywhere, &alert(Some(&[Channel::Email, Channel::Mqtt]))),
            ["mqtt", "email"]
        );
        assert!(wanting(&everywhere, &alert(Some(&[]))).is_empty());
        let no_email = addressing(all.with(Channel::Email, SendSwitch::OFF));
        assert_eq!(wanting(&no_email, &alert(Some(&[Channel::Email, Channel::Mqtt]))), ["mqtt"]);
    }

    #[test]
    fn each_class_has_its_switch() {
        let time = chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        let poll = Event::new("prod", time, Body::AccessLicenseStatus(Pools::default()));
        let recurring = SendSwitch { recurring: true, alert: false };
        let addressing = addressing(Switches::default().with(Channel::Email, recurring));
        assert_eq!(wanting(&addressing, &poll), ["email"]);
        assert!(wanting(&addressing, &alert(None)).is_empty());
        let elsewhere = Event { site: "another".into(), ..poll };
        assert!(wanting(&addressing, &elsewhere).is_empty());
    }

    #[test]
    fn each_monitor_has_its_switches() {
        let on = |recurring, alert| SendSwitch { recurring, alert };
        let alerts = ["serverLicenseExpiring", "serverLicenseExpired", "serverLicenseProblem"];
        let cases: [(SendSwitch, SendSwitch, &[&str]); 4] = [
            (SendSwitch::OFF, SendSwitch::OFF, &[]),
            (on(true, false), SendSwitch::OFF, &["serverLicenseStatus"]),
            (on(false, true), SendSwitch::OFF, &alerts),
            (SendSwitch::OFF, SendSwitch::ON, &["accessLicenseStatus"]),
        ];
        for (server_license, access_license, expected) in cases {
            let switches = |mqtt| Some(Switches::default().with(Channel::Mqtt, mqtt));
            let site = Site {
                server_license: switches(server_license),
                access_license: switches(access_license),
                ..Site::default()
            };
            let sites = HashMap::from([("prod".to_owned(), site)]);
            let mqtt = Queue::only(Channel::Mqtt, |_| true);
            let addressing =
                Addressing::new(vec![mqtt.clone()], Routes { named_sites: false, sites });
            let taken = |site: &str| -> Vec<&str> {
                let kinds =
                    Kind::ALL.into_iter().filter(|kind| addressing.takes(&mqtt, site, *kind));
                kinds.map(Kind::as_str).collect()
            };
            assert_eq!(taken("prod"), expected);
            assert!(taken("another").is_empty());
        }
    }

    #[test]
    fn a_queue_gets_only_what_its_destination_can_take() {
        let all = Switches::default().with(Channel::InfluxDb, SendSwitch::ON);
        let Addressing { routes, .. } = addressing(all);
        let figures = Queue::only(Channel::InfluxDb, Kind::has_figures);
        let addressing = Addressing::new(vec![figures.clone()], routes);
        assert!(addressing.takes(&figures, "prod", Kind::AccessLicenseStatus));
        assert!(addressing.takes(&figures, "prod", Kind::Alert));
        assert!(!addressing.takes(&figures, "prod", Kind::ReleaseRefused));
        assert!(!addressing.takes(&figures, "another", Kind::Alert));
    }
}
