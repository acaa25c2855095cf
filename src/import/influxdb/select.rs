//! For which site a point counts, if for any.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::ImportError;
use super::source::{Found, Header, Tags};
use crate::config::settings::Settings;
use crate::destination::influxdb::line::tag_text;
use crate::license::Pools;

/// Name of the tag by which Bursar tells sites apart.
const SITE: &str = "site";

/// What a person selects.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// For which site points count that don't say it.
    pub site: Option<String>,
    /// Only points with these tags. Several values of the same name: any of them.
    pub tags: Vec<(String, String)>,
}

/// First and last time of each writer.
type Spans<'a> = BTreeMap<&'a Tags, (i64, i64)>;

/// Whether a point counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// For this site.
    Site(String),
    /// Not at all, for a reason.
    No(String),
}

/// Decides for each point.
#[derive(Debug)]
pub(crate) struct Selector {
    selection: Selection,
    /// By the text that their tag has.
    sites: BTreeMap<String, String>,
    default_site: Option<String>,
    decided: HashMap<Arc<Header>, Taken>,
}

impl Selector {
    /// # Errors
    /// When the site that was asked for isn't in the settings.
    pub(crate) fn new(settings: &Settings, selection: &Selection) -> Result<Self, ImportError> {
        let names = || settings.sites.iter().map(|site| &site.name);
        if let Some(wanted) = &selection.site
            && !names().any(|name| name == wanted)
        {
            let known: Vec<_> = names().map(String::as_str).collect();
            return Err(ImportError::Selection(format!(
                "there is no site {wanted} in the settings; there is: {}",
                known.join(", ")
            )));
        }
        let only = || settings.sites.first().filter(|_| settings.sites.len() == 1);
        let default_site = selection.site.clone().or_else(|| Some(only()?.name.clone()));
        let sites = names().filter_map(|name| Some((tag_text(name)?, name.clone()))).collect();
        let (selection, decided) = (selection.clone(), HashMap::new());
        Ok(Self { selection, sites, default_site, decided })
    }

    /// Whether points with these tags count.
    ///
    /// # Errors
    /// When they don't say for which site, and nobody else does.
    pub(crate) fn of(&mut self, header: &Arc<Header>) -> Result<Taken, ImportError> {
        if let Some(taken) = self.decided.get(header) {
            return Ok(taken.clone());
        }
        let taken = self.decide(header)?;
        self.decided.insert(header.clone(), taken.clone());
        Ok(taken)
    }

    fn decide(&self, header: &Header) -> Result<Taken, ImportError> {
        let no = |reason: String| Ok(Taken::No(reason));
        if !Pools::fields().iter().any(|(pool, _)| *pool == header.pool) {
            return no(format!("license_type {:?} is not known", header.pool));
        }
        for (name, _) in &self.selection.tags {
            let mut wanted = self.selection.tags.iter().filter(|(other, _)| other == name);
            let found = header.tags.get(name).map_or("", String::as_str);
            if !wanted.any(|(_, value)| value == found) {
                return no("not selected by --tag".to_owned());
            }
        }
        // Who names both a value of the tag and a site says that the one is the other.
        let by_hand = self.selection.site.is_some()
            && self.selection.tags.iter().any(|(name, _)| name == SITE);
        match header.tags.get(SITE).filter(|_| !by_hand) {
            Some(tag) => match (self.sites.get(tag), &self.selection.site) {
                (Some(site), Some(wanted)) if site != wanted => no(format!("of the site {site}")),
                (Some(site), _) => Ok(Taken::Site(site.clone())),
                (None, _) => no(format!(
                    "tag site={tag}, which is no site of the settings (to import them: --tag \
                     site={tag} --site NAME)"
                )),
            },
            None => match &self.default_site {
                Some(site) => Ok(Taken::Site(site.clone())),
                None => {
                    let sites: Vec<_> = self.sites.values().map(String::as_str).collect();
                    Err(ImportError::Selection(format!(
                        "the points ({}) don't say of which site they are; say it: --site NAME, \
                         one of {}",
                        describe(&header.tags),
                        sites.join(", ")
                    )))
                }
            },
        }
    }

    /// Refuses points of several writers at the same time, which may well watch different sites.
    /// Whoever selects writers by their tags knows what they do.
    ///
    /// # Errors
    /// When there are such points.
    pub(crate) fn check_writers(&mut self, found: &[Found]) -> Result<(), ImportError> {
        if !self.selection.tags.is_empty() {
            return Ok(());
        }
        let mut writers: BTreeMap<(String, &str), Spans<'_>> = BTreeMap::new();
        for figure in found {
            let Taken::Site(site) = self.of(&figure.header)? else { continue };
            let (pool, time) = (figure.header.pool.as_str(), figure.time);
            let of_pool = writers.entry((site, pool)).or_default();
            let span = of_pool.entry(&figure.header.tags).or_insert((time, time));
            *span = (span.0.min(time), span.1.max(time));
        }
        for ((site, _), writers) in &writers {
            let mut spans: Vec<_> = writers.iter().map(|(tags, span)| (*span, *tags)).collect();
            spans.sort_unstable();
            for pair in spans.windows(2) {
                let [((_, end), one), ((start, _), other)] = pair else { continue };
                if start <= end {
                    return Err(ImportError::Selection(format!(
                        "several programs wrote at the same time, with the tags ({}) and ({}), and \
                         all would count for the site {site}; if they watch different sites, \
                         import each by itself: --tag NAME=VALUE --site NAME; if they watch the \
                         same one, name the tags of all: --tag NAME=VALUE --tag NAME=VALUE",
                        describe(one),
                        describe(other)
                    )));
                }
            }
        }
        Ok(())
    }
}

fn describe(tags: &Tags) -> String {
    let all: Vec<_> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if all.is_empty() { "no tags".to_owned() } else { all.join(", ") }
}
