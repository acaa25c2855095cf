//! Commands that are printed for somebody to type: they work as they stand, also pasted.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use clap::CommandFactory;

use crate::plain::one_line;
use crate::terminal;

/// The settings file of this command, as it was given.
static FILE: OnceLock<String> = OnceLock::new();

/// From here on, commands that are printed name these settings.
pub(super) fn remember(file: &Path) {
    FILE.get_or_init(|| quoted(&file.display().to_string()));
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
    terminal::complain(format_args!("{}", as_called(&text)));
}

/// The text with each command in it as it has to be typed here: the program as it was called, and the settings
/// of this command where it takes some and names none.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    let Some(file) = FILE.get() else { return text.into() };
    if !text.contains(NAME) {
        return text.into();
    }
    Cow::Owned(rewritten(text, &program(), file))
}

/// How a mention of a command begins.
const NAME: &str = "bursar ";

fn rewritten(text: &str, program: &str, file: &str) -> String {
    let tree = super::Arguments::command();
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, mention) = rest.split_at(at);
        out.push_str(before);
        let is_word = before.chars().next_back().is_none_or(|c| " \n(`:\"".contains(c));
        let command = &mention[NAME.len()..];
        let Some((length, takes_settings)) = leaf(&tree, command).filter(|_| is_word) else {
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
        rest = after;
    }
    out.push_str(rest);
    out
}

/// How long the words are that name a command which can be run, and whether it takes settings.
fn leaf(tree: &clap::Command, text: &str) -> Option<(usize, bool)> {
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
    Some((length, takes_settings))
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
        let made = |text: &str| rewritten(text, "./bursar", "'my file.yaml'");
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
    }
}
