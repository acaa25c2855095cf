//! Text from outside, made fit to be shown on a line of a terminal, a log or a page.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text on one line and without characters that could recolour a terminal, hide what stands
/// before them, show letters in another order than they have, or forge a line of a log.
pub fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() || misleads(c) { ' ' } else { c };
    let text: String = text.chars().map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Several lines as they may go to a terminal: what could steer it, or hide and reorder what it
/// shows, becomes `�`. `keep_colours` is for texts of our own, whose parts from outside are
/// [on one line](one_line) already.
pub fn on_terminal(text: &str, keep_colours: bool) -> Cow<'_, str> {
    let steers = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || misleads(c);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(steers) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = if rest.starts_with("\r\n") {
            2
        } else if keep_colours {
            colour(rest)
        } else {
            0
        };
        if kept == 0 {
            shown.push('\u{fffd}');
            rest = rest.strip_prefix(steers).unwrap_or_default();
        } else {
            shown.push_str(&rest[..kept]);
            rest = &rest[kept..];
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Length of the code of a colour or style that the text begins with; 0 if it does not.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else { return 0 };
    match parameters.find(|c: char| !c.is_ascii_digit() && c != ';') {
        Some(end) if parameters[end..].starts_with('m') => "\u{1b}[".len() + end + 1,
        _ => 0,
    }
}

/// Marks that take no room and change the order of what is shown.
fn misleads(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Columns that a line takes where letters have one width: a wide one (`山`, `😀`) takes two, a
/// combining mark none.
pub fn width(line: &str) -> usize {
    line.width()
}

/// A line with blanks behind it, up to so many columns.
pub fn padded(line: &str, columns: usize) -> String {
    format!("{line}{}", " ".repeat(columns.saturating_sub(width(line))))
}

/// The beginning of a line that fits into so many columns.
pub fn cut(line: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in line.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > columns {
            return &line[..at];
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_ends_become_blanks() {
        assert_eq!(one_line("31\u{1b}[31m X\r\nY\u{7}\u{9b}1m"), "31 [31m X Y 1m");
        assert_eq!(one_line(" plain  ä "), "plain ä");
        assert_eq!(one_line("a\u{202e}nna\u{2066}\u{200b}x"), "a nna x");
    }

    #[test]
    fn nothing_steers_a_terminal_but_colours_of_our_own() {
        for (text, of_others, own) in [
            ("ä\tb\r\nc\n", "ä\tb\r\nc\n", "ä\tb\r\nc\n"),
            ("x\ry", "x�y", "x�y"),
            ("\u{1b}[1;31mx\u{1b}[0m", "�[1;31mx�[0m", "\u{1b}[1;31mx\u{1b}[0m"),
            ("\u{1b}[2Jx", "�[2Jx", "�[2Jx"),
            ("\u{1b}]0;t\u{7}", "�]0;t�", "�]0;t�"),
            ("\u{9b}31m\u{7f}", "�31m�", "�31m�"),
            ("a\u{202e}b", "a�b", "a�b"),
            ("\u{1b}[", "�[", "�["),
        ] {
            assert_eq!(on_terminal(text, false), of_others, "{text:?}");
            assert_eq!(on_terminal(text, true), own, "{text:?}");
        }
    }

    #[test]
    fn wide_letters_take_two_columns_and_marks_none() {
        for (text, columns) in [
            ("anna", 4),
            ("山田", 4),
            ("Zoe\u{308}", 3),
            ("😀", 2),
            ("\u{1f469}\u{200d}\u{1f4bb}", 2),
            ("１", 2),
            ("", 0),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
            assert_eq!(width(&padded(text, 9)), 9, "{text:?}");
        }
        assert_eq!(padded("anna", 2), "anna");
        let cuts = [cut("山田", 3), cut("anna", 9), cut("Zoe\u{308}x", 3)];
        assert_eq!(cuts, ["山", "anna", "Zoe\u{308}"]);
    }
}
