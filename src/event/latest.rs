//! What is known of a site now: the newest event of each recurring kind.

use chrono::{DateTime, Utc};

use super::{Body, Event, ReleaseRun};
use crate::license::monitor_app::MonitorApp;
use crate::license::{Pools, SenseVersion, ServerLicenseStatus};

/// The newest events of one site, among those of all.
#[derive(Debug, Clone, Copy)]
pub struct Latest<'a> {
    events: &'a [Event],
    site: &'a str,
}

/// With the time of the poll.
pub(super) type At<'a, T> = (DateTime<Utc>, &'a T);

impl<'a> Latest<'a> {
    /// `events`: the newest of each site and kind.
    pub fn new(events: &'a [Event], site: &'a str) -> Self {
        Self { events, site }
    }

    pub fn events(self) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.site == self.site)
    }

    pub fn server_license(self) -> Option<At<'a, ServerLicenseStatus>> {
        self.find(|body| match body {
            Body::ServerLicenseStatus(status) => Some(status),
            _ => None,
        })
    }

    pub fn pools(self) -> Option<At<'a, Pools>> {
        self.find(|body| match body {
            Body::AccessLicenseStatus(pools) => Some(pools),
            _ => None,
        })
    }

    pub fn release_run(self) -> Option<At<'a, ReleaseRun>> {
        self.find(|body| match body {
            Body::ReleaseRun(run) => Some(run),
            _ => None,
        })
    }

    pub fn monitor_app(self) -> Option<At<'a, MonitorApp>> {
        self.find(|body| match body {
            Body::MonitorApp(app) => Some(app),
            _ => None,
        })
    }

    pub fn version(self) -> Option<At<'a, SenseVersion>> {
        self.find(|body| match body {
            Body::QlikSenseVersion(version) => Some(version),
            _ => None,
        })
    }

    fn find<T>(self, pick: fn(&'a Body) -> Option<&'a T>) -> Option<At<'a, T>> {
        self.events().find_map(|event| Some((event.time, pick(&event.body)?)))
    }
}
