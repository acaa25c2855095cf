//! Commands that are printed for somebody to type: they work as they stand, also pasted.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::CommandFactory;

use crate::config::Settings;
use crate::plain::one_line;
use crate::terminal;

/// The settings file of this command, as it was given.
static FILE: OnceLock<String> = OnceLock::new();

/// All commands, as they are parsed.
static TREE: OnceLock<clap::Command> = OnceLock::new();

/// From here on, commands that are printed name these settings.
pub(super) fn remember(file: &Path) {
    FILE.get_or_init(|| quoted(&file.display().to_string()));
    terminal::call_commands(in_log);
}

/// Whether the settings have several sites, so that a command has to say which it is for.
static SEVERAL_SITES: AtomicBool = AtomicBool::new(false);

/// From here on, commands [of a site](of_site) name it where there are several.
pub(super) fn remember_sites(settings: &Settings) {
    SEVERAL_SITES.store(settings.sites.len() > 1, Ordering::Relaxed);
}

/// The text with each command in it as it has to be typed here for a site: as [`as_called`], and it names the site
/// where the settings have several and the command takes one.
pub(super) fn of_site<'a>(text: &'a str, site: &str) -> Cow<'a, str> {
    match FILE.get() {
        Some(file) if SEVERAL_SITES.load(Ordering::Relaxed) => {
            Cow::Owned(rewritten(text, &program(), file, Some(&quoted(site))))
        }
        _ => as_called(text),
    }
}

/// How this program was called.
pub(super) fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| "bursar".into());
    quoted(&Path::new(&called).display().to_string())
}

/// As a shell takes it for one word: `sh` and its kin, on Windows PowerShell and `cmd`.
pub(super) fn quoted(word: &str) -> String {
    // A backslash parts folders on Windows, and takes the next letter as it is elsewhere.
    let plain =
        |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c) || (cfg!(windows) && c == '\\');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if cfg!(windows) {
        return one_line(&format!("\"{word}\""));
    }
    let word = word.replace('\'', "'\\''");
    one_line(&format!("'{word}'"))
}

/// Prints to standard output, with commands as they can be pasted, and lines that end between words where a person
/// reads them.
pub(super) fn print(text: Arguments<'_>) -> io::Result<()> {
    let text = text.to_string();
    terminal::print(format_args!("{}", super::text::for_terminal(&text)))
}

/// As [`print()`], to standard error.
pub(super) fn complain(text: Arguments<'_>) {
    let text = text.to_string();
    terminal::complain(format_args!("{}", super::text::for_errors(&text)));
}

/// The text with each command in it as it has to be typed here: the program as it was called, and the settings
/// of this command where it takes some and names none.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    let Some(file) = FILE.get() else { return text.into() };
    if !text.contains(NAME) {
        return text.into();
    }
    Cow::Owned(rewritten(text, &program(), file, None))
}

/// As [`as_called`], of a line of the log, which may be JSON.
fn in_log(line: &str, is_json: bool) -> Cow<'_, str> {
    let Some(file) = FILE.get().filter(|_| is_json) else { return as_called(line) };
    if !line.contains(NAME) {
        return line.into();
    }
    // A backslash and a quote have a sign before them there.
    let in_json = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        json[1..json.len() - 1].to_owned()
    };
    Cow::Owned(rewritten(line, &in_json(&program()), &in_json(file), None))
}

/// How a mention of a command begins.
const NAME: &str = "bursar ";

fn rewritten(text: &str, program: &str, file: &str, site: Option<&str>) -> String {
    let tree = TREE.get_or_init(super::Arguments::command);
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, mention) = rest.split_at(at);
        out.push_str(before);
        let is_word = begins(before);
        let command = &mention[NAME.len()..];
        let Some((leaf, length, takes_settings)) = leaf(tree, command).filter(|_| is_word) else {
            out.push_str(NAME);
            rest = command;
            continue;
        };
        let (words, after) = command.split_at(length);
        out.push_str(&format!("{program} {words}"));
        let mentioned = after.split(['`', '\n', ';', ')']).next().unwrap_or_default();
        let names_some = [" -c ", " --config ", " --store ", " --file "];
        if takes_settings && !names_some.iter().any(|option| mentioned.contains(option)) {
            out.push_str(&format!(" -c {file}"));
        }
        let takes_site = leaf.get_arguments().any(|option| option.get_long() == Some("site"));
        if let Some(site) = site.filter(|_| takes_site && !mentioned.contains(" --site ")) {
            out.push_str(&format!(" --site {site}"));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where commands stand in a text, with their options: what is pasted together.
pub(super) fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let tree = TREE.get_or_init(super::Arguments::command);
    let program = program();
    let names = [NAME.trim_end(), program.as_str()];
    let mut from = 0;
    while let Some((at, name)) = names
        .iter()
        .filter_map(|name| Some((from + text[from..].find(&format!("{name} "))?, *name)))
        .min()
    {
        let words = at + name.len() + 1;
        from = words;
        let is_word = begins(&text[..at]);
        let Some((command, length, _)) = leaf(tree, &text[words..]).filter(|_| is_word) else {
            continue;
        };
        let quoted = text[..at].ends_with('`').then(|| text[at..].find('`')).flatten();
        let end = quoted.map_or_else(
            || words + length + options(command, &text[words + length..]),
            |end| at + end,
        );
        places.push(at..end);
        from = end;
    }
    places
}

/// How long that is, behind a command, which belongs to it: its options with their values, quoted words, and words
/// that stand for one (`NAME`, `plan.json`).
fn options(command: &clap::Command, text: &str) -> usize {
    let (mut length, mut wants_value) = (0, false);
    while let Some(rest) = text[length..].strip_prefix(' ') {
        let word = match rest.strip_prefix('\'') {
            Some(inside) => &rest[..inside.find('\'').map_or(rest.len(), |end| end + 2)],
            None => &rest[..rest.find([' ', '\n', '`', ';', ')']).unwrap_or(rest.len())],
        };
        let bare = word.trim_end_matches(['.', ',', ':']);
        let stands_for_one = bare.len() > 1 && bare.chars().all(|c| c.is_ascii_uppercase());
        let option = command.get_arguments().find(|option| {
            let long = option.get_long().is_some_and(|long| bare.strip_prefix("--") == Some(long));
            let short = option.get_short().is_some_and(|short| bare == format!("-{short}"));
            long || short
        });
        let belongs = wants_value
            || option.is_some()
            || stands_for_one
            || bare.starts_with('\'')
            || bare.ends_with(".json");
        if !belongs || bare.is_empty() {
            break;
        }
        length += 1 + bare.len();
        wants_value = option.is_some_and(|option| option.get_action().takes_values());
        if bare.len() < word.len() {
            break;
        }
    }
    length
}

/// Whether a command may begin behind that.
fn begins(before: &str) -> bool {
    before
        .chars()
        .next_back()
        .is_none_or(|c| " \n(`:\"m".contains(c) && (c != 'm' || before.contains('\u{1b}')))
}

/// How long the words are that name a command which can be run, and whether it takes settings.
fn leaf<'a>(tree: &'a clap::Command, text: &str) -> Option<(&'a clap::Command, usize, bool)> {
    let (mut command, mut length) = (tree, 0);
    while command.has_subcommands() {
        let word = text[length..].trim_start_matches(' ');
        let begin = text.len() - word.len();
        let word =
            &word[..word.find(|c: char| c != '-' && !c.is_ascii_lowercase()).unwrap_or(word.len())];
        command = command.find_subcommand(word)?;
        length = begin + word.len();
    }
    let takes_settings = command.get_arguments().any(|option| option.get_long() == Some("config"));
    Some((command, length, takes_settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(windows))]
    fn a_shell_takes_it_for_one_word_as_it_is() {
        for (word, expected) in [
            ("/etc/bursar/bursar.yaml", "/etc/bursar/bursar.yaml"),
            ("a plan.json", "'a plan.json'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            (r"a\b", r"'a\b'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }

    #[test]
    fn commands_in_a_text_are_made_such_that_they_run() {
        let made = |text: &str| rewritten(text, "./bursar", "'my file.yaml'", None);
        for (text, expected) in [
            ("bursar release settle", "./bursar release settle -c 'my file.yaml'"),
            ("see `bursar status`.", "see `./bursar status -c 'my file.yaml'`."),
            (
                "`bursar release accept site --why 'x'`",
                "`./bursar release accept site -c 'my file.yaml' --why 'x'`",
            ),
            ("(bursar outbox list)", "(./bursar outbox list -c 'my file.yaml')"),
            ("bursar demo", "./bursar demo"),
            ("bursar check -c x.yaml", "./bursar check -c x.yaml"),
            ("bursar audit verify --store copy.db", "./bursar audit verify --store copy.db"),
            // No commands, or not whole ones.
            ("bursar outbox shows", "bursar outbox shows"),
            ("the bursar has it", "the bursar has it"),
            ("./bursar status", "./bursar status"),
            ("bursar: bursar run", "bursar: ./bursar run -c 'my file.yaml'"),
        ] {
            assert_eq!(made(text), expected);
            assert_eq!(made(&made(text)), made(text), "twice: {text}");
        }
        // Of a site, where there are several.
        let of_oslo = |text: &str| rewritten(text, "./bursar", "x.yaml", Some("oslo"));
        for (text, expected) in [
            ("bursar release settle", "./bursar release settle -c x.yaml --site oslo"),
            (
                "`bursar release apply plan.json --site bergen`",
                "`./bursar release apply -c x.yaml plan.json --site bergen`",
            ),
            ("bursar store accept", "./bursar store accept -c x.yaml"),
        ] {
            assert_eq!(of_oslo(text), expected);
        }
    }

    #[test]
    fn what_is_pasted_together_is_found() {
        for (text, expected) in [
            ("see bursar status -c x.yaml, which tells", &["bursar status -c x.yaml"][..]),
            (
                "`bursar release accept site --why TEXT`: x",
                &["bursar release accept site --why TEXT"],
            ),
            ("bursar outbox drop --destination mqtt", &["bursar outbox drop --destination mqtt"]),
            (
                "bursar release apply -c x.yaml 'a plan.json'",
                &["bursar release apply -c x.yaml 'a plan.json'"],
            ),
            (
                "bursar release plan shows it; bursar check",
                &["bursar release plan", "bursar check"],
            ),
            ("the bursar has it", &[]),
        ] {
            let found: Vec<_> = places(text).into_iter().map(|place| &text[place]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
