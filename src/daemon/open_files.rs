//! How many files the daemon needs, and how many it may have.

use crate::config::Settings;
use crate::descriptors::{self, Limit};
use crate::qrs::Connections;
use crate::web;

/// The store with its log and copies, the lock, log files, the runtime, name resolution.
const OWN: u64 = 64;

/// For each search of seats: a connection to the store, which is its file, its log and their index.
const EACH_SEARCH: u64 = 3;

/// For each destination: a connection, one that is being made anew, and files of certificates.
const EACH_DESTINATION: u64 = 4;

/// For each site: the requests that run at a time, as the settings have it unless they say otherwise.
const EACH_SITE: u64 = 4;

/// Raises the limit to the highest one, says how many files are needed, and shares the connections out.
pub fn share_out(settings: &Settings) -> Connections {
    let Some(Limit { before, now }) = descriptors::raise() else {
        return Connections::unlimited();
    };
    let (own, sites) = (own(settings), settings.sites.len());
    let needed = own + sites as u64 * EACH_SITE;
    tracing::info!(
        needed,
        limit = now,
        limit_before = before,
        "{sites} site(s) and the rest need {needed} open files, and there may be {now}"
    );
    if now >= needed {
        return Connections::unlimited();
    }
    let connections = connections(own, now);
    tracing::warn!(
        needed,
        limit = now,
        "there may be fewer open files than needed, so at most {connections} request(s) are under way at a \
         time, each on a connection of its own; raise the hard limit (ulimit -Hn, LimitNOFILE of the \
         service) to {needed} or more"
    );
    Connections::at_most(connections)
}

/// Open files beside the connections to sites.
fn own(settings: &Settings) -> u64 {
    let page = settings.web.as_ref().map_or(0, |_| PAGES);
    let queues = settings.addressing().queues().len() as u64;
    OWN + page + queues * EACH_DESTINATION
}

/// A connection for each reader, and those of the searches among them.
const PAGES: u64 = web::LIMITS.connections as u64 + web::TURNS as u64 * EACH_SEARCH;

/// How many requests to sites may be under way at once. What is left is for connections that are being closed.
fn connections(own: u64, limit: u64) -> usize {
    let left = limit.saturating_sub(own) * 3 / 4;
    usize::try_from(left).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_sites_fit_into_1024_files() {
        let own = OWN + PAGES + 3 * EACH_DESTINATION;
        assert_eq!(PAGES, 64 + 3, "a search of seats has a connection of its own");
        assert_eq!(connections(own, 1024), 660);
        assert!(own + 660 < 1024);
        assert_eq!(connections(own, 100), 1, "however few there are");
    }
}
