//! Which events the settings send to a kind of destination, site by site.

use std::collections::HashMap;

use crate::event::{Body, Class, Event, Monitor, Switches, Tag, UserTag};

/// A kind of destination, as monitors' switches and alert rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    InfluxDb,
    Mqtt,
    Webhook,
    Email,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::InfluxDb, Self::Mqtt, Self::Webhook, Self::Email];

    /// The word in the settings of an alert rule and in
    /// [`AlertNotice::destinations`](crate::event::AlertNotice::destinations).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InfluxDb => "influxdb",
            Self::Mqtt => "mqtt",
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

/// The settings of all sites, as far as destinations look at them.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Whether the site is a visible dimension (tag `site`, payload key).
    pub named_sites: bool,
    pub sites: HashMap<String, Site>,
}

/// One site's share of [`Routes`]. A monitor that is off has no switches.
#[derive(Debug, Clone)]
pub struct Site {
    pub tags: Vec<Tag>,
    pub server_license: Option<Switches>,
    pub access_license: Option<Switches>,
    pub release: Option<Switches>,
    pub seats: Option<Switches>,
    pub app: Option<Switches>,
    pub alert: Option<Switches>,
    /// How InfluxDB points of releases name the user.
    pub user_tag: UserTag,
    /// How those of changes of seats do; `Off` leaves these points out.
    pub seat_user_tag: UserTag,
}

impl Default for Site {
    /// Nothing is sent.
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            server_license: None,
            access_license: None,
            release: None,
            seats: None,
            app: None,
            alert: None,
            user_tag: UserTag::default(),
            seat_user_tag: UserTag::Off,
        }
    }
}

impl Routes {
    /// The switches that hold for an event; `None` for a site or monitor that is not configured,
    /// such as one that was removed while its events were waiting.
    pub fn switches(&self, event: &Event) -> Option<&Switches> {
        self.sites.get(&event.site)?.switches(event.monitor())
    }

    /// Whether an event goes to a kind of destination: the monitor's switch is on, and an alert's
    /// rule does not leave this kind out. Every destination asks here.
    pub fn wants(&self, event: &Event, channel: Channel) -> bool {
        if let Body::Alert(notice) = &event.body
            && let Some(only) = &notice.destinations
            && !only.iter().any(|name| name == channel.as_str())
        {
            return false;
        }
        let Some(switches) = self.switches(event) else { return false };
        let send = match channel {
            Channel::InfluxDb => return switches.influxdb,
            Channel::Mqtt => switches.mqtt,
            Channel::Webhook => switches.webhook,
            Channel::Email => switches.email,
        };
        match event.class() {
            Class::Recurring => send.recurring,
            Class::Alert => send.alert,
        }
    }

    /// How an event's InfluxDB points name the user: not at all for a site that is not configured
    /// any more, because its wish is not known.
    pub fn user_tag(&self, event: &Event) -> UserTag {
        let Some(site) = self.sites.get(&event.site) else { return UserTag::Off };
        match event.monitor() {
            Monitor::Seats => site.seat_user_tag,
            _ => site.user_tag,
        }
    }
}

impl Site {
    /// The switches of one of the site's monitors.
    pub fn switches(&self, monitor: Monitor) -> Option<&Switches> {
        match monitor {
            Monitor::ServerLicense => self.server_license.as_ref(),
            Monitor::AccessLicense => self.access_license.as_ref(),
            Monitor::Release => self.release.as_ref(),
            Monitor::Seats => self.seats.as_ref(),
            Monitor::App => self.app.as_ref(),
            Monitor::Alert => self.alert.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AlertNotice, AlertStatus, Rule, SendSwitch, Severity};
    use crate::license::Pools;

    fn alert(destinations: Option<&[&str]>) -> Event {
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
            destinations: destinations.map(|names| names.iter().map(|n| (*n).into()).collect()),
        };
        Event::new("prod", time, Body::Alert(notice))
    }

    fn routes(switches: Switches) -> Routes {
        let site = Site {
            alert: Some(switches.clone()),
            access_license: Some(switches),
            ..Site::default()
        };
        Routes { named_sites: false, sites: HashMap::from([("prod".to_owned(), site)]) }
    }

    fn wanting(routes: &Routes, event: &Event) -> Vec<&'static str> {
        let wants = |channel: &Channel| routes.wants(event, *channel);
        Channel::ALL.into_iter().filter(wants).map(Channel::as_str).collect()
    }

    #[test]
    fn an_alert_goes_where_its_rule_and_the_switches_let_it() {
        let on = SendSwitch { recurring: false, alert: true };
        let all =
            Switches { influxdb: true, mqtt: on, webhook: on, email: on, ..Switches::default() };
        let everywhere = routes(all.clone());
        assert_eq!(wanting(&everywhere, &alert(None)), ["influxdb", "mqtt", "webhook", "email"]);
        assert_eq!(wanting(&everywhere, &alert(Some(&["email", "mqtt"]))), ["mqtt", "email"]);
        assert!(wanting(&everywhere, &alert(Some(&[]))).is_empty());
        let no_email = routes(Switches { email: SendSwitch::default(), ..all });
        assert_eq!(wanting(&no_email, &alert(Some(&["email", "mqtt"]))), ["mqtt"]);
    }

    #[test]
    fn each_class_has_its_switch() {
        let time = chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        let poll = Event::new("prod", time, Body::AccessLicenseStatus(Pools::default()));
        let recurring = SendSwitch { recurring: true, alert: false };
        let routes = routes(Switches { email: recurring, ..Switches::default() });
        assert_eq!(wanting(&routes, &poll), ["email"]);
        assert!(wanting(&routes, &alert(None)).is_empty());
        let elsewhere = Event { site: "another".into(), ..poll };
        assert!(wanting(&routes, &elsewhere).is_empty());
    }
}
