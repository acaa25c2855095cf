//! From a file to settings.

use std::cell::{Cell, RefCell};
use std::path::Path;

use chrono_tz::Tz;

use super::certificates::check_certificates;
use super::settings::Settings;
use super::shape::Shape;
use super::validate;
use crate::settings::node::{self, Node};
use crate::settings::{
    Check, Environment, Problem, Problems, Severity, SystemEnvironment, read_text,
};

/// Settings, and what was noticed on the way to them.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// What can be used but may not be wanted, in the order of the file.
    pub warnings: Vec<Problem>,
    /// The tree they come from, with references resolved.
    pub(super) tree: Node,
}

/// Reads and checks a file, with everything it refers to.
///
/// # Errors
/// Everything that is wrong, at once, in the order of the file.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let text = read_text(path).map_err(|error| {
        let (what, fix) = match error.kind() {
            std::io::ErrorKind::NotFound => (
                "there is no such file".to_owned(),
                "name the file with -c, or make one with: bursar config default".to_owned(),
            ),
            std::io::ErrorKind::InvalidData => {
                ("it is not text in UTF-8".to_owned(), "save it in UTF-8".to_owned())
            }
            _ => (
                format!("it can't be read: {error}"),
                "let the user that runs bursar read it".to_owned(),
            ),
        };
        Problems(vec![whole_file(path, what, fix)])
    })?;
    let mut loaded = load_text(&text, path, &SystemEnvironment)?;
    let found = check_certificates(&loaded.settings, SystemEnvironment.now());
    loaded.add(found)?;
    Ok(loaded)
}

impl Loaded {
    /// Adds what was found later, with its place.
    fn add(&mut self, mut found: Vec<Problem>) -> Result<(), Problems> {
        for problem in &mut found {
            self.locate(problem);
        }
        let mut seen: Vec<Problem> = Vec::new();
        for problem in found {
            // Sites that share a file share its problem.
            if !seen.contains(&problem) {
                seen.push(problem);
            }
        }
        self.warnings.append(&mut seen);
        self.warnings.sort_by_key(|p| (p.line, p.column, p.severity));
        if self.warnings.iter().any(|p| p.severity == Severity::Error) {
            return Err(Problems(std::mem::take(&mut self.warnings)));
        }
        Ok(())
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
    let (mut tree, mut problems) = node::parse(text, file).map_err(|p| Problems(vec![p]))?;
    if tree.is_null() {
        let fix = "write the settings below the key Butler, or start from: bursar config default";
        let problem = whole_file(file, "it is empty".to_owned(), fix.to_owned());
        return Err(Problems(vec![problem]));
    }
    let mut shape = Shape { file, env, problems: Vec::new(), ignored: Vec::new() };
    shape.check(&mut tree);
    problems.append(&mut shape.problems);

    let mut check =
        Check { file, env, zone: Tz::UTC, problems: RefCell::default(), watching: Cell::default() };
    let settings = validate::settings(&mut check, &tree, &shape.ignored);
    problems.append(&mut check.problems.into_inner());
    problems.sort_by_key(|p| (p.line, p.column, p.severity));
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(Problems(problems));
    }
    Ok(Loaded { settings, warnings: problems, tree })
}

fn whole_file(file: &Path, what: String, fix: String) -> Problem {
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
