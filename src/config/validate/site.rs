//! `sites`.

use super::super::settings::Site;
use super::super::{DEFAULT_SITE, raw};
use super::{At, Check, alert, license};
use crate::destination::switches::validate::{Available, tags};
use crate::qrs::settings::validate::connection;
use crate::settings::node::Node;

/// The sections a site may override, in the order they are checked.
const INHERITED: [&str; 5] = ["configQRS", "cert", "qlikSenseLicense", "qlikSenseVersion", "alert"];

pub(super) fn settings(check: &Check<'_>, butler: &At<'_>, available: &Available) -> Vec<Site> {
    let list = butler.get("sites");
    let mut sites: Vec<Site> = Vec::new();
    for at in list.items() {
        let raw: raw::Site = at.read();
        let name = site_name(check, &at.get("name"), &raw.name);
        if sites.iter().any(|s| s.name.eq_ignore_ascii_case(&name)) && !name.is_empty() {
            check.error(
                &at.get("name"),
                format!("there is another site named \"{name}\""),
                "give each site its own name",
            );
        }
        let merged = INHERITED.map(|key| inherit(butler.get(key).node, at.get(key).node));
        let views = merge_views(&merged, &at, butler);
        let tags_missing = check.missing_in(&at.get("tags"));
        let mut site = site(check, name, &views, available, tags_missing);
        site.tags = tags(check, &at.get("tags"), &raw.tags);
        sites.push(site);
    }
    if sites.is_empty() && !list.broken {
        let views = INHERITED.map(|key| butler.get(key));
        sites.push(site(check, DEFAULT_SITE.to_owned(), &views, available, None));
    }
    sites
}

/// The section a site has in the end: the common one with its own keys on top.
pub(in crate::config) fn inherit(common: Option<&Node>, own: Option<&Node>) -> Option<Node> {
    match (common, own) {
        (Some(common), Some(own)) => Some(common.merged(own)),
        (one, other) => other.or(one).cloned(),
    }
}

/// What is written nowhere is shown at the site.
fn merge_views<'a>(merged: &'a [Option<Node>; 5], at: &At<'_>, butler: &At<'_>) -> [At<'a>; 5] {
    std::array::from_fn(|i| match &merged[i] {
        Some(node) => At {
            broken: at.broken || at.get(INHERITED[i]).broken || butler.get(INHERITED[i]).broken,
            ..At::root(node)
        },
        None => At {
            node: None,
            place: at.place,
            path: format!("{}.{}", at.path, INHERITED[i]),
            broken: at.broken,
            written: None,
        },
    })
}

fn site_name(check: &Check<'_>, at: &At<'_>, name: &str) -> String {
    let name = check.required(at, name, "give the site a name, such as prod");
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_word = name.is_empty() || name.chars().any(char::is_alphanumeric);
    if !name.chars().all(plain) || !is_word {
        // It becomes a level of an MQTT topic and a tag.
        check.error(
            at,
            format!("\"{name}\" can't be the name of a site"),
            "use letters, digits, -, _ and . only, and not the signs alone",
        );
    }
    name
}

fn site(
    check: &Check<'_>,
    name: String,
    views: &[At<'_>; 5],
    available: &Available,
    missing: Option<String>,
) -> Site {
    let [qrs, cert, licenses, version, alerts] = views;
    let mut licenses = license::settings(check, licenses, available);
    let mut connection = connection(check, qrs, cert);
    // Nothing is asked of a site that isn't known whole: what is missing may protect somebody.
    let missing = missing.into_iter().chain(views.iter().filter_map(|view| check.missing_in(view)));
    let missing: Vec<String> = missing.collect();
    connection.missing = (!missing.is_empty()).then(|| missing.join("; "));
    let version = license::version(check, version, &connection, available);
    let (mut alert, alert_destination) = alert::settings(check, alerts, available);
    if let Some(monitor) = &mut licenses.server_license {
        let steps = &mut alert.limits.server_license_steps;
        if monitor.threshold_written {
            *steps = vec![monitor.threshold_days];
        } else if let Some(first) = steps.first() {
            monitor.threshold_days = *first;
        }
    }
    Site {
        name,
        connection,
        tags: Vec::new(),
        server_license: licenses.server_license,
        access_license: licenses.access_license,
        seats: licenses.seats,
        monitor_app: licenses.monitor_app,
        version,
        release: licenses.release,
        alert,
        alert_destination,
    }
}
