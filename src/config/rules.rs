//! Rules for releases from a file of their own, to ask what they would do.

use std::path::Path;

use super::load::{is_fatal, judge, parse, read_file, whole_file};
use super::{Problems, load};
use crate::policy::Policy;
use crate::settings::SystemEnvironment;
use crate::settings::node::{Key, Node, Place, Value};

/// Where they stand in the settings.
const HOME: [&str; 3] = ["Butler", "qlikSenseLicense", "licenseRelease"];
const LICENSE_RELEASE: &str = "licenseRelease";

/// The rules of a file for a site: of a whole file of settings those of the site of that name (or of its
/// only site), else of `licenseRelease` as it is written there, with or without that key. What both
/// depend on, such as the time zone, stands in `settings`.
///
/// # Errors
/// Everything that is wrong with the rules, at once, with its place in the file.
pub fn load_rules(file: &Path, settings: &Path, site: &str) -> Result<Policy, Problems> {
    let (rules, found) = parse(&read_file(file)?, file)?;
    if !found.is_empty() {
        return Err(Problems(found));
    }
    if entry(&rules, HOME[0]).is_some() {
        let sites = load(file)?.settings.sites;
        let only = sites.first().filter(|_| sites.len() == 1);
        let of_name = sites.iter().find(|known| known.name.eq_ignore_ascii_case(site));
        return of_name.or(only).map(|site| site.release.policy.clone()).ok_or_else(|| {
            let what = format!("it has several sites, and none of them is {site}");
            Problems(vec![whole_file(file, what, "name the site as the settings do".to_owned())])
        });
    }
    if !matches!(rules.value, Value::Map(_)) {
        let fix = "write what stands below licenseRelease, or name a whole file of settings";
        let what = "there are no rules in it".to_owned();
        return Err(Problems(vec![whole_file(file, what, fix.to_owned())]));
    }
    let inner = entry(&rules, LICENSE_RELEASE).cloned();
    let rules = rebased(inner.unwrap_or(rules), &HOME.join("."));
    let (mut tree, _) = parse(&read_file(settings)?, settings)?;
    for_each_site(&mut tree);
    put(&mut tree, &HOME, rules);
    let (loaded, mut found) = judge(tree, Vec::new(), file, &SystemEnvironment);
    // The rest was loaded before, and is of another file.
    found.retain(|problem| problem.path.contains(LICENSE_RELEASE));
    if is_fatal(&found) {
        return Err(Problems(found));
    }
    let sites = loaded.settings.sites;
    let of_name = sites.into_iter().find(|known| known.name.eq_ignore_ascii_case(site));
    of_name.map(|site| site.release.policy).ok_or_else(|| {
        let what = format!("the settings have no site {site}");
        Problems(vec![whole_file(settings, what, "name one that is there".to_owned())])
    })
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
}

fn entry_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, node)| node)
}

/// What sites have in place of the common rules is not asked.
fn for_each_site(tree: &mut Node) {
    let sites = entry_mut(tree, HOME[0]).and_then(|butler| entry_mut(butler, "sites"));
    let Some(Value::List(sites)) = sites.map(|sites| &mut sites.value) else { return };
    for site in sites {
        if let Some(license) = entry_mut(site, HOME[1])
            && let Value::Map(entries) = &mut license.value
        {
            entries.retain(|(key, _)| key.text != LICENSE_RELEASE);
        }
    }
}

/// The node with the names that it has at its new place.
fn rebased(mut node: Node, path: &str) -> Node {
    node.value = match node.value {
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, node)| {
                    let path = format!("{path}.{}", key.text);
                    (key, rebased(node, &path))
                })
                .collect(),
        ),
        Value::List(items) => Value::List(
            items
                .into_iter()
                .enumerate()
                .map(|(n, item)| rebased(item, &format!("{path}[{n}]")))
                .collect(),
        ),
        other => other,
    };
    node.path = path.to_owned();
    node
}

/// Puts a node at a place, in sections that are made where they are not there.
fn put(tree: &mut Node, keys: &[&str], node: Node) {
    let Some((first, rest)) = keys.split_first() else {
        *tree = node;
        return;
    };
    if !matches!(tree.value, Value::Map(_)) {
        tree.value = Value::Map(Vec::new());
    }
    let path = match tree.path.as_str() {
        "" => (*first).to_owned(),
        above => format!("{above}.{first}"),
    };
    let Value::Map(entries) = &mut tree.value else { return };
    let at = entries.iter().position(|(key, _)| key.text == *first).unwrap_or_else(|| {
        let key = Key { text: (*first).to_owned(), place: Place::default() };
        let (value, place) = (Value::Null, Place::default());
        let references = Vec::new();
        let node = Node { value, place, path, references, written: None, broken: false };
        entries.push((key, node));
        entries.len() - 1
    });
    put(&mut entries[at].1, rest, node);
}
