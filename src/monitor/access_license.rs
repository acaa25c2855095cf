//! Looks at the access license pools: `GET /qrs/license/accesstypeoverview`.

use crate::event::Body;
use crate::qrs;

/// Reads the pools and says what they are.
pub async fn observe(
    client: &qrs::Client,
    patience: qrs::Patience,
) -> Result<Vec<Body>, qrs::Error> {
    let pools = client.pools(patience).await?;
    Ok(vec![Body::AccessLicenseStatus(pools)])
}
