//! Tables, bars and times for people.

use std::borrow::Cow;

use anstyle::{AnsiColor, Effects, Style};

use super::command;
pub use super::table::columns;
use crate::config::Settings;
use crate::plain;
use crate::schedule::Schedule;
use crate::terminal;

/// Colours, when a person is looking.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// As [`terminal`] has it.
    pub fn for_stdout() -> Self {
        Self { on: terminal::has_colours(&std::io::stdout()) }
    }

    /// As [`for_stdout`](Self::for_stdout), for standard error.
    pub fn for_stderr() -> Self {
        Self { on: terminal::has_colours(&std::io::stderr()) }
    }

    /// Never.
    pub fn off() -> Self {
        Self { on: false }
    }

    pub fn good(self, text: &str) -> String {
        self.wrap(AnsiColor::Green.on_default(), text)
    }

    pub fn warn(self, text: &str) -> String {
        self.wrap(AnsiColor::Yellow.on_default(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.wrap(AnsiColor::Red.on_default(), text)
    }

    pub fn faint(self, text: &str) -> String {
        self.wrap(Style::new().effects(Effects::DIMMED), text)
    }

    pub fn strong(self, text: &str) -> String {
        self.wrap(Style::new().bold(), text)
    }

    fn wrap(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// A bar of `width` cells, filled by `share` (0 to 1).
pub fn bar(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "█".repeat(filled) + &"░".repeat(width - filled)
}

/// A terminal that is narrower breaks the lines itself.
pub(super) const NARROWEST: usize = 60;

/// Widest column at which the text of a line begins, behind its name.
const DEEPEST: usize = 24;

/// The text as a person reads it: on a terminal no line is longer than that is wide, as far as it has blanks
/// outside of commands. Into a pipe each line goes as it is: programs read lines.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    for_width(text, terminal::columns())
}

/// As [`for_terminal`], for standard error.
pub fn for_errors(text: &str) -> Cow<'_, str> {
    for_width(text, terminal::columns_of_errors())
}

fn for_width(text: &str, columns: Option<usize>) -> Cow<'_, str> {
    // What has to be typed is longer than what it is called.
    let text = command::as_called(text);
    match columns {
        Some(columns) => wrapped(&text, columns.max(NARROWEST)).into(),
        None => text,
    }
}

/// A text of one line, set in: [`for_terminal`] ends its lines.
pub fn set_in(text: &str, by: usize) -> String {
    format!("{}{}", " ".repeat(by), plain::one_line(text))
}

/// Ends lines at blanks so that none takes more columns than that, where it has blanks. What follows begins
/// below the text, not below the name before it. A command stays on one line: it is there to be pasted. Lines may
/// hold colours.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if visible(line.trim_end()) <= width {
            out.push_str(line);
            continue;
        }
        let start = start_of_text(line);
        let mut column = 0;
        // Blanks before the first word stay.
        for word in words(line) {
            let takes = visible(word.trim_end());
            if column > start && column + takes > width {
                let kept = out.trim_end_matches(' ').len();
                out.truncate(kept);
                out.push('\n');
                out.push_str(&" ".repeat(start));
                column = start;
            }
            out.push_str(word);
            column += takes + word.len() - word.trim_end_matches(' ').len();
        }
    }
    out
}

/// The words of a line, each with the blank behind it. A command is one word.
pub(super) fn words(line: &str) -> Vec<&str> {
    let mut commands = command::places(line).into_iter().peekable();
    let (mut found, mut begin) = (Vec::new(), 0);
    for (at, _) in line.match_indices(' ') {
        while commands.next_if(|place| place.end <= at).is_some() {}
        if commands.peek().is_some_and(|place| place.contains(&at)) {
            continue;
        }
        found.push(&line[begin..=at]);
        begin = at + 1;
    }
    if begin < line.len() {
        found.push(&line[begin..]);
    }
    found
}

/// The column behind the last wide gap near the beginning of a line.
fn start_of_text(line: &str) -> usize {
    let plain = anstream::adapter::strip_str(line).to_string();
    let signs: Vec<char> = plain.chars().take(DEEPEST).collect();
    let begins = |at: &usize| {
        let is_blank = |at: usize| signs.get(at).is_some_and(|c| *c == ' ');
        !is_blank(*at) && *at >= 2 && is_blank(at - 1) && is_blank(at - 2)
    };
    (0..signs.len()).rev().find(begins).unwrap_or(2)
}

/// Columns that a cell takes, without its colours.
pub(super) fn visible(cell: &str) -> usize {
    plain::width(&anstream::adapter::strip_str(cell).to_string())
}

/// Every schedule of the settings with the name of what runs on it; equal ones are shown once.
pub fn schedules(settings: &Settings) -> Vec<(String, &Schedule)> {
    let mut list: Vec<(String, &Schedule)> = Vec::new();
    for site in &settings.sites {
        let prefix = if settings.named_sites { format!("{}: ", site.name) } else { String::new() };
        let watches = site.watches().into_iter();
        list.extend(watches.map(|watch| (format!("{prefix}{}", watch.title), watch.schedule)));
    }
    if let Some(reports) = &settings.reports {
        list.push(("report".to_owned(), &reports.schedule));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_end_at_blanks_and_go_on_below_their_text() {
        let text = "Site x\n  warning  one two three four five\n    Name     short\nendlessword\n";
        assert_eq!(
            wrapped(text, 20),
            "Site x\n  warning  one two\n           three\n           four five\n    Name     short\nendlessword\n"
        );
        let coloured = "  \u{1b}[33mwarning\u{1b}[0m  one two three";
        assert_eq!(
            wrapped(coloured, 20),
            "  \u{1b}[33mwarning\u{1b}[0m  one two\n           three"
        );
        // A word that has no room anywhere stays whole.
        assert_eq!(wrapped("a bbbbbbbbbbbbbbbbbbbbbbbb c", 10), "a bbbbbbbbbbbbbbbbbbbbbbbb\n  c");
    }

    #[test]
    fn a_command_is_broken_nowhere() {
        let text = "Look at it: `bursar release plan -c x.yaml --type analyzer` shows why, bursar check -c a.yaml too\n";
        assert_eq!(
            wrapped(text, 40),
            "Look at it:\n  `bursar release plan -c x.yaml --type analyzer`\n  shows why, bursar check -c a.yaml too\n"
        );
    }

    #[test]
    fn a_bar_is_always_as_wide_as_asked() {
        for (share, bar_text) in [(0.0, "░░░░"), (0.5, "██░░"), (1.0, "████"), (7.0, "████")]
        {
            assert_eq!(bar(share, 4), bar_text);
        }
    }
}
