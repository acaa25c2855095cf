//! Looking at the License Monitor app: what the store knows of its runs, and what the site says.

use chrono::{DateTime, Utc};

use super::Shared;
use super::job::{Observation, PollFailure};
use crate::event::Body;
use crate::monitor::monitor_app;
use crate::monitor::settings::LicenseMonitorApp;
use crate::qrs;

/// Enough to know the last failed run again, whose log isn't read twice.
const KNOWN_RUNS: usize = 100;

/// One poll of the app of a site.
pub(super) async fn poll(
    shared: &Shared,
    client: &qrs::Client,
    settings: &LicenseMonitorApp,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Observation, PollFailure> {
    let known = shared.store.app_runs(client.site(), KNOWN_RUNS).await?;
    let observed = monitor_app::observe(client, settings, &known, now, patience).await?;
    let mut observation = Observation::from(vec![Body::MonitorApp(observed.app)]);
    observation.app_runs = Some((observed.runs, settings.keep_runs_days));
    Ok(observation)
}
