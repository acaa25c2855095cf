//! Tells systemd how the daemon is; does nothing elsewhere, or when not started by systemd.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

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

/// Feeds the watchdog three times in its interval until `stop`, when the unit has `WatchdogSec`, and only while the
/// daemon lives as `/healthz` has it: its store can be read in time. Nothing is served while a damaged store is looked
/// at as a whole, which takes as long as the file is large.
///
/// Runs on the same runtime as the pollers, so a runtime that hangs is noticed.
pub async fn watchdog(served: watch::Receiver<Option<Store>>, stop: CancellationToken) {
    let Some(interval) = watchdog_interval() else { return };
    let step = interval / 3;
    let mut ticks = tokio::time::interval(step);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known: Option<String> = None;
    loop {
        let alive = tokio::select! {
            alive = async {
                ticks.tick().await;
                let store = served.borrow().clone();
                match store {
                    Some(store) => tokio::time::timeout(step, store.alive()).await,
                    None => Ok(Ok(())),
                }
            } => alive,
            () = stop.cancelled() => return,
        };
        let why = match alive {
            Ok(Ok(())) => {
                #[cfg(target_os = "linux")]
                tell(&[sd_notify::NotifyState::Watchdog]);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it does not answer".to_owned()),
        };
        match &why {
            Some(text) if known.as_ref() != Some(text) => tracing::error!(
                "the store can't be read: {text}; if that lasts, the watchdog of systemd starts \
                 this service anew"
            ),
            None if known.is_some() => tracing::info!("the store can be read again"),
            _ => {}
        }
        known = why;
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
