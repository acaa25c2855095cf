//! What is left out when something that its settings refer to isn't there: a destination, a webhook, a
//! site. Everything else is watched, and it comes in once it is there.

use std::fmt;
use std::sync::Arc;

use super::load;
use super::settings::Settings;
use crate::event::Channel;
use crate::settings::Problems;

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

/// The text that settings were read from, to read it again when what was missing may be there.
#[derive(Clone, PartialEq)]
pub struct Text(pub(super) Arc<str>);

/// It may have secrets in it.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Settings {
    /// The same settings with what their references lead to by now. A file that was changed since plays no
    /// part: settings are read at the start only.
    ///
    /// # Errors
    /// When that can't be used.
    pub(crate) fn read_again(&self) -> Result<Self, Problems> {
        match &self.text {
            Some(text) => load::again(text, &self.file),
            None => Ok(self.clone()),
        }
    }
}
