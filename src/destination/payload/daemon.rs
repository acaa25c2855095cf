//! What is said of the daemon itself.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DaemonUptime<'a> {
    /// Which Bursar it is.
    version: &'a str,
    /// Seconds since its start.
    uptime_seconds: u64,
    /// Bytes of memory that the process has; null where the operating system doesn't say.
    memory_bytes: Option<u64>,
}

impl<'a> From<&'a event::DaemonUptime> for DaemonUptime<'a> {
    fn from(uptime: &'a event::DaemonUptime) -> Self {
        let event::DaemonUptime { version, seconds, memory_bytes } = uptime;
        Self { version, uptime_seconds: *seconds, memory_bytes: *memory_bytes }
    }
}
