//! Which site answers: by its nodes and its license.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What tells a site from others, as digests: neither an id nor a license's number can be read from
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteIdentity {
    /// Of the ids of the site's nodes, sorted. Empty where the account may not read them.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Of the license; absent where it may not be read.
    #[serde(default)]
    pub license: Option<String>,
}

/// What a site is, compared with what was known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    Same,
    /// The nodes are the same, the license is another one.
    Renewed,
    Other,
    /// What was known could not be read now.
    Unknown,
}

/// More nodes than a site has. What comes after them tells nothing new.
const MOST_NODES: usize = 256;

impl SiteIdentity {
    /// `license`: a digest of the license's number; `Some(None)` when there is no license.
    pub fn new(node_ids: impl Iterator<Item = String>, license: Option<Option<&str>>) -> Self {
        let mut nodes: Vec<_> =
            node_ids.map(|id| digest("node", &id.to_lowercase(), 16)).take(MOST_NODES).collect();
        nodes.sort_unstable();
        nodes.dedup();
        // Numbers have so few digits that they could be tried one by one; millions of them share
        // so short a digest.
        let license = license.map(|number| match number {
            Some(number) => digest("license", number, 8),
            None => "none".to_owned(),
        });
        Self { nodes, license }
    }

    /// Whether there is nothing to tell the site by.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.license.is_none()
    }

    /// Compares what is known with what answers now.
    pub fn compare(&self, now: &Self) -> Sameness {
        let licenses = match (&self.license, &now.license) {
            (Some(known), Some(now)) => Some(known == now),
            _ => None,
        };
        let nodes = match (self.nodes.is_empty(), now.nodes.is_empty()) {
            (false, false) => Some(self.nodes.iter().any(|node| now.nodes.contains(node))),
            (false, true) => return Sameness::Unknown,
            (true, _) => None,
        };
        match (nodes, licenses) {
            (Some(false), _) | (None, Some(false)) => Sameness::Other,
            (Some(true), Some(false)) => Sameness::Renewed,
            (Some(true), None) if self.license.is_some() => Sameness::Unknown,
            (Some(true), _) | (None, Some(true)) => Sameness::Same,
            (None, None) => Sameness::Unknown,
        }
    }

    /// Whether it is certain that another site answers now, as far as both say anything. A renewed
    /// license on the same nodes is the same site.
    pub fn is_other(&self, now: &Self) -> bool {
        self.compare(now) == Sameness::Other
    }

    /// What is known together with what was read of the same site: nodes come and go, and what could
    /// not be read before is learned.
    pub fn learn(&self, now: &Self) -> Self {
        let nodes = if now.nodes.is_empty() { &self.nodes } else { &now.nodes };
        let license = self.license.as_ref().or(now.license.as_ref());
        Self { nodes: nodes.clone(), license: license.cloned() }
    }
}

fn digest(what: &str, text: &str, length: usize) -> String {
    let mut digest = hex::encode(Sha256::digest(format!("bursar {what} {text}")));
    digest.truncate(length);
    digest
}

#[cfg(test)]
mod tests {
    use super::Sameness::{Other, Renewed, Same, Unknown};
    use super::*;

    fn site(nodes: &[&str], license: Option<&str>) -> SiteIdentity {
        SiteIdentity::new(nodes.iter().map(|id| (*id).to_owned()), license.map(Some))
    }

    #[test]
    fn nodes_tell_sites_apart_and_the_license_where_there_are_none() {
        let of = |known: &SiteIdentity, now: &SiteIdentity| known.compare(now);
        let known = site(&["A", "b"], Some("1"));
        for (now, expected) in [
            (site(&["a", "b"], Some("1")), Same),
            (site(&["b", "c"], Some("1")), Same),
            (site(&["a"], Some("2")), Renewed),
            (site(&["a"], None), Unknown),
            (site(&["c"], Some("1")), Other),
            (site(&["c"], Some("2")), Other),
            (site(&["c"], None), Other),
            (site(&[], Some("1")), Unknown),
            (site(&[], Some("2")), Unknown),
            (site(&[], None), Unknown),
        ] {
            assert_eq!(of(&known, &now), expected, "{now:?}");
        }
        let by_license = site(&[], Some("1"));
        assert_eq!(of(&by_license, &site(&[], Some("1"))), Same);
        assert_eq!(of(&by_license, &site(&["a"], Some("1"))), Same);
        assert_eq!(of(&by_license, &site(&["a"], Some("2"))), Other);
        assert_eq!(of(&by_license, &site(&["a"], None)), Unknown);
        let by_nodes = site(&["a"], None);
        assert_eq!(of(&by_nodes, &site(&["a"], Some("2"))), Same);
        assert_eq!(of(&by_nodes, &site(&["a"], None)), Same);
        // Removing the license is a change, too.
        let none = SiteIdentity::new(["a".to_owned()].into_iter(), Some(None));
        assert_eq!(of(&site(&["a"], Some("1")), &none), Renewed);
    }

    #[test]
    fn what_could_not_be_read_before_is_learned_and_a_license_is_not_forgotten() {
        let known = site(&["a", "b"], Some("1"));
        assert_eq!(known.learn(&site(&["b", "c"], None)), site(&["b", "c"], Some("1")));
        assert_eq!(known.learn(&site(&[], Some("2"))), known);
        assert_eq!(site(&[], Some("1")).learn(&site(&["a"], Some("1"))), site(&["a"], Some("1")));
    }

    #[test]
    fn nothing_can_be_read_from_it() {
        let text =
            serde_json::to_string(&site(&["48000000-aaaa"], Some("9999000012345678"))).unwrap();
        assert!(!text.contains("48000000") && !text.contains("9999"), "{text}");
        assert_eq!(site(&[], Some("1")).license.map(|digest| digest.len()), Some(8));
        let many = (0..10_000).map(|n| n.to_string());
        assert_eq!(SiteIdentity::new(many, None).nodes.len(), MOST_NODES);
    }
}
