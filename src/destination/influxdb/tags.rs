//! The tags that the settings add to points: of all points, of a site, of a monitor.
//!
//! Worked out once, when the settings are loaded, so that what can't be written is said then and
//! not at every poll.

use std::collections::{BTreeMap, HashMap};

use super::line::tag_text;
use super::points::is_reserved;
use crate::event::route::Routes;
use crate::event::{Event, Monitor, Tag};

/// Name of the tag that tells sites apart, when the settings name them.
const SITE: &str = "site";

type Tags = Vec<(String, String)>;

/// The settings' tags for every site and monitor.
#[derive(Debug)]
pub struct StaticTags {
    by_source: HashMap<(String, Monitor), Tags>,
    /// For events of a site that is no longer configured.
    global: BTreeMap<String, String>,
    named_sites: bool,
    warnings: Vec<String>,
}

impl StaticTags {
    /// Merges the tags: a monitor's go before its site's, those before the ones of all points.
    pub fn new(global: &[Tag], routes: &Routes) -> Self {
        let mut warnings = Vec::new();
        let mut common = BTreeMap::new();
        add(&mut common, global, "influxDb.tag.static", &mut warnings);
        let mut by_source = HashMap::new();
        let mut names: Vec<_> = routes.sites.keys().collect();
        names.sort();
        for name in names {
            let site = &routes.sites[name];
            let mut of_site = common.clone();
            add(&mut of_site, &site.tags, &format!("tags of site {name}"), &mut warnings);
            if routes.named_sites {
                insert_site(&mut of_site, name, &mut warnings);
            }
            for monitor in Monitor::ALL {
                let Some(switches) = site.switches(monitor) else { continue };
                let key = match monitor {
                    Monitor::ServerLicense => "serverLicenseMonitor",
                    Monitor::AccessLicense => "licenseMonitor",
                    Monitor::Release => "licenseRelease",
                    Monitor::Seats => "seatMonitor",
                    Monitor::App => "licenseMonitorApp",
                    Monitor::Version => "versionMonitor",
                    Monitor::Alert => "alert",
                    Monitor::Daemon => "uptimeMonitor",
                };
                let source = format!("{key}.destination.influxDb.tag.static of site {name}");
                let mut tags = of_site.clone();
                add(&mut tags, &switches.influxdb_tags, &source, &mut warnings);
                if routes.named_sites {
                    insert_site(&mut tags, name, &mut warnings);
                }
                tags.retain(|tag, _| {
                    let reserved = is_reserved(monitor, tag);
                    if reserved {
                        warnings.push(format!(
                            "the InfluxDB tag {tag} is left out of the points of {key}: they have a field or tag of their own by that name; give the tag another name"
                        ));
                    }
                    !reserved
                });
                by_source.insert((name.clone(), monitor), tags.into_iter().collect());
            }
        }
        let mut unique = Vec::new();
        for warning in warnings {
            if !unique.contains(&warning) {
                unique.push(warning);
            }
        }
        Self { by_source, global: common, named_sites: routes.named_sites, warnings: unique }
    }

    /// What is wrong with the tags in the settings, each once, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The tags of an event's points.
    pub fn of(&self, event: &Event) -> Tags {
        if let Some(tags) = self.by_source.get(&(event.site.clone(), event.monitor())) {
            return tags.clone();
        }
        let mut tags = self.global.clone();
        if self.named_sites {
            insert_site(&mut tags, &event.site, &mut Vec::new());
        }
        tags.retain(|tag, _| !is_reserved(event.monitor(), tag));
        tags.into_iter().collect()
    }
}

fn add(
    tags: &mut BTreeMap<String, String>,
    more: &[Tag],
    source: &str,
    warnings: &mut Vec<String>,
) {
    for tag in more {
        let (Some(name), Some(value)) = (tag_text(&tag.name), tag_text(&tag.value)) else {
            warnings.push(format!(
                "a tag without name or value is left out of the InfluxDB points ({source}, name {:?}): InfluxDB has no empty tags",
                tag.name
            ));
            continue;
        };
        if name != tag.name || value != tag.value {
            warnings.push(format!(
                "the tag {:?} ({source}) is written as {name}={value}: InfluxDB tags hold no line ends and no backslash at the end",
                tag.name
            ));
        }
        match tags.insert(name, value.clone()) {
            Some(before) if before != value => warnings.push(format!(
                "the tag {:?} is set twice for the same InfluxDB points: {before:?} gives way to {value:?} ({source})",
                tag.name
            )),
            _ => {}
        }
    }
}

fn insert_site(tags: &mut BTreeMap<String, String>, site: &str, warnings: &mut Vec<String>) {
    let Some(value) = tag_text(site) else { return };
    match tags.insert(SITE.into(), value) {
        Some(before) if Some(&before) != tag_text(site).as_ref() => warnings.push(format!(
            "the InfluxDB tag site is the name of the site ({site:?}): the configured {before:?} is left out"
        )),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::route;
    use crate::event::{Body, Switches};
    use crate::license::Pools;

    fn tag(name: &str, value: &str) -> Tag {
        Tag { name: name.into(), value: value.into() }
    }

    fn routes(named_sites: bool, site_tags: Vec<Tag>, monitor_tags: Vec<Tag>) -> Routes {
        let switches = Switches::tagged(monitor_tags);
        let site = route::Site {
            tags: site_tags,
            access_license: Some(switches),
            ..route::Site::default()
        };
        Routes { named_sites, sites: HashMap::from([("prod".into(), site)]) }
    }

    fn tags_of(tags: &StaticTags, site: &str) -> String {
        let event = Event::new(
            site,
            chrono::DateTime::UNIX_EPOCH,
            Body::AccessLicenseStatus(Pools::default()),
        );
        let list: Vec<_> = tags.of(&event).iter().map(|(k, v)| format!("{k}={v}")).collect();
        list.join(" ")
    }

    #[test]
    fn the_nearer_tag_wins_and_the_site_is_a_tag_only_when_sites_are_named() {
        let global = [tag("env", "all"), tag("a", "1")];
        let of = |named| {
            StaticTags::new(
                &global,
                &routes(
                    named,
                    vec![tag("env", "site"), tag("b", "2")],
                    vec![tag("env", "monitor")],
                ),
            )
        };
        assert_eq!(tags_of(&of(false), "prod"), "a=1 b=2 env=monitor");
        assert_eq!(tags_of(&of(true), "prod"), "a=1 b=2 env=monitor site=prod");
        assert_eq!(of(true).warnings().len(), 2);
    }

    #[test]
    fn what_cannot_be_written_is_left_out_and_said_once() {
        let global = [tag("empty", ""), tag("", "x"), tag("total", "7"), tag("path", "C:\\")];
        let tags = StaticTags::new(&global, &routes(false, vec![], vec![]));
        assert_eq!(tags_of(&tags, "prod"), "path=C:/");
        assert_eq!(tags.warnings().len(), 4, "{:#?}", tags.warnings());
    }

    #[test]
    fn names_that_releases_use_are_left_out() {
        let names = [
            "user",
            "license_type",
            "mode",
            "status",
            "kept",
            "kept_used",
            "days_since_last_use",
            "time",
        ];
        let global = names.map(|name| tag(name, "x"));
        let mut routes = routes(false, vec![], vec![tag("source", "license-release")]);
        let site = routes.sites.get_mut("prod").unwrap();
        site.release = site.access_license.take();
        let tags = StaticTags::new(&global, &routes);
        assert_eq!(tags.warnings().len(), names.len(), "{:#?}", tags.warnings());
        let tags = tags.by_source[&("prod".to_owned(), Monitor::Release)].clone();
        assert_eq!(tags, [("source".to_owned(), "license-release".to_owned())]);
    }

    #[test]
    fn the_site_tag_is_the_sites_name() {
        let tags = StaticTags::new(&[tag("site", "x")], &routes(true, vec![], vec![]));
        assert_eq!(tags_of(&tags, "prod"), "site=prod");
        assert_eq!(tags.warnings().len(), 1);
    }

    #[test]
    fn events_of_a_site_that_is_gone_keep_what_is_known() {
        let tags =
            StaticTags::new(&[tag("env", "all"), tag("used", "1")], &routes(true, vec![], vec![]));
        assert_eq!(tags_of(&tags, "old"), "env=all site=old");
    }
}
