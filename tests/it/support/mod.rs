//! Real servers and helpers that several test modules share.

pub mod broker;
pub mod chromium;
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

/// Compares what a page has between two marks with what it should, or writes it with
/// `UPDATE_GENERATED=1`.
pub fn generated(page: &std::path::Path, mark: &str, expected: &str) {
    // Several tests may have a part in one page.
    static PAGES: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = PAGES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = std::fs::read_to_string(page).expect("the page is there");
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&begin).expect("the mark is there");
    let (found, after) = rest.split_once(&end).expect("its end is there");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        let page_then = format!("{before}{begin}{expected}{end}{after}");
        std::fs::write(page, page_then).expect("the page is written");
    } else {
        assert_eq!(found, expected, "run the tests with UPDATE_GENERATED=1");
    }
}
