//! Templates of payloads: read, compiled, and tried on everything they can get.

use super::raw;
use super::{Error, Format, Source, Template, samples, shipped};
use crate::event::Event;
use crate::secret::Secret;
use crate::settings::{At, Check};

/// What was written of one template.
pub(crate) struct Written<'a> {
    /// The key with the template, beside that of the file (`...File`).
    pub(crate) key: &'a str,
    pub(crate) text: &'a str,
    pub(crate) file: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) values: &'a [raw::TemplateValue],
}

/// The template, if there is one and nothing is wrong with it. `takes` says which events it gets.
pub(crate) fn source(
    check: &Check<'_>,
    at: &At<'_>,
    written: &Written<'_>,
    takes: impl Fn(&Event) -> bool,
) -> Option<Source> {
    let (at_text, at_file) = (at.get(written.key), at.get(&format!("{}File", written.key)));
    let values = values(check, at, written.values);
    let (text, file) = (written.text.trim(), written.file.trim());
    let (name, text, at) = match (text, file) {
        ("", "") => return None,
        (text, "") => match named(check, &at_text, text)? {
            Some(shipped) => (shipped.name.to_owned(), shipped.text.to_owned(), at_text),
            None => (written.key.to_owned(), written.text.to_owned(), at_text),
        },
        ("", file) => {
            let path = check.path(file);
            match check.env.read(&path) {
                Ok(text) => (path.display().to_string(), text, at_file),
                Err(error) => {
                    let what = format!("cannot read {}: {error}", path.display());
                    let fix = "write a path from the working directory or from the folder of this \
                               file, or a full one";
                    check.is_missing(&at_file, what, fix);
                    return None;
                }
            }
        }
        _ => {
            let what = format!("there is {}, too", written.key);
            check.error(&at_file, what, "keep one of them");
            return None;
        }
    };
    let source =
        Source { format: Format::of(written.content_type), name, text, values, zone: check.zone };
    let samples = samples::all();
    let samples = samples.iter().filter(|event| takes(event));
    let tried = Template::compile(&source).and_then(|template| template.check(samples));
    match tried {
        Ok(()) => Some(source),
        Err(error) => {
            check.error(&at, located(&source, !file.is_empty(), &error), error.fix);
            None
        }
    }
}

/// A single word names a shipped template: text alone says nothing of an event. `None` when it is
/// no template at all.
fn named(check: &Check<'_>, at: &At<'_>, text: &str) -> Option<Option<&'static shipped::Shipped>> {
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Some(None);
    }
    if let Some(shipped) = shipped::named(text) {
        return Some(Some(shipped));
    }
    let names: Vec<&str> = shipped::ALL.iter().map(|shipped| shipped.name).collect();
    let what = format!("{} is not the name of a shipped template", at.quoted(text));
    let fix = format!("write {}, or the template itself", names.join(", "));
    check.error(at, what, fix);
    None
}

/// Where in which template.
fn located(source: &Source, is_file: bool, error: &Error) -> String {
    match error.place {
        Some((line, column)) if is_file => {
            format!("{}:{line}:{column}: {}", source.name, error.what)
        }
        Some((line, column)) => {
            format!("line {line}, column {column} of the template: {}", error.what)
        }
        None if is_file => format!("{}: {}", source.name, error.what),
        None => error.what.clone(),
    }
}

fn values(check: &Check<'_>, at: &At<'_>, written: &[raw::TemplateValue]) -> Vec<(String, Secret)> {
    let mut values: Vec<(String, Secret)> = Vec::new();
    for (value, at) in written.iter().zip(at.get("values").items()) {
        let name = value.name.trim();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let at = at.get("name");
        if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let what = format!("\"{name}\" can't be a name in a template");
            check.error(&at, what, "use letters, digits and _, with a letter first");
        } else if values.iter().any(|(other, _)| other == name) {
            check.error(&at, format!("\"{name}\" is there already"), "keep one of them");
        } else {
            values.push((name.to_owned(), Secret::new(value.value.0.clone())));
        }
    }
    values
}
