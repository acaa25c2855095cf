//! What the destinations need of the settings.

use super::settings::Settings;
use crate::destination::registry::{self, Installation, Surroundings};
use crate::event::route::{Routes, Site};
use crate::event::{Addressing, Channel, DAEMON, SendSwitch, Switches, UserTag};
use crate::store::installation;

impl Settings {
    /// What destinations know of the rest of the settings, and of this computer.
    pub fn surroundings(&self) -> Surroundings {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let installation = Installation { host, id: installation::known(&self.storage.path) };
        Surroundings {
            routes: self.routes(),
            time_zone: self.time_zone,
            locale: self.locale,
            installation,
        }
    }

    /// Who wants which event.
    pub fn addressing(&self) -> Addressing {
        Addressing::new(registry::queues(&self.destinations), self.routes())
    }

    /// What the switches of the sites say.
    pub fn routes(&self) -> Routes {
        let uptime = self.uptime.as_ref().filter(|uptime| uptime.to_influxdb);
        let recurring = SendSwitch { recurring: true, alert: false };
        let daemon = Site {
            alert: Some(self.alert_destination.clone()),
            daemon: uptime.map(|_| Switches::default().with(Channel::InfluxDb, recurring)),
            ..Site::default()
        };
        let daemon = (DAEMON.to_owned(), daemon);
        let sites = self.sites.iter().map(|site| {
            let route = Site {
                tags: site.tags.clone(),
                server_license: site.server_license.as_ref().map(|m| m.destination.clone()),
                access_license: site.access_license.as_ref().map(|m| m.destination.clone()),
                release: Some(site.release.destination.clone()),
                seats: site.seats.as_ref().map(|m| m.destination.clone()),
                app: site.monitor_app.as_ref().map(|m| m.destination.clone()),
                version: site.version.as_ref().map(|m| m.destination.clone()),
                alert: Some(site.alert_destination.clone()),
                daemon: None,
                user_tag: site.release.user_tag,
                seat_user_tag: site.seats.as_ref().map_or(UserTag::Off, |m| m.user_tag),
            };
            (site.name.clone(), route)
        });
        Routes { named_sites: self.named_sites, sites: sites.chain([daemon]).collect() }
    }
}
