//! Texts for terminals that show ASCII only: asked for (`--ascii`), or known by the locale.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// The text in ASCII, as wide as it was, so that columns stay straight: signs that look alike in place of
/// ours, a question mark for each column of any other letter. What has to be exact is in the JSON.
pub fn in_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_ascii() => out.push(c),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => out.push(' '),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '─' | '━' => out.push('-'),
            '\u{2018}' | '\u{2019}' | '\u{2032}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{2033}' => out.push('"'),
            '…' | '·' | '░' => out.push('.'),
            '•' => out.push('*'),
            '×' => out.push('x'),
            '→' | '›' | '»' => out.push('>'),
            '←' | '‹' | '«' => out.push('<'),
            '↑' => out.push('^'),
            '↓' => out.push('v'),
            '│' | '┃' => out.push('|'),
            '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => out.push('+'),
            '▁'..='█' | '▒' | '▓' => out.push('#'),
            _ => out.extend(std::iter::repeat_n('?', c.width().unwrap_or(0))),
        }
    }
    Cow::Owned(out)
}

/// JSON of the same values whose letters beyond ASCII are escapes.
pub fn json_in_ascii(json: &str) -> Cow<'_, str> {
    if json.is_ascii() {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        // Outside of texts JSON is ASCII.
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::width;

    #[test]
    fn a_text_stays_as_wide_as_it_was() {
        for (text, ascii) in [
            ("plain", "plain"),
            ("██░░  50 %  – …", "##..  50 %  - ."),
            ("12\u{a0}345 → x", "12 345 > x"),
            ("Zoe\u{308} Müller 山", "Zoe M?ller ??"),
        ] {
            assert_eq!(in_ascii(text), ascii);
            assert_eq!(width(&in_ascii(text)), width(text), "{text}");
        }
    }

    #[test]
    fn json_has_the_same_values() {
        let value = serde_json::json!({ "ä": ["Müller", "😀", 1.5] });
        let json = json_in_ascii(&value.to_string()).into_owned();
        assert!(json.is_ascii(), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
    }
}
