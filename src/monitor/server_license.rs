//! Looks at the server license: `GET /qrs/license`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::event::Body;
use crate::license::{self, ServerLicenseStatus};
use crate::monitor::settings::ServerLicenseMonitor;
use crate::qrs;

/// Reads the license and says how it is. What calls for an alert is up to the rules of
/// [`alert`](crate::alert).
///
/// The day is counted in `zone` at `now`, because a license ends with a calendar day.
pub async fn observe(
    client: &qrs::Client,
    settings: &ServerLicenseMonitor,
    zone: Tz,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Vec<Body>, qrs::Error> {
    let license = client.server_license(settings.date_order, patience).await?;
    let status = license::assess(license, settings.threshold_days, license::today(now, zone));
    Ok(vec![Body::ServerLicenseStatus(status)])
}

/// What one reading can't know: see [`ServerLicenseStatus::follow`].
pub fn follow(bodies: &mut [Body], before: &ServerLicenseStatus) {
    for body in bodies {
        if let Body::ServerLicenseStatus(status) = body {
            status.follow(before);
        }
    }
}
