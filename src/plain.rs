//! Text from outside, made fit for the surface on which it is shown: a function for each.
//!
//! | surface | function |
//! | --- | --- |
//! | part of a line of a terminal, a log, a page | [`one_line`] |
//! | several lines on a terminal, a cell of CSV, Markdown, HTML | [`on_terminal`] |
//! | a whole line of a log | [`log_line`] |
//! | JSON, which must stay what it is | [`in_json`] |
//! | a terminal of ASCII only, after the function above | [`in_ascii`], [`json_in_ascii`] |
//!
//! A cell of CSV is guarded against formulas besides (`spreadsheet`), Markdown and HTML have their own
//! escapes (`report`).

mod ascii;
mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use self::ascii::{in_ascii, json_in_ascii};
pub use self::json::{to_json, to_json_pretty};

/// The text on one line and without characters that could recolour a terminal, hide what stands
/// before them, show letters in another order than they have, or forge a line of a log.
pub fn one_line(text: &str) -> String {
    let mut before = '\0';
    let blank = |c: char| {
        let blank = c.is_control() || misleads(before, c);
        before = c;
        if blank { ' ' } else { c }
    };
    let text: String = text.chars().map(blank).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of a log as it may be written: all of it on one line, whatever its parts hold.
/// `keep_colours` is for our own.
pub fn log_line(text: &str, keep_colours: bool) -> Cow<'_, str> {
    let (line, end) = match text.strip_suffix('\n') {
        Some(line) => (line, "\n"),
        None => (text, ""),
    };
    let clean = on_terminal(line, keep_colours);
    if matches!(clean, Cow::Borrowed(_)) && !clean.contains(['\n', '\t']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(clean.replace(['\n', '\r', '\t'], " ") + end)
}

/// JSON with signs of its own in the place of those that steer or mislead: the same values.
pub fn in_json(json: &str) -> Cow<'_, str> {
    let Some(first) = first_meant(json) else { return Cow::Borrowed(json) };
    let (clean, rest) = json.split_at(first);
    let mut before = last(clean);
    let mut out = String::with_capacity(json.len());
    out.push_str(clean);
    for c in rest.chars() {
        // Between values there are only blanks and line ends.
        if c != '\r' && (steers(c) || misleads(before, c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
        before = c;
    }
    Cow::Owned(out)
}

/// One line of at most `limit` characters.
pub fn shortened(text: &str, limit: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(limit) {
        None => line,
        Some((end, _)) => format!("{}...", &line[..end]),
    }
}

/// Several lines as they may go to a terminal: what could steer it, or hide and reorder what it
/// shows, becomes `�`. `keep_colours` is for texts of our own, whose parts from outside are
/// [on one line](one_line) already.
pub fn on_terminal(text: &str, keep_colours: bool) -> Cow<'_, str> {
    let Some(first) = first_meant(text) else { return Cow::Borrowed(text) };
    let (clean, mut rest) = text.split_at(first);
    let mut before = last(clean);
    let mut shown = String::with_capacity(text.len());
    shown.push_str(clean);
    while let Some(c) = rest.chars().next() {
        let kept = if !steers(c) && !misleads(before, c) {
            c.len_utf8()
        } else if rest.starts_with("\r\n") {
            2
        } else if keep_colours {
            colour(rest)
        } else {
            0
        };
        before = c;
        if kept == 0 {
            shown.push('�');
            rest = &rest[c.len_utf8()..];
        } else {
            shown.push_str(&rest[..kept]);
            rest = &rest[kept..];
        }
    }
    Cow::Owned(shown)
}

/// Length of the code of a colour or style of ours that the text begins with; 0 if it does not. Those
/// that hide a text are not among them.
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else { return 0 };
    match parameters.find(|c: char| !c.is_ascii_digit() && c != ';') {
        Some(end)
            if parameters[end..].starts_with('m') && parameters[..end].split(';').all(is_ours) =>
        {
            "\u{1b}[".len() + end + 1
        }
        _ => 0,
    }
}

/// Bold, faint, italic, and the colours of letters.
fn is_ours(parameter: &str) -> bool {
    matches!(parameter, "0" | "1" | "2" | "3" | "31" | "32" | "33" | "34" | "35" | "36")
}

/// Where the first character stands that steers or misleads.
fn first_meant(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += harmless(&text.as_bytes()[at..]);
        let c = text[at..].chars().next()?;
        if steers(c) || misleads(last(&text[..at]), c) {
            return Some(at);
        }
        at += c.len_utf8();
    }
}

/// The last character before a place; at the beginning, one of ASCII.
fn last(text: &str) -> char {
    text.chars().next_back().unwrap_or('\0')
}

/// So many bytes at the beginning are ASCII that can be seen, blanks and line ends: nearly all of most
/// texts, so several are looked at at once.
fn harmless(text: &[u8]) -> usize {
    let is_harmless = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let (blocks, _) = text.as_chunks::<32>();
    let whole = blocks
        .iter()
        .take_while(|block| block.iter().fold(true, |all, byte| all & is_harmless(byte)))
        .count()
        * 32;
    whole + text[whole..].iter().take_while(|byte| is_harmless(byte)).count()
}

fn steers(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

/// Marks that take no room, change the order of what is shown or end its line. Joiners are part of
/// Persian, Indian and emoji, and mislead behind a Latin letter only.
fn misleads(before: char, c: char) -> bool {
    if matches!(c, '\u{200c}' | '\u{200d}') {
        return before.is_ascii();
    }
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
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
            ("\u{1b}[8mx\u{1b}[7m", "�[8mx�[7m", "�[8mx�[7m"),
            ("a\u{2028}b\u{200d}c\u{e0041}", "a�b�c�", "a�b�c�"),
            ("👩\u{200d}💻", "👩\u{200d}💻", "👩\u{200d}💻"),
            ("می\u{200c}خ", "می\u{200c}خ", "می\u{200c}خ"),
        ] {
            assert_eq!(on_terminal(text, false), of_others, "{text:?}");
            assert_eq!(on_terminal(text, true), own, "{text:?}");
        }
    }

    #[test]
    fn a_line_of_a_log_is_one_line_and_json_stays_what_it_is() {
        assert_eq!(log_line("a\n2026 INFO b\u{1b}[2J\r\n", false), "a 2026 INFO b�[2J�\n");
        let coloured = "\u{1b}[31mWARN\u{1b}[0m x\n";
        assert_eq!(log_line(coloured, true), coloured);
        let value = serde_json::json!({ "a\u{202e}": "x\u{9b}\u{7f}\u{1b}\u{e0041}\u{2028}ä\n" });
        let json = serde_json::to_string_pretty(&value).unwrap();
        let shown = in_json(&json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert!(!shown.chars().any(|c| steers(c) || misleads('a', c)), "{shown:?}");
        assert!(shown.contains("ä") && shown.contains("\\u202e"), "{shown}");
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
