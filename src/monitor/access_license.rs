//! Looks at the access license pools: `GET /qrs/license/accesstypeoverview`.

use tokio::time::Instant;

use crate::event::Body;
use crate::qrs;

/// Reads the pools and says what they are.
pub async fn observe(client: &qrs::Client, deadline: Instant) -> Result<Vec<Body>, qrs::Error> {
    let pools = client.pools(deadline).await?;
    Ok(vec![Body::AccessLicenseStatus(pools)])
}
