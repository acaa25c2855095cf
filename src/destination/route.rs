//! Which events the settings send to a kind of destination, site by site.

use std::collections::HashMap;

use crate::event::{Body, Channel, Event, Monitor, Switches, Tag, UserTag};

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
            && !only.contains(&channel)
        {
            return false;
        }
        self.switches(event).is_some_and(|switches| switches.of(channel).sends(event.class()))
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
        let mut all = Switches::default();
        Channel::ALL.into_iter().for_each(|channel| all.set(channel, on));
        let everywhere = routes(all.clone());
        assert_eq!(wanting(&everywhere, &alert(None)), ["influxdb", "mqtt", "webhook", "email"]);
        assert_eq!(
            wanting(&everywhere, &alert(Some(&[Channel::Email, Channel::Mqtt]))),
            ["mqtt", "email"]
        );
        assert!(wanting(&everywhere, &alert(Some(&[]))).is_empty());
        let no_email = routes(all.with(Channel::Email, SendSwitch::OFF));
        assert_eq!(wanting(&no_email, &alert(Some(&[Channel::Email, Channel::Mqtt]))), ["mqtt"]);
    }

    #[test]
    fn each_class_has_its_switch() {
        let time = chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap();
        let poll = Event::new("prod", time, Body::AccessLicenseStatus(Pools::default()));
        let recurring = SendSwitch { recurring: true, alert: false };
        let routes = routes(Switches::default().with(Channel::Email, recurring));
        assert_eq!(wanting(&routes, &poll), ["email"]);
        assert!(wanting(&routes, &alert(None)).is_empty());
        let elsewhere = Event { site: "another".into(), ..poll };
        assert!(wanting(&routes, &elsewhere).is_empty());
    }
}
