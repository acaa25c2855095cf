//! Tables, bars and times for people.

use std::borrow::Cow;

use anstyle::{AnsiColor, Effects, Style};

use super::command;
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

/// Lays rows out in columns; the last column is as long as it is. Cells may hold colours. On a terminal none of the
/// others is wider than half of a usual one: a single long name would push all that is behind it out of sight.
pub fn columns(rows: &[Vec<String>]) -> String {
    match terminal::columns() {
        Some(_) => laid_out(&rows.iter().map(|row| cut(row)).collect::<Vec<_>>()),
        None => laid_out(rows),
    }
}

/// The widest cell but the last one of a row, on a terminal.
const WIDEST: usize = 40;

/// A row whose long names end in dots; the whole name is in a pipe and in JSON. Cells with colours are ours.
fn cut(row: &[String]) -> Vec<String> {
    let count = row.len();
    let fits = |(n, cell): (usize, &String)| {
        if n + 1 == count || plain::width(cell) <= WIDEST || cell.contains('\u{1b}') {
            return cell.clone();
        }
        format!("{}...", plain::cut(cell, WIDEST - 3))
    };
    row.iter().enumerate().map(fits).collect()
}

fn laid_out(rows: &[Vec<String>]) -> String {
    // A line end in a cell would begin a row that nobody wrote.
    let one = |row: &Vec<String>| row.iter().map(|cell| cell.replace(['\n', '\r'], " ")).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(one).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|i| rows.iter().filter_map(|r| r.get(i)).map(|c| visible(c)).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if i + 1 < row.len() {
                line.push_str(&" ".repeat(widths[i] - visible(cell) + 2));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A terminal that is narrower breaks the lines itself.
const NARROWEST: usize = 60;

/// Widest column at which the text of a line begins, behind its name.
const DEEPEST: usize = 24;

/// The text as a person reads it: on a terminal no line is longer than that is wide, as far as it has blanks.
/// Into a pipe each line goes as it is: programs read lines.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    // What has to be typed is longer than what it is called.
    let text = command::as_called(text);
    match terminal::columns() {
        Some(columns) => wrapped(&text, columns.max(NARROWEST)).into(),
        None => text,
    }
}

/// Ends lines at blanks so that none takes more columns than that, where it has blanks. What follows begins
/// below the text, not below the name before it. Lines may hold colours.
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
        for word in line.split_inclusive(' ') {
            let takes = visible(word.trim_end());
            if column > start && column + takes > width {
                let kept = out.trim_end_matches(' ').len();
                out.truncate(kept);
                out.push('\n');
                out.push_str(&" ".repeat(start));
                column = start;
            }
            out.push_str(word);
            column += takes + usize::from(word.ends_with(' '));
        }
    }
    out
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
fn visible(cell: &str) -> usize {
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
    fn columns_align_whatever_is_coloured() {
        let paint = Paint { on: true };
        let rows = vec![
            vec!["a".to_owned(), paint.bad("fail"), "x".to_owned()],
            vec!["long".to_owned(), "ok".to_owned(), "y".to_owned()],
        ];
        assert_eq!(columns(&rows), "a     \x1b[31mfail\x1b[0m  x\nlong  ok    y\n");
        assert_eq!(Paint::off().bad("fail"), "fail");
    }

    #[test]
    fn a_long_name_leaves_room_for_what_is_behind_it() {
        let row = vec!["release".to_owned(), "x".repeat(200), "y".repeat(200)];
        let cut = cut(&row);
        assert_eq!((cut[0].as_str(), plain::width(&cut[1])), ("release", WIDEST));
        assert!(cut[1].ends_with("x...") && cut[2] == row[2], "{cut:?}");
    }

    #[test]
    fn a_cell_is_one_line() {
        let rows = vec![vec!["a\r\nforged  ok".to_owned(), "b".to_owned()]];
        assert_eq!(columns(&rows), "a  forged  ok  b\n");
    }

    #[test]
    fn columns_align_behind_wide_letters_and_marks() {
        let paint = Paint { on: true };
        let names = ["anna", "山田太郎", "Zoe\u{308}", "😀 x", &paint.warn("李")];
        let laid_out = columns(&names.map(|name| vec![name.to_owned(), "x".to_owned()]));
        for line in laid_out.lines() {
            let before = line.strip_suffix('x').unwrap();
            assert_eq!(visible(before), 10, "{line:?}");
        }
    }

    #[test]
    fn a_bar_is_always_as_wide_as_asked() {
        for (share, bar_text) in [(0.0, "░░░░"), (0.5, "██░░"), (1.0, "████"), (7.0, "████")]
        {
            assert_eq!(bar(share, 4), bar_text);
        }
    }
}
