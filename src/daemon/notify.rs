//! Tells systemd how the daemon is; does nothing elsewhere, or when not started by systemd.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Everything is started: `Type=notify` units count as active from here.
pub fn ready() {
    #[cfg(target_os = "linux")]
    tell(&[sd_notify::NotifyState::Ready]);
}

/// The stop has begun.
pub fn stopping() {
    #[cfg(target_os = "linux")]
    tell(&[sd_notify::NotifyState::Stopping]);
}

/// Pings the watchdog at half its interval until `stop`, when the unit has `WatchdogSec`.
///
/// Runs on the same runtime as the pollers, so a runtime that hangs is noticed.
pub async fn watchdog(stop: CancellationToken) {
    let Some(interval) = watchdog_interval() else { return };
    let mut ticks = tokio::time::interval(interval / 2);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                #[cfg(target_os = "linux")]
                tell(&[sd_notify::NotifyState::Watchdog]);
            }
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(target_os = "linux")]
fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(target_os = "linux"))]
fn watchdog_interval() -> Option<Duration> {
    None
}

#[cfg(target_os = "linux")]
fn tell(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd can't be told the state of the service");
    }
}
