//! What a rule may have been meant to name: each wrong form with the name it stands for.

use super::super::glob;
use super::super::loose::{loose, spelt_out};

/// A name that a rule may stand for, in both loose spellings, and why it doesn't name it.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// `None`: any.
    directory: Option<[String; 2]>,
    user_id: Option<[String; 2]>,
    pub(super) why: &'static str,
    cut: Cut,
}

/// What of the site's name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nothing,
    /// Of a directory that is a domain, the first part.
    Domain,
    /// Of a user id that is an address, what stands before the `@`.
    Address,
}

fn spellings(text: &str) -> [String; 2] {
    [loose(text), spelt_out(text)]
}

/// Whether it fits anything at all.
fn is_anything(text: &str) -> bool {
    text.chars().all(|c| c == '*')
}

fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or(domain)
}

const SPELT: &str =
    "it is spelt differently (accents, ß, signs, blanks or characters that don't show)";

impl Form {
    fn account(directory: &str, user_id: &str, why: &'static str) -> Option<Self> {
        let (directory, user_id) = (spellings(directory), spellings(user_id));
        let blank = directory[0].is_empty() || user_id[0].is_empty();
        (!blank).then_some(Self {
            directory: Some(directory),
            user_id: Some(user_id),
            why,
            cut: Cut::Nothing,
        })
    }

    fn directory(directory: &str, why: &'static str) -> Option<Self> {
        let directory = spellings(directory);
        let blank = is_anything(&directory[0]);
        (!blank).then_some(Self {
            directory: Some(directory),
            user_id: None,
            why,
            cut: Cut::Nothing,
        })
    }

    fn id(user_id: &str, why: &'static str) -> Option<Self> {
        let user_id = spellings(user_id);
        let blank = is_anything(&user_id[0]);
        (!blank).then_some(Self { directory: None, user_id: Some(user_id), why, cut: Cut::Nothing })
    }

    /// A tag, role, group, name or value by itself.
    pub(super) fn of_text(text: &str) -> Vec<Self> {
        Self::id(text, SPELT).into_iter().collect()
    }

    /// Whether an account is meant; both in the same loose spelling.
    pub(super) fn fits_account<'a>(
        &self,
        directory: &str,
        user_id: impl FnOnce() -> &'a str,
    ) -> bool {
        let fits =
            |both: &[String; 2], found: &str| both.iter().any(|one| glob::matches(one, found));
        if let Some(wanted) = &self.directory {
            let cut = self.cut == Cut::Domain;
            if !fits(wanted, if cut { first_label(directory) } else { directory }) {
                return false;
            }
        }
        let Some(wanted) = &self.user_id else { return true };
        let user_id = user_id();
        match user_id.split_once('@') {
            Some((name, _)) if self.cut == Cut::Address => fits(wanted, name),
            _ => fits(wanted, user_id),
        }
    }

    pub(super) fn fits_text(&self, name: &str) -> bool {
        let both = spellings(name);
        both.iter().any(|name| self.fits_account(name, || name))
    }

    /// What it stands for, for people.
    pub(super) fn named(&self, directory: &str, user_id: &str) -> String {
        match self.user_id {
            Some(_) => format!("{directory}\\{user_id}"),
            None => format!("the directory {directory}"),
        }
    }
}

/// The forms of an entry of `neverRelease.user`.
pub(super) fn of_user(directory: &str, user_id: &str) -> Vec<Form> {
    let (directory, user_id) = (directory.trim(), user_id.trim());
    let both = "userId holds the directory, too: write userDir and userId apart";
    let slash = "a directory has no backslash: write userDir and userId apart";
    let address = "it is written as an address: write userDir and userId apart";
    let domain = "the site has another name for this directory";
    let swapped = "userDir and userId are swapped";
    let whole_address = "the site has an address as the user's id";
    let mut forms = vec![Form::account(directory, user_id, SPELT)];
    for sign in ['\\', '/'] {
        if let Some((left, right)) = user_id.rsplit_once(sign) {
            forms.push(Form::account(left, right, both));
            forms.push(Form::account(directory, right, both));
            // `CORP\CORP\anna`: what is before the last sign may hold others.
            let last = left.rsplit(['\\', '/']).next().unwrap_or(left);
            forms.push(Form::account(last, right, both));
        }
        if let Some((left, right)) = directory.split_once(sign) {
            forms.push(Form::account(left, right, slash));
            forms.push(Form::account(left, user_id, slash));
            forms.push(Form::account(right, user_id, slash));
            // The directory twice, before the id in both settings or in one.
            let id = user_id.rsplit(['\\', '/']).next().unwrap_or(user_id);
            let last = right.rsplit(['\\', '/']).next().unwrap_or(right);
            forms.push(Form::account(left, id, slash));
            forms.push(Form::account(left, last, slash));
        }
    }
    if let Some((name, at)) = user_id.split_once('@') {
        forms.push(Form::account(at, name, address));
        forms.push(Form::account(first_label(at), name, address));
        forms.push(Form::account(directory, name, address));
    }
    if let Some((name, at)) = directory.split_once('@') {
        forms.push(Form::account(at, user_id, address));
        forms.push(Form::account(at, name, address));
    }
    forms.extend(domains(directory).map(|name| Form::account(name, user_id, domain)));
    let label = Form::account(directory, user_id, domain);
    forms.push(label.map(|form| Form { cut: Cut::Domain, ..form }));
    if !user_id.contains('@') && !is_anything(user_id) {
        let id = Form::account(directory, user_id, whole_address);
        forms.push(id.map(|form| Form { cut: Cut::Address, ..form }));
    }
    if !is_anything(directory) && !is_anything(user_id) {
        forms.push(Form::account(user_id, directory, swapped));
    }
    forms.into_iter().flatten().collect()
}

/// The first part of a domain.
fn domains(directory: &str) -> impl Iterator<Item = &str> {
    let label = first_label(directory);
    (label != directory && !is_anything(label)).then_some(label).into_iter()
}

/// The forms of an entry of `neverRelease.userDirectory`.
pub(super) fn of_directory(directory: &str) -> Vec<Form> {
    let slash = "a directory has no backslash";
    let one = "it names a single user: write an entry of neverRelease.user";
    let domain = "the site has another name for this directory";
    let mut forms = vec![Form::directory(directory, SPELT)];
    for sign in ['\\', '/'] {
        if let Some((left, right)) = directory.split_once(sign) {
            if !right.is_empty() {
                forms.push(Form::account(left, right, one));
            }
            forms.push(Form::directory(left, slash));
            forms.push(Form::directory(right, slash));
        }
    }
    if let Some((name, at)) = directory.split_once('@') {
        if !name.is_empty() {
            forms.push(Form::account(at, name, one));
            forms.push(Form::account(first_label(at), name, one));
        }
        forms.push(Form::directory(at, domain));
    }
    forms.extend(domains(directory).map(|name| Form::directory(name, domain)));
    let label = Form::directory(directory, domain);
    forms.push(label.map(|form| Form { cut: Cut::Domain, ..form }));
    if !glob::is_pattern(directory) {
        forms.push(Form::id(directory, one));
    }
    forms.into_iter().flatten().collect()
}

/// The forms of an entry of `neverRelease.userGroup`: with a directory before it, or as a
/// distinguished name.
pub(super) fn of_group(group: &str) -> Vec<Form> {
    let path = "the site writes the group without what stands before its name";
    let name = "the site has the group's name, not its distinguished name";
    let distinguished = "the site has the group's distinguished name";
    let mut forms = Form::of_text(group);
    if let Some((_, right)) = group.rsplit_once(['\\', '/']) {
        forms.extend(Form::id(right, path));
    }
    let head = group.split(',').next().unwrap_or(group);
    match head.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("cn") => {
            forms.extend(Form::id(value, name));
        }
        _ if !glob::is_pattern(group) => {
            forms.extend(Form::id(&format!("cn={group},*"), distinguished));
            forms.extend(Form::id(&format!("*\\{group}"), distinguished));
        }
        _ => {}
    }
    forms
}
