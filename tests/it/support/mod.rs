//! Real servers and helpers that several test modules share.

pub mod broker;
pub mod endless;
pub mod exim;
pub mod guarded;
pub mod influxd;
pub mod influxdb3;
pub mod largest;
pub mod mosquitto;
pub mod picky;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod releases;
pub mod setup;
pub mod smtp;
pub mod store;
#[cfg(unix)]
pub mod terminal;
pub mod victoria;
pub mod years;

use bursar::destination::registry::{self, Configured};
use bursar::event::route::{Routes, Site};
use bursar::event::{Addressing, Channel, Event, Queue, SendSwitch, Switches};

/// Whether any of these destinations wants an event.
pub fn wanted(configured: &Configured, routes: &Routes, event: &Event) -> bool {
    let addressing = Addressing::new(registry::queues(configured), routes.clone());
    addressing.queues_of(event).next().is_some()
}

/// A queue, `everything`, that gets all that is told of the releases of a site.
pub fn everything(site: &str) -> Addressing {
    let switches = Switches::default().with(Channel::Mqtt, SendSwitch::ON);
    let site = (site.to_owned(), Site { release: Some(switches), ..Site::default() });
    let routes = Routes { named_sites: false, sites: [site].into() };
    let queue = Queue { id: "everything".into(), ..Queue::only(Channel::Mqtt, |_| true) };
    Addressing::new(vec![queue], routes)
}
