//! What somebody meant who wrote what is no YAML, and what to write instead.
//!
//! Nothing of the file is repeated: it may hold passwords.

use super::node::Place;

/// What to do about a path between double quotes.
pub(super) const SINGLE_QUOTES: &str =
    r"write it between single quotes, where a backslash is a backslash: 'C:\Qlik\client.pem'";

const NEIGHBOURS: &str = "look at the indentation and the quotes of this line and the one above";

/// What is wrong, in place of the parser's words where they help nobody, and what to do.
pub(super) fn told(words: &str, text: &str, place: Place) -> (String, &'static str) {
    let sign = sign_at(text, place);
    let known = |what: &str, fix| (what.to_owned(), fix);
    if words.contains("tabs disallowed") {
        return known("a tab stands where only blanks may indent", "indent this line with blanks");
    }
    // `\U`, `\u` and `\x` want digits behind them; `C:\Users` has none.
    if words.contains("escape") || words.contains("expected hexadecimal number") {
        return known(
            "a backslash between double quotes begins an escape, and this is none",
            SINGLE_QUOTES,
        );
    }
    if words.contains('\0') || words.contains("\\u{0}") {
        return known(
            "there are zero bytes in it, as in UTF-16 or in a binary file",
            "save it in UTF-8",
        );
    }
    if words.contains("unknown anchor") {
        return known(
            "a value that begins with * is the name of an anchor, and there is none of this name",
            "put it in quotes if it is meant as text, such as the cron \"*/5 * * * *\"",
        );
    }
    if words.contains("unexpected character") || words.contains("cannot start any token") {
        return (
            match sign {
                Some(sign) if sign.is_ascii_punctuation() => {
                    format!("a value can't begin with {sign}")
                }
                _ => "a value can't begin like this".to_owned(),
            },
            "put it in quotes",
        );
    }
    if words.contains("expected ':'") {
        return known(
            "a key without a colon",
            "write a colon and a blank between key and value, such as port: 4242",
        );
    }
    if words.contains("mapping values are not allowed") {
        if let Some(above) = above(text, place) {
            if !above.contains(':') {
                return known(
                    "the line above has no colon",
                    "write a colon and a blank between its key and value, such as port: 4242",
                );
            }
            if !above.ends_with(':') && !above.contains(": ") {
                return known(
                    "the line above has no blank after its colon",
                    "write a colon and a blank between its key and value, such as port: 4242",
                );
            }
            if first_of_line(text, place) {
                return known(
                    "this line is indented further than the one above, which has its value already",
                    "indent both alike, or take the value above away",
                );
            }
        }
        return known(
            "a colon and a blank within a value, or a line that is indented too far",
            "put the value in quotes, or indent the line as its neighbours",
        );
    }
    if words.contains("did not find expected key") || words.contains("block mapping") {
        return known(
            "this line is indented in another way than those of its section",
            "indent it by as many blanks as its neighbours",
        );
    }
    if words.contains("unclosed quote") {
        return known("a quote begins here and doesn't end", "close it with the same sign");
    }
    (words.to_owned(), NEIGHBOURS)
}

/// Whether a Windows path stands here between double quotes with single backslashes, so that some of them were read
/// as tabs, line ends and the like: what to say then. `C:\\` alone says that the backslash was meant as one.
pub(super) fn escaped_path(lines: &[&str], place: Place, setting: &str) -> Option<String> {
    let line = lines.get(usize::try_from(place.line.checked_sub(1)?).ok()?)?;
    let from = usize::try_from(place.column.checked_sub(1)?).ok()?;
    let written: String = line.chars().skip(from).collect();
    let inside = written.strip_prefix('"')?.split('"').next()?;
    let mut escapes = inside.match_indices('\\').map(|(at, _)| &inside[at..]);
    let drive = inside.as_bytes().get(1) == Some(&b':') && inside.as_bytes().get(2) == Some(&b'\\');
    // Beyond a drive's name: a setting that is called as those with paths are.
    let name = setting.rsplit('.').next().unwrap_or_default().to_lowercase();
    let path = ["cert", "certkey", "certca", "key", "file", "path", "directory", "folder"]
        .iter()
        .any(|end| name.ends_with(end));
    if !(drive || path) || inside.contains("\\\\") {
        return None;
    }
    let first = escapes
        .find(|rest| rest[1..].starts_with(['0', 'a', 'b', 't', 'n', 'v', 'f', 'r', 'e']))?;
    let escape: String = first.chars().take(2).collect();
    let meaning = match &escape[1..] {
        "t" => "a tab",
        "n" => "a line end",
        "r" => "a carriage return",
        _ => "a control character",
    };
    Some(format!("between double quotes {escape} is {meaning} and not a part of a path"))
}

/// The line before a place that says something.
fn above(text: &str, place: Place) -> Option<&str> {
    let before = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let lines: Vec<&str> = text.lines().take(before).collect();
    let says = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    lines.iter().rev().find(says).map(|line| line.trim())
}

/// Whether the key that a colon at this place ends is the first word of its line.
fn first_of_line(text: &str, place: Place) -> bool {
    let line = usize::try_from(place.line.saturating_sub(1)).unwrap_or_default();
    let until = usize::try_from(place.column.saturating_sub(1)).unwrap_or_default();
    let before: String = text.lines().nth(line).unwrap_or_default().chars().take(until).collect();
    !before.contains(": ")
}

/// The sign at a place.
fn sign_at(text: &str, place: Place) -> Option<char> {
    let line = text.lines().nth(usize::try_from(place.line.checked_sub(1)?).ok()?)?;
    line.chars().nth(usize::try_from(place.column.checked_sub(1)?).ok()?)
}
