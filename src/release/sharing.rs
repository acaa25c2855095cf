//! Other sites of the settings with the same license. A seat that is taken on one of them may be
//! taken on all, and use of one doesn't show on the others.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::plan::Sharing;
use super::run::Engine;
use super::settings::Other;
use crate::qrs::{Client, Patience};

/// Another site holds a run up for no longer.
const LIMIT: Duration = Duration::from_secs(30);

/// The sites that share the license of the engine's, and those of which it can't be told. Nobody is
/// asked when the settings say that the license is shared.
pub(super) async fn sharing(engine: &Engine, patience: Patience) -> Vec<Sharing> {
    let name = &engine.site.name;
    let others = &engine.site.others;
    if others.is_empty() || engine.site.release.policy.limits.license_key_shared == Some(true) {
        return Vec::new();
    }
    let until = Instant::now() + LIMIT;
    let (own, theirs) = tokio::join!(
        engine.client.license_fingerprint(patience.no_retry_after(until)),
        join_all(others.iter().map(|site| fingerprint(site, patience.ending_at(until)))),
    );
    let mut sharing = Vec::new();
    for (site, theirs) in others.iter().zip(theirs) {
        let same = match (&own, theirs) {
            (Err(error), _) => {
                Err(format!("the license of {name} can't be read: {}", error.what()))
            }
            (_, Err(why)) => Err(why),
            (Ok(Some(own)), Ok(Some(theirs))) if *own == theirs => Ok(()),
            // One without a license shares none.
            (Ok(_), Ok(_)) => continue,
        };
        sharing.push(Sharing { site: site.name.clone(), same });
    }
    sharing
}

async fn fingerprint(site: &Other, patience: Patience) -> Result<Option<String>, String> {
    let client = Client::new(&site.name, &site.connection).map_err(|error| error.to_string())?;
    client.license_fingerprint(patience).await.map_err(|error| error.what())
}
