//! What is looked at on a schedule.
//!
//! A monitor reads one thing from a site and says, free of any destination's terms, what it saw.
//! It writes nothing and retries nothing: the daemon's poller does.

pub mod access_license;
pub mod allocation_changes;
pub mod monitor_app;
pub mod seat_lists;
pub mod sense_version;
pub mod server_license;
pub mod settings;

/// In the health of a monitor: another site answers than before, so nothing is kept.
pub const OTHER_SITE: &str = "other-site";
