//! What is left out when something that its settings refer to isn't there: a destination, a webhook, a
//! site. Everything else is watched, and it comes in once it is there.

use crate::event::Channel;

/// Common sections that every site takes its own keys from.
const OF_SITES: [&str; 4] = ["configQRS", "cert", "qlikSenseLicense", "qlikSenseVersion"];

/// Whether a setting is of one destination, or of sites. Without any other nothing can start: it is about
/// the daemon as a whole, or tells one site from another.
pub(super) fn can_be_left_out(path: &str) -> bool {
    let Some(path) = path.strip_prefix("Butler.") else { return false };
    if let Some(of_site) = path.strip_prefix("sites[") {
        return of_site.split_once("].").is_some_and(|(_, key)| key != "name");
    }
    let Some((section, _)) = path.split_once('.') else { return false };
    OF_SITES.contains(&section) || Channel::ALL.iter().any(|channel| channel.section() == section)
}
