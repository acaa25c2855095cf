//! What the settings say of sites, as far as destinations look at them.

use std::collections::HashMap;

use super::{Event, Monitor, Switches, Tag, UserTag};

/// The settings of all sites, as far as destinations look at them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes {
    /// Whether the site is a visible dimension (tag `site`, payload key).
    pub named_sites: bool,
    pub sites: HashMap<String, Site>,
}

/// One site's share of [`Routes`]. A monitor that is off has no switches.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub tags: Vec<Tag>,
    pub server_license: Option<Switches>,
    pub access_license: Option<Switches>,
    pub release: Option<Switches>,
    pub seats: Option<Switches>,
    pub app: Option<Switches>,
    pub version: Option<Switches>,
    pub alert: Option<Switches>,
    /// Of the daemon itself: no site has them.
    pub daemon: Option<Switches>,
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
            version: None,
            alert: None,
            daemon: None,
            user_tag: UserTag::default(),
            seat_user_tag: UserTag::Off,
        }
    }
}

impl Routes {
    /// The switches of a monitor; `None` for a site or monitor that is not configured, such as one
    /// that was removed while its events were waiting.
    pub fn switches(&self, site: &str, monitor: Monitor) -> Option<&Switches> {
        self.sites.get(site)?.switches(monitor)
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
            Monitor::Version => self.version.as_ref(),
            Monitor::Alert => self.alert.as_ref(),
            Monitor::Daemon => self.daemon.as_ref(),
        }
    }
}
