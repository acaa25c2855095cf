//! Lines of a license that this program doesn't know, kept as they came: bounded, on one line each,
//! and without the number, the control number and the key.

use super::server::MAX_TEXT;
use super::wire;
use crate::plain;

/// How many lines are kept, and the rest counted.
const MAX_LINES: usize = 40;

/// A text this short is no secret worth hiding, and would hide every second line.
const SHORTEST_SECRET: usize = 5;

const HIDDEN: &str = "***";

/// Collects the lines.
#[derive(Debug)]
pub(super) struct OtherLines {
    secrets: Vec<String>,
    lines: Vec<String>,
    more: usize,
}

impl OtherLines {
    /// What the license is known by must not be in a line.
    pub(super) fn of(license: &wire::License) -> Self {
        let secrets = [&license.serial, &license.check, &license.key];
        let secrets = secrets.map(|text| squeezed(text));
        let secrets = secrets.into_iter().filter(|text| text.len() >= SHORTEST_SECRET);
        Self { secrets: secrets.collect(), lines: Vec::new(), more: 0 }
    }

    pub(super) fn add(&mut self, line: &str) {
        let line = self.shown(line);
        if line.is_empty() {
            return;
        }
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    /// A text of the license as it may be shown.
    pub(super) fn shown(&self, text: &str) -> String {
        let squeezed = squeezed(text);
        if self.secrets.iter().any(|secret| squeezed.contains(secret)) {
            return HIDDEN.to_owned();
        }
        plain::shortened(&without_numbers(&plain::one_line(text)), MAX_TEXT)
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines.push(format!("({} lines more)", self.more));
        }
        self.lines
    }
}

/// Letters and digits only: a number is the same with blanks, hyphens or neither.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The text with what looks like a license number, a control number or a key hidden.
fn without_numbers(text: &str) -> String {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let inner = is_inner(first);
        let end = rest.find(|c| is_inner(c) != inner).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    let mut out = String::with_capacity(text.len());
    let mut n = 0;
    while n < parts.len() {
        // `0001 0002 0003 0004`: words and the blanks between them.
        let four = parts.get(n..n + 7).is_some_and(|seven| {
            seven.iter().step_by(2).all(|word| is_group(word, 4..=4))
                && seven.iter().skip(1).step_by(2).all(|between| *between == " ")
        });
        if four {
            out.push_str(HIDDEN);
            n += 7;
            continue;
        }
        out.push_str(if is_number(parts[n]) { HIDDEN } else { parts[n] });
        n += 1;
    }
    out
}

fn is_number(word: &str) -> bool {
    let digits = word.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let groups: Vec<&str> = word.split('-').collect();
    word.len() >= 32 && word.is_ascii()
        || digits >= 12
        || groups.len() >= 4 && groups.iter().all(|group| is_group(group, 4..=5))
}

fn is_group(word: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other_lines() -> OtherLines {
        OtherLines::of(&wire::License {
            serial: "9000 0000 0000 0042".into(),
            check: "12345".into(),
            key: "eyJhbGciOi.SAMPLE".into(),
            ..wire::License::default()
        })
    }

    #[test]
    fn a_line_is_kept_as_it_came_unless_it_holds_what_the_license_is_known_by() {
        let lines = other_lines();
        for kept in ["PURPOSE;Example;;", "Period: 2027-01-01 2028-12-31", "Overage: 10 %", ""] {
            assert_eq!(lines.shown(kept), kept);
        }
        for hidden in ["Nummer: 9000-0000-0000-0042", "x;12345;", "k=eyJhbGciOi.SAMPLE"] {
            assert_eq!(lines.shown(hidden), "***");
        }
        let other = "a 0001 0002 0003 0004 b 987654321098 c ABCD-EFGH-IJKL-MNOP-QRST d";
        assert_eq!(lines.shown(other), "a *** b *** c *** d");
        assert_eq!(lines.shown(&format!("key;{};", "aB3".repeat(11))), "key;***;");
    }

    #[test]
    fn lines_are_bounded_and_safe() {
        let mut lines = other_lines();
        lines.add("  ");
        lines.add(&format!("red\u{1b}[31m {}", "x ".repeat(500)));
        for n in 0..50 {
            lines.add(&format!("LINE;{n};;"));
        }
        let kept = lines.finish();
        assert_eq!(kept.len(), MAX_LINES + 1);
        assert_eq!(kept[0].chars().count(), MAX_TEXT + 3);
        assert!(kept[0].starts_with("red [31m x"), "{}", kept[0]);
        assert_eq!(kept[MAX_LINES], "(11 lines more)");
    }
}
