//! Texts as they were before somebody escaped them for an address, for JSON or for HTML.

use std::ops::Range;

/// Bytes, and where each of them comes from.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// First byte of each in the text before, and of what follows the last.
    from: Vec<usize>,
}

impl View {
    /// Where these bytes come from.
    pub(super) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.from[range.start]..self.from[range.end]
    }
}

/// The text with its escapes resolved once; nothing if it has none.
pub(super) fn unescaped(text: &[u8]) -> Option<View> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'&')) {
        return None;
    }
    let mut view = View { bytes: Vec::with_capacity(text.len()), from: Vec::new() };
    let mut at = 0;
    let mut changed = false;
    while at < text.len() {
        let rest = &text[at..];
        let found = match rest[0] {
            b'%' => percent(rest),
            b'\\' => backslash(rest),
            b'&' => entity(rest),
            _ => None,
        };
        match found {
            Some((c, length)) => {
                changed = true;
                let before = view.bytes.len();
                match c {
                    Char::Byte(byte) => view.bytes.push(byte),
                    Char::Char(c) => {
                        view.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                view.from.extend(std::iter::repeat_n(at, view.bytes.len() - before));
                at += length;
            }
            None => {
                view.bytes.push(rest[0]);
                view.from.push(at);
                at += 1;
            }
        }
    }
    view.from.push(text.len());
    changed.then_some(view)
}

enum Char {
    Byte(u8),
    Char(char),
}

fn hex(text: Option<&[u8]>) -> Option<u32> {
    let text = std::str::from_utf8(text?).ok()?;
    let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| digits)
}

fn percent(text: &[u8]) -> Option<(Char, usize)> {
    let byte = u8::try_from(hex(text.get(1..3))?).ok()?;
    Some((Char::Byte(byte), 3))
}

/// As JSON, JavaScript, Rust and C have them.
fn backslash(text: &[u8]) -> Option<(Char, usize)> {
    let plain = |c| Some((Char::Byte(c), 2));
    match text.get(1)? {
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'b' => plain(8),
        b'f' => plain(12),
        b'0' => plain(0),
        c @ (b'"' | b'\'' | b'\\' | b'/') => plain(*c),
        b'x' => Some((Char::Byte(u8::try_from(hex(text.get(2..4))?).ok()?), 4)),
        b'u' if text.get(2) == Some(&b'{') => {
            let end = text.iter().take(10).position(|byte| *byte == b'}')?;
            Some((Char::Char(char::from_u32(hex(text.get(3..end))?)?), end + 1))
        }
        b'u' => {
            let first = hex(text.get(2..6))?;
            if let Some(c) = char::from_u32(first) {
                return Some((Char::Char(c), 6));
            }
            let second = hex(text.get(8..12)).filter(|_| text.get(6..8) == Some(b"\\u"))?;
            let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
            let c = char::decode_utf16(units).next()?.ok()?;
            Some((Char::Char(c), 12))
        }
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<(Char, usize)> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => hex(Some(digits.as_bytes())),
                None => number.parse().ok(),
            };
            char::from_u32(number?)?
        }
    };
    Some((Char::Char(c), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_every_kind_are_resolved_and_nothing_else() {
        for (text, plain) in [
            ("p%40s%73%c3%A4", "p@ssä"),
            (r#"a\"b\\c\/d\u00e4\ud83d\ude00\n"#, "a\"b\\c/dä😀\n"),
            (r"\u{1b}\x41\'", "\u{1b}A'"),
            ("&lt;a&amp;b&#39;&#x27;&quot;&apos;", "<a&b''\"'"),
        ] {
            let view = unescaped(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(view.bytes).unwrap(), plain);
            assert_eq!(view.from.last(), Some(&text.len()));
        }
        for text in ["plain", "100 % of", "a%4", "a\\", "&nothing;", "&", "\\u12", "\\q", "%+1"] {
            assert!(unescaped(text.as_bytes()).is_none(), "{text}");
        }
    }
}
