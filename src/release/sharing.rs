//! Other sites of the settings with the same license. A seat that is taken on one of them may be
//! taken on all, and use of one doesn't show on the others.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::plan::Sharing;
use super::run::Engine;
use super::settings::Other;
use crate::license::SiteIdentity;
use crate::qrs::{Client, Patience};

/// Another site holds a run up for no longer.
const LIMIT: Duration = Duration::from_secs(30);

/// The sites that share the license of the engine's, and those of which it can't be told. Nobody is
/// asked when the settings say that the license is shared. Where they say that it isn't, a site that doesn't
/// answer at once is judged by what is known of it, and holds no run of another up.
pub(super) async fn sharing(engine: &Engine, patience: Patience) -> Vec<Sharing> {
    let name = &engine.site.name;
    let others = engine.site.others();
    if others.is_empty() || engine.site.release.policy.limits.license_key_shared == Some(true) {
        return Vec::new();
    }
    let declared = engine.site.release.policy.limits.license_key_shared == Some(false);
    let until = Instant::now() + LIMIT;
    let asked = match declared {
        true => Patience::ONCE.ending_at(Instant::now() + engine.waits.others),
        false => patience.ending_at(until),
    };
    let (own, theirs) = tokio::join!(
        engine.client.license_fingerprint(patience.no_retry_after(until)),
        join_all(others.iter().map(|site| fingerprint(site, asked))),
    );
    let mut sharing = Vec::new();
    for (site, theirs) in others.iter().zip(theirs) {
        let same = match (&own, theirs) {
            (Err(error), _) => {
                Err(format!("the license of {name} can't be read: {}", error.what()))
            }
            (Ok(Some(own)), Err(_)) if declared && is_known(engine, &site.name, own).await => {
                Ok(())
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

/// Whether a site that doesn't answer had this license when it last did.
async fn is_known(engine: &Engine, site: &str, license: &str) -> bool {
    let own = SiteIdentity::new(std::iter::empty(), Some(Some(license)));
    let known = engine.store.site_identity(site).await;
    // What can't be read says nothing, as a site that was never met.
    known
        .ok()
        .flatten()
        .is_some_and(|known| known.license.is_some() && known.license == own.license)
}

async fn fingerprint(site: &Other, patience: Patience) -> Result<Option<String>, String> {
    let client = Client::new(&site.name, &site.connection).map_err(|error| error.to_string())?;
    client.license_fingerprint(patience).await.map_err(|error| error.what())
}
