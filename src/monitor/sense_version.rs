//! Looks at the version of Qlik Sense: `GET /v1/systeminfo`.

use chrono::{DateTime, Utc};

use crate::event::Body;
use crate::license::SenseVersion;
use crate::monitor::settings::VersionMonitor;
use crate::qrs;

/// Reads the version and says what changed. `before`: what was known at the look before.
pub async fn observe(
    client: &qrs::Client,
    settings: &VersionMonitor,
    before: Option<&SenseVersion>,
    now: DateTime<Utc>,
    patience: qrs::Patience,
) -> Result<Vec<Body>, qrs::Error> {
    let version = client.system_info(patience).await?;
    Ok(vec![Body::QlikSenseVersion(version.after(before, &settings.end_of_support, now))])
}
