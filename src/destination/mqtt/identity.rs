//! The names that no two installations share: the client id and the status topic.

use super::settings::{Mqtt, StatusTopic};
use crate::destination::registry::Installation;

/// What every broker takes as a client id has at most 23 characters (MQTT 3.1.1, 3.1.3.1); this is
/// what is left for the host beside `bursar-`, a hyphen and the id.
const HOST_IN_CLIENT_ID: usize = 9;

/// What is configured wins.
pub(super) fn client_id(mqtt: &Mqtt, installation: &Installation) -> String {
    if let Some(written) = &mqtt.client_id {
        return written.clone();
    }
    let host = installation.host.split('.').next().unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let host: String = host.chars().filter(fits).take(HOST_IN_CLIENT_ID).collect();
    joined(&["bursar", &host, installation.id.as_deref().unwrap_or_default()])
}

/// `None`: it is off.
pub(super) fn status_topic(mqtt: &Mqtt, installation: &Installation) -> Option<String> {
    match &mqtt.status {
        StatusTopic::Off => None,
        StatusTopic::Named(topic) => Some(topic.clone()),
        StatusTopic::Below(root) => {
            let host = super::message::level(&installation.host);
            let name = joined(&[&host, installation.id.as_deref().unwrap_or_default()]);
            let ours = root == "bursar" || root.ends_with("/bursar");
            let base =
                if ours { format!("{root}/status") } else { format!("{root}/bursar/status") };
            Some(if name.is_empty() { base } else { format!("{base}/{name}") })
        }
    }
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// The topic under which the configured ones are: that of the first that is not the built-in one,
/// without its last level and without what is per site.
pub(super) fn root<'a>(topics: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    const BUILT_IN: &str = "bursar";
    let written =
        topics.filter(|(written, built_in)| written != built_in).find_map(|(topic, _)| {
            let fixed = topic.split("{site}").next().unwrap_or_default();
            let (above, _) = fixed.rsplit_once('/')?;
            (!above.is_empty()).then(|| above.to_owned())
        });
    written.unwrap_or_else(|| BUILT_IN.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_that_of_the_configured_topics() {
        let of = |topics: &[&str]| root(topics.iter().map(|topic| (*topic, "bursar/x")));
        assert_eq!(of(&["bursar/x"]), "bursar");
        assert_eq!(of(&["bursar/x", "qlik/license/server"]), "qlik/license");
        assert_eq!(of(&["/qlik/license"]), "/qlik");
        assert_eq!(of(&["qlik/{site}/license"]), "qlik");
        for without in ["license", "{site}/license", "/license"] {
            assert_eq!(of(&[without]), "bursar", "{without}");
        }
    }
}
