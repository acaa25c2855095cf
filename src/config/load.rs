//! From a file to settings.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::certificates::{Files, check_certificates};
use super::settings::Settings;
use super::shape::Shape;
use super::{older, validate};
use crate::input;
use crate::secret;
use crate::settings::node::{self, Node, Value};
use crate::settings::{
    Check, Environment, MISSING, Problem, Problems, Severity, SystemEnvironment,
};
use crate::store::settings::validate as storage;

/// Settings, and what was noticed on the way to them.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// What can be used but may not be wanted, in the order of the file.
    pub warnings: Vec<Problem>,
    /// The tree they come from, with references resolved.
    pub(super) tree: Node,
    /// Why something is left out: what it refers to isn't there.
    pub(super) missing: Vec<Problem>,
}

/// Where the environment may have an address with a password.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Reads and checks a file, with the variables and texts it refers to. The certificates it names are
/// not needed to read from the store; [`Loaded::files`] looks at them.
///
/// # Errors
/// Everything that is wrong, at once, in the order of the file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let (loaded, seen) = input::seeing(|| load_unseen(path));
    loaded.map(|mut loaded| {
        loaded.settings.seen = Some(seen);
        loaded
    })
}

fn load_unseen(path: &Path) -> Result<Loaded, Problems> {
    let text = read_file(path)?;
    let (mut loaded, found) = read(&text, path, &SystemEnvironment)?;
    let mut secrets = loaded.settings.secrets();
    for name in PROXIES {
        if let Some(url) = std::env::var(name).ok().and_then(|url| url.parse().ok()) {
            secrets.address(&url);
        }
    }
    secret::keep(secrets);
    if is_fatal(&found) {
        // With what is wrong with the files, so that all is said at once.
        loaded.warnings = found;
        let files = loaded.files(SystemEnvironment.now());
        loaded.warnings.extend(files.problems);
        return Err(Problems(sorted(loaded.warnings)));
    }
    Ok(Loaded { warnings: found, ..loaded })
}

/// The text of a file of settings, or why there is none.
pub(super) fn read_file(path: &Path) -> Result<String, Problems> {
    input::read_text(path, input::SMALL).map_err(|error| {
        let (what, fix) = match error.kind() {
            std::io::ErrorKind::NotFound => (
                "there is no such file".to_owned(),
                "name the file with -c, or make one with: bursar init".to_owned(),
            ),
            std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::IsADirectory
            | std::io::ErrorKind::FileTooLarge => {
                (error.to_string(), "name a file of settings".to_owned())
            }
            std::io::ErrorKind::InvalidData => (
                "it is not text in UTF-8".to_owned(),
                "save it in UTF-8, or in UTF-16 with a byte order mark".to_owned(),
            ),
            _ => (
                format!("it can't be read: {error}"),
                "let the user that runs bursar read it".to_owned(),
            ),
        };
        let place = error.get_ref().and_then(|inner| inner.downcast_ref::<input::NotText>());
        let at = place.map_or((0, 0), |place| (place.line, place.column));
        Problems(vec![Problem { line: at.0, column: at.1, ..whole_file(path, what, fix) }])
    })
}

/// What has to be right of settings that have a mistake elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Where the store is, and which sites there are.
    Store,
    /// That, and how a site is reached.
    Site,
}

/// Settings with errors, as far as they can be told: for whoever has to find the store and the sites all the same.
/// Nothing where the file is no YAML, or where what is needed has a mistake itself: another store could be taken for
/// the one that is meant.
pub fn load_broken(path: &Path, needs: Needs) -> Option<Settings> {
    let text = read_file(path).ok()?;
    let (loaded, found) = read(&text, path, &SystemEnvironment).ok()?;
    let errors = found.iter().filter(|problem| problem.severity == Severity::Error);
    let in_the_way = errors.chain(&loaded.missing).any(|problem| needs.is_about(problem));
    (!in_the_way).then_some(loaded.settings)
}

impl Needs {
    /// Whether a mistake is one of what is needed: by the section it is in, or by the one that was meant.
    fn is_about(self, problem: &Problem) -> bool {
        let Some(path) = problem.path.strip_prefix("Butler.") else { return true };
        // A site's own sections are those of all sites.
        let of_site = path.strip_prefix("sites[").and_then(|rest| rest.split_once("]."));
        let path = of_site.map_or(path, |(_, rest)| rest);
        let section = path.split(['.', '[']).next().unwrap_or_default();
        let meant = problem.fix.strip_prefix("did you mean ");
        let meant = meant.and_then(|rest| rest.strip_suffix('?')).filter(|_| section == path);
        [Some(section), meant].into_iter().flatten().any(|section| match section {
            "storage" | "sites" | "name" => true,
            "configQRS" | "cert" => self == Self::Site,
            _ => false,
        })
    }
}

/// Where the store of a file is that can't be used otherwise, as far as that can be told: a daemon may run on it with the
/// settings of before.
pub fn store_of_broken(file: &Path) -> PathBuf {
    let default = || storage::default_store(&SystemEnvironment);
    let Ok(text) = read_file(file) else { return default() };
    let written = match node::parse(&text, file) {
        Ok((tree, _)) => match tree.find("Butler.storage.path").map(|node| &node.value) {
            Some(Value::Text(path)) => Some(path.trim().to_owned()),
            _ => None,
        },
        // No YAML at all: by the lines.
        Err(_) => path_by_lines(&text),
    };
    written.filter(|path| !path.is_empty()).map_or_else(default, PathBuf::from)
}

/// The first `path:` below or behind `storage:`.
fn path_by_lines(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with("storage:"));
    let section = lines.next()?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let below = lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(section));
    let after = std::iter::once(section).chain(below).find_map(|line| line.split_once("path:"))?.1;
    let value = after.split(['#', ',', '}']).next().unwrap_or_default();
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

impl Loaded {
    /// Why something is left out: what it refers to isn't there.
    pub fn left_out(&self) -> &[Problem] {
        &self.missing
    }

    /// The files that `${file:...}` names, and others that hold secrets.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        self.tree.each(&mut |node| {
            for reference in &node.references {
                let file = reference.strip_prefix("${file:").and_then(|r| r.strip_suffix('}'));
                files.extend(file.map(PathBuf::from));
            }
        });
        let email = self.settings.destinations.email.iter();
        let tokens = email.filter_map(|email| email.oauth2.as_ref());
        files.extend(tokens.map(|oauth2| oauth2.token_file.clone()));
        files.sort();
        files.dedup();
        files
    }

    /// What the certificates and keys that the settings name are like, and which references lead nowhere, each
    /// finding with its place.
    ///
    /// A file that can't be used keeps only the site or the destination from working that it is for.
    pub fn files(&self, now: DateTime<Utc>) -> Files {
        let mut files = check_certificates(&self.settings, now);
        let missing = self.missing.iter().cloned();
        for problem in &mut files.problems {
            self.locate(problem);
        }
        files.problems.extend(missing);
        // Sites that inherit a file share its problem.
        let mut seen = HashSet::new();
        files.problems.retain(|problem| seen.insert(problem.to_string()));
        files.problems = sorted(files.problems);
        files
    }

    /// Finds the line of a setting: where it is written, else the section it would stand in.
    fn locate(&self, problem: &mut Problem) {
        let path = self.written_as(&problem.path);
        let mut section = path.as_str();
        loop {
            if let Some(node) = self.tree.find(section) {
                problem.line = node.place.line;
                problem.column = node.place.column;
                break;
            }
            let Some((above, _)) = section.rsplit_once('.') else { break };
            section = above;
        }
        problem.path = path;
    }

    /// A site's setting may be inherited, and Azure Event Grid has names of its own.
    fn written_as(&self, path: &str) -> String {
        let is_written = |path: &str| self.tree.find(path).is_some();
        if let Some(key) = path.strip_prefix("Butler.mqttConfig.tls.client") {
            let azure = format!("Butler.mqttConfig.azureEventGrid.client{key}File");
            if is_written(&azure) && !is_written(path) {
                return azure;
            }
        }
        let common = path
            .strip_prefix("Butler.sites[")
            .and_then(|rest| rest.split_once("]."))
            .map(|(_, rest)| format!("Butler.{rest}"));
        match common {
            Some(common) if !is_written(path) && is_written(&common) => common,
            _ => path.to_owned(),
        }
    }
}

/// Checks the text of a file, but not the certificates it names.
///
/// # Errors
/// As [`load`].
pub fn load_text(text: &str, file: &Path, env: &dyn Environment) -> Result<Loaded, Problems> {
    let (loaded, mut found) = read(text, file, env)?;
    if is_fatal(&found) {
        found.extend(loaded.missing);
        return Err(Problems(sorted(found)));
    }
    Ok(Loaded { warnings: found, ..loaded })
}

/// The settings as far as they go, and what is wrong with them in the order of the file.
fn read(
    text: &str,
    file: &Path,
    env: &dyn Environment,
) -> Result<(Loaded, Vec<Problem>), Problems> {
    let (tree, problems) = parse(text, file)?;
    has_butler(&tree, file)?;
    Ok(judge(tree, problems, file, env))
}

/// Without the key below which all stands, all of it would be unknown, and all that has to be there missing.
fn has_butler(tree: &Node, file: &Path) -> Result<(), Problems> {
    if let Value::Map(entries) = &tree.value
        && !entries.iter().any(|(key, _)| key.text == "Butler")
        && let Some((first, _)) = entries.iter().find(|(key, _)| !key.text.starts_with("x-"))
    {
        let (what, fix) = if first.text.eq_ignore_ascii_case("Butler") {
            (
                format!("the key is {}, which is not Butler", first.text),
                "write Butler: in its place",
            )
        } else {
            (
                "there is no key Butler, below which the settings stand".to_owned(),
                "write Butler: as the first line, and indent all others by two blanks",
            )
        };
        let place = Problem {
            line: first.place.line,
            column: first.place.column,
            ..whole_file(file, what, fix.to_owned())
        };
        return Err(Problems(vec![place]));
    }
    Ok(())
}

/// The tree of a text that has something in it, with what is wrong with its form.
pub(super) fn parse(text: &str, file: &Path) -> Result<(Node, Vec<Problem>), Problems> {
    let (tree, problems) = node::parse(text, file).map_err(|p| Problems(vec![p]))?;
    if tree.is_null() {
        let fix = "write the settings below the key Butler, or start from: bursar config default";
        let problem = whole_file(file, "it is empty".to_owned(), fix.to_owned());
        return Err(Problems(vec![problem]));
    }
    Ok((tree, problems))
}

/// What a tree says, and what is wrong with it beside `problems`.
pub(super) fn judge(
    mut tree: Node,
    mut problems: Vec<Problem>,
    file: &Path,
    env: &dyn Environment,
) -> (Loaded, Vec<Problem>) {
    problems.append(&mut older::read(&mut tree, file));
    let mut shape = Shape::new(file, env);
    shape.check(&mut tree);
    problems.append(&mut shape.problems);

    let mut check = Check {
        file,
        env,
        zone: Tz::UTC,
        problems: RefCell::default(),
        missing: RefCell::new(shape.missing),
        watching: Cell::default(),
    };
    let settings = validate::settings(&mut check, &tree, &shape.ignored);
    problems.append(&mut check.problems.into_inner());
    drop_followers(&mut problems);
    let missing = sorted(check.missing.into_inner());
    (Loaded { settings, warnings: Vec::new(), tree, missing }, sorted(problems))
}

/// What is missing because its name is misspelt is said once.
fn drop_followers(problems: &mut Vec<Problem>) {
    let misspelt: HashSet<String> = problems
        .iter()
        .filter_map(|problem| {
            let meant = problem.fix.strip_prefix("did you mean ")?.strip_suffix('?')?;
            let (section, _) = problem.path.rsplit_once('.')?;
            Some(format!("{section}.{meant}"))
        })
        .collect();
    problems.retain(|problem| problem.what != MISSING || !misspelt.contains(&problem.path));
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|p| (p.line, p.column, p.severity));
    // One text may name the same variable twice.
    problems.dedup();
    problems
}

pub(super) fn is_fatal(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

pub(super) fn whole_file(file: &Path, what: String, fix: String) -> Problem {
    Problem {
        severity: Severity::Error,
        file: file.to_path_buf(),
        line: 0,
        column: 0,
        path: String::new(),
        what,
        fix,
    }
}
