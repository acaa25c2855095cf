//! The names of a site, as far as they are known, and which rules of `neverRelease` name nobody.
//! Pure.
//!
//! Who holds a seat is known from the lists of seats. Tags and custom properties are asked for.
//! There is no list of roles and groups: those of the people read now, and of those that the seat
//! monitor has read, are known.

mod forms;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::NaiveDate;

use self::forms::{Form, of_directory, of_group, of_user};
use super::loose::{loose, spelt_out};
use super::{INTERNAL, fold, glob};
use crate::policy::{NeverRelease, Property, UserPattern};

/// Names of one kind, and why there may be more of them than these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub names: BTreeSet<Box<str>>,
    /// `None`: these are all.
    pub missing: Option<Missing>,
}

/// Why there may be more names than those that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// They could not be read: why.
    Unread(String),
    /// They are known of so many people who have seats, of all who have.
    NotAll { known: usize, of: usize },
}

/// What the site says of its own names, and what was read before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub tags: Known,
    /// Custom properties with their values. No values: any may be written.
    pub properties: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    pub properties_missing: Option<String>,
    pub roles: Known,
    pub groups: Known,
    /// Why there may be more accounts than those that are looked at.
    pub accounts_missing: Option<String>,
}

/// A rule that doesn't do what it is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `neverRelease.user`.
    pub setting: &'static str,
    /// As it is written.
    pub rule: String,
    pub what: Mistake,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// It names somebody or something of the site in a form that is not compared, or with a slip: whom,
    /// and what is wrong.
    Misspelt { means: String, why: &'static str },
    /// It names nobody; what comes nearest.
    Nobody { nearest: Option<String> },
    /// Whether it names anybody is not known: why.
    NotLookedAt { why: String },
    /// It fits none of the people whose roles or groups are known.
    NotSeen { known: usize, of: usize },
}

/// So many rules get the nearest name: each takes a look at every name of the site.
const NEAREST_FOR: usize = 20;

/// From this likeness on a name is near.
const NEAR: f64 = 0.8;

/// The roles that every site has: a rule that names one is right, whoever has it now.
const ROLES: [&str; 5] =
    ["RootAdmin", "AuditAdmin", "ContentAdmin", "DeploymentAdmin", "SecurityAdmin"];

/// The rules that name nobody. `accounts` gives all accounts of the site that are known, directory
/// and id, again and again; each at least once.
pub fn findings<'a, I>(
    rules: &NeverRelease,
    today: NaiveDate,
    accounts: impl Fn() -> I,
    names: &Names,
) -> Vec<Finding>
where
    I: Iterator<Item = (&'a str, &'a str)>,
{
    let mut found = Vec::new();
    let users = rules.users.iter().filter(|rule| !rule.is_over(today));
    let users: Vec<&UserPattern> =
        users.filter(|r| !r.directory.trim().is_empty() && !r.user_id.trim().is_empty()).collect();
    let directories: Vec<&str> = texts(&rules.directories).collect();
    accounts_findings(&users, &directories, &accounts, names, &mut found);
    let kinds = Kinds { names };
    for tag in texts(&rules.tags) {
        found.extend(kinds.text("neverRelease.tag", tag, &names.tags, "tag", Form::of_text(tag)));
    }
    for property in &rules.custom_properties {
        found.extend(kinds.property(property));
    }
    for role in texts(&rules.roles) {
        let forms = Form::of_text(role);
        found.extend(kinds.text("neverRelease.role", role, &names.roles, "role", forms));
    }
    for group in texts(&rules.groups) {
        let forms = of_group(group);
        found.extend(kinds.text("neverRelease.userGroup", group, &names.groups, "group", forms));
    }
    found
}

fn texts(all: &[String]) -> impl Iterator<Item = &str> {
    all.iter().map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Whether a rule fits a name as rules are compared.
fn fits(rule: &str, name: &str) -> bool {
    glob::matches(rule, name)
}

/// A rule about accounts: what it looks for, and what it may have been meant for.
struct Wanted {
    setting: &'static str,
    written: String,
    directory: Box<str>,
    /// `None`: the whole directory.
    user_id: Option<Box<str>>,
    forms: Vec<Form>,
    /// What is compared to find the nearest name, if it is an entry of both.
    near_id: Option<String>,
    near_directory: String,
    fits: bool,
    means: Option<(String, &'static str)>,
    nearest: (f64, String),
}

fn accounts_findings<'a, I>(
    users: &[&UserPattern],
    directories: &[&str],
    accounts: &impl Fn() -> I,
    names: &Names,
    found: &mut Vec<Finding>,
) where
    I: Iterator<Item = (&'a str, &'a str)>,
{
    let user = |rule: &&UserPattern| Wanted {
        setting: USER,
        written: rule.account(),
        directory: fold(&rule.directory).into(),
        user_id: Some(fold(&rule.user_id).into()),
        forms: of_user(&rule.directory, &rule.user_id),
        near_id: Some(rule.user_id.trim().to_lowercase()),
        near_directory: rule.directory.trim().to_lowercase(),
        fits: false,
        means: None,
        nearest: (0.0, String::new()),
    };
    let directory = |text: &&str| Wanted {
        setting: "neverRelease.userDirectory",
        written: (*text).to_owned(),
        directory: fold(text).into(),
        user_id: None,
        forms: of_directory(text),
        near_id: None,
        near_directory: text.to_lowercase(),
        fits: false,
        means: None,
        nearest: (0.0, String::new()),
    };
    let mut wanted: Vec<Wanted> =
        users.iter().map(user).chain(directories.iter().map(directory)).collect();
    // Qlik's own accounts are protected in any case.
    wanted.retain(|rule| &*rule.directory != INTERNAL);
    // Many accounts share a few directories, and many rules ask for nothing else.
    let mut folded: HashMap<&str, Cow<'_, str>> = HashMap::new();
    for (directory, user_id) in accounts() {
        if wanted.iter().all(|rule| rule.fits) {
            return;
        }
        let seen = folded.contains_key(directory);
        let directory = &*folded.entry(directory).or_insert_with(|| fold(directory));
        let user_id = LazyCell::new(|| fold(user_id));
        let user_fits = |wanted: &str| fits(wanted, &user_id);
        for rule in wanted.iter_mut().filter(|rule| !rule.fits) {
            rule.fits = match &rule.user_id {
                None => !seen && fits(&rule.directory, directory),
                Some(wanted) => fits(&rule.directory, directory) && user_fits(wanted),
            };
        }
    }
    wanted.retain(|rule| !rule.fits);
    let mut spelt: HashMap<&str, [String; 2]> = HashMap::new();
    for (directory, user_id) in accounts() {
        let known = spelt.contains_key(directory);
        let spellings =
            spelt.entry(directory).or_insert_with(|| [loose(directory), spelt_out(directory)]);
        let ids = LazyCell::new(|| [loose(user_id), spelt_out(user_id)]);
        let fits = |form: &Form| {
            (0..spellings.len()).any(|n| form.fits_account(&spellings[n], || ids[n].as_str()))
        };
        for (n, rule) in wanted.iter_mut().enumerate().filter(|(_, rule)| rule.means.is_none()) {
            let form = rule.forms.iter().find(|form| fits(form));
            if let Some(form) = form {
                rule.means = Some((form.named(directory, user_id), form.why));
            } else if n < NEAREST_FOR && (rule.near_id.is_some() || !known) {
                rule.look_near(directory, user_id);
            }
        }
    }
    for rule in wanted {
        let what = match (rule.means, &names.accounts_missing) {
            (Some((means, why)), _) => Mistake::Misspelt { means, why },
            (None, Some(why)) => Mistake::NotLookedAt { why: why.clone() },
            (None, None) if rule.user_id.is_none() && is_slip(&rule.written, &rule.nearest.1) => {
                let means = format!("the directory {}", rule.nearest.1);
                Mistake::Misspelt { means, why: NO_DIRECTORY }
            }
            (None, None) => {
                let (likeness, name) = rule.nearest;
                Mistake::Nobody { nearest: (likeness >= NEAR).then_some(name) }
            }
        };
        found.push(Finding { setting: rule.setting, rule: rule.written, what });
    }
}

impl Wanted {
    fn look_near(&mut self, directory: &str, user_id: &str) {
        let alike = |wanted: &str, found: &str| {
            if wanted == "*" { 1.0 } else { strsim::jaro_winkler(wanted, &found.to_lowercase()) }
        };
        let mut likeness = alike(&self.near_directory, directory);
        if let Some(wanted) = &self.near_id {
            // The same directory alone makes nobody near.
            likeness = 0.4 * likeness + 0.6 * alike(wanted, user_id);
        }
        if likeness > self.nearest.0 {
            let name = match self.near_id {
                Some(_) => format!("{directory}\\{user_id}"),
                None => directory.to_owned(),
            };
            self.nearest = (likeness, name);
        }
    }
}

/// Rules that look at what marks people.
struct Kinds<'a> {
    names: &'a Names,
}

impl Kinds<'_> {
    fn text(
        &self,
        setting: &'static str,
        rule: &str,
        known: &Known,
        kind: &'static str,
        forms: Vec<Form>,
    ) -> Option<Finding> {
        let wanted = fold(rule);
        let of_every_site: &[&str] = match &known.missing {
            Some(Missing::Unread(_)) => &[],
            _ if kind == "role" => &ROLES,
            _ => &[],
        };
        let names = || known.names.iter().map(|name| &**name).chain(of_every_site.iter().copied());
        if names().any(|name| fits(&wanted, &fold(name))) {
            return None;
        }
        let misspelt = known.names.iter().find_map(|name| {
            let form = forms.iter().find(|form| form.fits_text(name))?;
            Some(Mistake::Misspelt { means: format!("the {kind} {name}"), why: form.why })
        });
        let elsewhere = || {
            let (kind, name) = self.elsewhere(kind, &wanted)?;
            let why = "it stands in the list of another kind";
            Some(Mistake::Misspelt { means: format!("the {kind} {name}"), why })
        };
        // Groups come and go with their members; a tag or a role is there for good.
        let slip = || {
            let is_whole = known.missing.is_none() && kind != "group";
            let name = names().find(|name| is_whole && is_slip(rule, name))?;
            let why = if kind == "tag" { NO_TAG } else { NO_ROLE };
            Some(Mistake::Misspelt { means: format!("the {kind} {name}"), why })
        };
        let found = misspelt.or_else(elsewhere).or_else(slip);
        let what = found.unwrap_or_else(|| match &known.missing {
            Some(Missing::Unread(why)) => Mistake::NotLookedAt { why: why.clone() },
            Some(Missing::NotAll { known, of }) => Mistake::NotSeen { known: *known, of: *of },
            None => Mistake::Nobody { nearest: nearest(rule, names()) },
        });
        Some(Finding { setting, rule: rule.to_owned(), what })
    }

    /// A name of another kind that the rule fits: a role in the list of tags.
    fn elsewhere(&self, kind: &str, wanted: &str) -> Option<(&'static str, String)> {
        if glob::is_pattern(wanted) {
            return None;
        }
        let names = self.names;
        let lists = [("tag", &names.tags), ("role", &names.roles), ("group", &names.groups)];
        let other = lists.into_iter().filter(|(other, _)| *other != kind);
        let mut found = other.filter_map(|(other, known)| {
            let name = known.names.iter().find(|name| fold(name) == wanted)?;
            Some((other, name.to_string()))
        });
        found.next().or_else(|| {
            let pair = wanted.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            names.properties.iter().find_map(|(name, values)| {
                let value = values.iter().find(|value| match pair {
                    Some((wanted, value_wanted)) => {
                        fold(name) == wanted && fold(value) == value_wanted
                    }
                    None => fold(value) == wanted,
                })?;
                Some(("custom property", format!("{name} = {value}")))
            })
        })
    }

    fn property(&self, rule: &Property) -> Option<Finding> {
        let (name, value) = (fold(&rule.name), fold(&rule.value));
        if name.is_empty() || value.is_empty() {
            return None;
        }
        let all = &self.names.properties;
        let named = all.iter().map(|(known, values)| (&**known, values));
        let named: Vec<(&str, _)> = named.filter(|(known, _)| fits(&name, &fold(known))).collect();
        let has = |values: &BTreeSet<Box<str>>| values.iter().any(|v| fits(&value, &fold(v)));
        if named.iter().any(|(_, values)| has(values)) {
            return None;
        }
        let looks = |wanted: &str, known: &str| {
            Form::of_text(wanted).iter().any(|form| form.fits_text(known))
        };
        let mut misspelt = None;
        for (known, values) in all {
            for known_value in values {
                let means = || format!("the custom property {known} = {known_value}");
                if looks(&rule.name, known) && looks(&rule.value, known_value) {
                    misspelt = Some((means(), "it is spelt differently"));
                } else if looks(&rule.value, known) && looks(&rule.name, known_value) {
                    misspelt = Some((means(), "name and value are swapped"));
                }
            }
        }
        let what = match (misspelt, &self.names.properties_missing) {
            (Some((means, why)), _) => Mistake::Misspelt { means, why },
            (None, Some(why)) => Mistake::NotLookedAt { why: why.clone() },
            // Whatever is written fits one without a list of values.
            (None, None) if named.iter().any(|(_, values)| values.is_empty()) => return None,
            (None, None) if let Some(means) = slip_of_property(rule, &named, all) => {
                Mistake::Misspelt { means, why: NO_PROPERTY }
            }
            // Its values are a list that the site checks: nobody can ever have another.
            (None, None) if !named.is_empty() && !glob::is_pattern(&rule.value) => {
                Mistake::Misspelt { means: with_values(&named), why: NO_VALUE }
            }
            (None, None) => {
                let pairs: Vec<String> = match named.is_empty() {
                    true => all.keys().map(ToString::to_string).collect(),
                    false => named
                        .iter()
                        .flat_map(|(name, values)| {
                            values.iter().map(move |v| format!("{name} = {v}"))
                        })
                        .collect(),
                };
                let text = if named.is_empty() {
                    rule.name.clone()
                } else {
                    format!("{} = {}", rule.name, rule.value)
                };
                Mistake::Nobody { nearest: nearest(&text, pairs.iter().map(String::as_str)) }
            }
        };
        let rule = format!("{} = {}", rule.name.trim(), rule.value.trim());
        Some(Finding { setting: "neverRelease.customProperty", rule, what })
    }
}

const NO_DIRECTORY: &str = "nobody who has a seat is of a directory of this name";
const NO_VALUE: &str = "it has no such value, and so nobody can have it";
const NO_TAG: &str = "the site has no tag of this name, as far as Bursar's account sees";
const NO_ROLE: &str = "nobody who has a seat has a role of this name";
const NO_PROPERTY: &str =
    "the site has no custom property with this name and value, as far as Bursar's account sees";

/// `the custom property LicenseManage (keep, do-not-release)`.
fn with_values(named: &[(&str, &BTreeSet<Box<str>>)]) -> String {
    const MOST: usize = 3;
    let (name, values) = &named[0];
    let mut told: Vec<&str> = values.iter().map(|value| &**value).take(MOST).collect();
    if values.len() > MOST {
        told.push("...");
    }
    format!("the custom property {name} ({})", told.join(", "))
}

/// The custom property, and value, that a rule names but for a slip. `named`: those of its name.
fn slip_of_property(
    rule: &Property,
    named: &[(&str, &BTreeSet<Box<str>>)],
    all: &BTreeMap<Box<str>, BTreeSet<Box<str>>>,
) -> Option<String> {
    if named.is_empty() {
        let name = all.keys().find(|name| is_slip(&rule.name, name))?;
        return Some(format!("the custom property {name}"));
    }
    named.iter().find_map(|(name, values)| {
        let value = values.iter().find(|value| is_slip(&rule.value, value))?;
        Some(format!("the custom property {name} = {value}"))
    })
}

/// Whether a rule is a name of the site but for a slip of the fingers: one letter, or one of eight in
/// a long name. What differs in its digits only is another name, and so is a short one.
fn is_slip(rule: &str, name: &str) -> bool {
    const SHORT: usize = 4;
    const LONG: usize = 256;
    if glob::is_pattern(rule) || rule.len().max(name.len()) > LONG {
        return false;
    }
    let (rule, name) = (loose(rule), loose(name));
    let [of_rule, of_name] = [&rule, &name].map(|text| text.chars().count());
    let slips = (of_name / 8).max(1);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    of_rule.min(of_name) >= SHORT
        && of_rule.abs_diff(of_name) <= slips
        && digits(&rule) == digits(&name)
        && strsim::osa_distance(&rule, &name) <= slips
}

/// Whom of `people` (directory and id) a rule of `neverRelease.user` that names nobody may mean: the same account but for
/// one slip of the fingers, two in an id of eight letters and more. What differs in its digits is another account, and of
/// ids below four letters nothing is said.
pub fn near_account<'a>(
    finding: &Finding,
    people: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let is_of_nobody = matches!(finding.what, Mistake::Nobody { .. });
    if finding.setting != USER || !is_of_nobody || glob::is_pattern(&finding.rule) {
        return None;
    }
    let (directory, user_id) = finding.rule.split_once('\\')?;
    let (directory, user_id) = (loose(directory), loose(user_id));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let slips = if user_id.chars().count() < 8 { 1 } else { 2 };
    let is_long = |id: &str| (4..=256).contains(&id.chars().count());
    let mut near = people.filter_map(|(of, id)| {
        let (loose_of, loose_id) = (loose(of), loose(id));
        let is_like = is_long(&loose_id)
            && is_long(&user_id)
            && digits(&loose_id) == digits(&user_id)
            && digits(&loose_of) == digits(&directory);
        let distance = if is_like {
            strsim::osa_distance(&loose_of, &directory) + strsim::osa_distance(&loose_id, &user_id)
        } else {
            usize::MAX
        };
        (distance <= slips).then(|| (distance, format!("{of}\\{id}")))
    });
    let first = near.next()?;
    Some(near.fold(first, |best, other| if other.0 < best.0 { other } else { best }).1)
}

const USER: &str = "neverRelease.user";
const NO_USER: &str = "nobody of that name has or had a seat, as far as is recorded, and the seat of that person is due";

impl Finding {
    /// That it was meant for somebody whose seat is due.
    pub fn means(&mut self, account: String) {
        self.what = Mistake::Misspelt { means: account, why: NO_USER };
    }

    /// The account that a rule of `neverRelease.user` names.
    pub fn account(&self) -> &str {
        &self.rule
    }
}

fn nearest<'a>(rule: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let rule = rule.to_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&rule, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name.to_owned())
}

impl Finding {
    /// Whether it stops real runs.
    pub fn is_misspelt(&self) -> bool {
        matches!(self.what, Mistake::Misspelt { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` ", self.setting, self.rule)?;
        match &self.what {
            Mistake::Misspelt { means, why } => {
                write!(f, "protects nobody as it is written, and seems to mean {means}: {why}")
            }
            Mistake::Nobody { nearest } => {
                let why = match self.setting {
                    "neverRelease.tag" => "the site has no tag of this name",
                    "neverRelease.customProperty" => {
                        "the site has no custom property with this name and value"
                    }
                    "neverRelease.role" => "nobody who has a seat has this role",
                    "neverRelease.userGroup" => "nobody who has a seat is in this group",
                    _ => "nobody who has a seat has this name",
                };
                write!(f, "protects nobody: {why}")?;
                match nearest {
                    Some(nearest) => write!(f, "; the nearest is {nearest}"),
                    None => f.write_str(" or one like it"),
                }
            }
            Mistake::NotLookedAt { why } => {
                write!(
                    f,
                    "fits nothing that was read; whether it names anything was not looked at: {why}"
                )
            }
            Mistake::NotSeen { known, of } => {
                let (what, more) = match self.setting {
                    "neverRelease.role" => (
                        "roles",
                        "or wait until seatMonitor has read everybody, which it does once a day where it is on",
                    ),
                    _ => ("groups", "since groups are read of people with idle seats only"),
                };
                write!(
                    f,
                    "fits nobody whose {what} are known ({known} of the {of} people with seats): look \
                     in the management console whether it is written like that, {more}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
