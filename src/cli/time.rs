//! The clock of commands: the system's, and beside a demo the demo's; and how they tell times, which is in the
//! zone of the settings with its name.

use std::path::Path;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::Exit;
use crate::clock::Clock;
use crate::config::Settings;
use crate::input;
use crate::store::demo::{DemoClock, clock_of};
use crate::store::{Store, StoreError};
use crate::words;

/// A process runs one command with one store.
static DEMO: OnceLock<(DemoClock, Clock)> = OnceLock::new();

/// The time zone of the settings.
static ZONE: OnceLock<Tz> = OnceLock::new();

/// A time as this command tells it: in the zone of its settings, to the second, with the zone's name. Without
/// settings it is UTC.
pub(super) fn told(time: DateTime<Utc>) -> String {
    words::local(time, zone())
}

/// The zone in which this command tells times.
pub(super) fn zone() -> Tz {
    ZONE.get().copied().unwrap_or(Tz::UTC)
}

/// Takes on the time zone of the settings, and the clock of the store that the settings name, if it is a demo's and the settings are those
/// of the demo: anywhere else a clock that runs ahead would make working people look idle.
pub(super) fn adopt(settings: &Settings) -> Result<(), Exit> {
    ZONE.get_or_init(|| settings.time_zone);
    let Some(demo) = clock_of(&settings.storage.path) else { return Ok(()) };
    if !are_its_own(settings, &demo) {
        errln!(
            "bursar: {} is the store of a demo, whose clock runs by itself, and {} names another site than \
             that simulated one: let Butler.storage.path name another file",
            settings.storage.path.display(),
            settings.file.display()
        );
        return Err(Exit::Unusable);
    }
    let now = Utc::now();
    let speed = if demo.runs(now) { demo.speed } else { 1.0 };
    let clock = Clock::fast(demo.at(now), speed);
    DEMO.get_or_init(|| (demo, clock));
    Ok(())
}

/// The clock of this command.
pub(super) fn clock() -> Clock {
    DEMO.get().map_or(Clock::System, |(_, clock)| *clock)
}

/// The time for this command.
pub(super) fn now() -> DateTime<Utc> {
    clock().now()
}

/// What this command's clock showed at a time of the system's.
pub(super) fn shown(time: DateTime<Utc>) -> DateTime<Utc> {
    DEMO.get().map_or(time, |(demo, _)| demo.at(time))
}

/// Opens the store of the settings.
pub(super) async fn open_store(settings: &Settings) -> Result<Store, StoreError> {
    Store::open_with_clock(&settings.storage.path, settings.storage.outbox, now).await
}

/// Digest of the certificate in a file.
pub(super) fn digest(authority: &Path) -> Option<String> {
    let pem = input::read(authority, input::SMALL).ok()?;
    Some(hex::encode(Sha256::digest(pem)))
}

/// One site, on this machine, that shows a certificate of the demo's own authority.
fn are_its_own(settings: &Settings, demo: &DemoClock) -> bool {
    let [site] = settings.sites.as_slice() else { return false };
    let connection = &site.connection;
    let is_here = connection.host.parse().is_ok_and(|host: std::net::IpAddr| host.is_loopback());
    let authority = digest(&connection.ca_cert);
    is_here && connection.reject_unauthorized && authority.as_ref() == Some(&demo.authority)
}
