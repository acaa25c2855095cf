//! One spelling for texts that Qlik takes as equal.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Lower case by Unicode, one character for one, so that `?` of a pattern stays a character.
///
/// Upper case first, then lower: so `ς`, `σ` and `Σ` are one letter, and `ſ` is `s`. All of the
/// Turkish `İ`, `I`, `ı`, `i` (with or without a dot of its own) are `i`: which of them are one
/// letter depends on the language, and a rule that protects one person too many does no harm.
/// `ß` and `ẞ` are one letter, but not `ss`, and accents count: to Qlik these are different names.
/// An accented letter is the same whether it is written as one character or as two (NFC). Blanks
/// that look alike are alike: no-break and thin ones, tabs, and several in a row are one blank, and
/// those around a text don't count.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let text = text.trim_ascii();
        if !has_odd_blanks(text) {
            return if text.bytes().any(|b| b.is_ascii_uppercase()) {
                Cow::Owned(text.to_ascii_lowercase())
            } else {
                Cow::Borrowed(text)
            };
        }
    }
    let text = text.trim();
    let mut folded = String::with_capacity(text.len());
    for c in ComposingNormalizerBorrowed::new_nfc().normalize(text).chars() {
        let dot_of_an_i = c == '\u{307}' && folded.ends_with('i');
        match c {
            _ if c.is_whitespace() && folded.ends_with(' ') => {}
            _ if c.is_whitespace() => folded.push(' '),
            _ if dot_of_an_i => {}
            _ => folded.push(fold_char(c)),
        }
    }
    Cow::Owned(folded)
}

/// Blanks within an ASCII text that are not single spaces.
pub(super) fn has_odd_blanks(text: &str) -> bool {
    let mut after_blank = false;
    text.bytes().any(|byte| {
        let odd = matches!(byte, b'\t'..=b'\r') || (byte == b' ' && after_blank);
        after_blank = byte == b' ';
        odd
    })
}

pub(super) fn fold_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    };
    // Only `İ` has a lower case of two characters: `i` and a dot.
    upper.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_and_blanks_do_not_count() {
        for (one, other) in [
            ("CORP", "corp"),
            (" Anna ", "aNNA"),
            ("MÜLLER", "müller"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσευσ"),
            ("İPEK", "ipek"),
            ("İPEK", "i\u{307}pek"),
            ("MU\u{308}LLER", "müller"),
            ("IŞIK", "ışık"),
            ("GROẞ", "groß"),
            ("ЖАННА", "жанна"),
            ("Ǆ", "ǆ"),
            ("ǅ", "ǆ"),
            ("\u{212a}elvin", "kelvin"),
            ("Do\u{a0}not release", "do not\u{2009}release"),
            ("do  not\trelease", "do not release"),
            ("\u{a0}do\u{202f}\u{a0}not\u{3000}release\u{2003}", "do not release"),
            ("Räte \t und", "räte und"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn other_differences_count() {
        for (one, other) in [("groß", "gross"), ("müller", "muller"), ("anna", "ann a")] {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let folded = fold(&format!("x{c}x")).into_owned();
            assert_eq!(fold(&folded), folded, "{c:?}");
        }
    }

    #[test]
    fn a_character_stays_one() {
        let nfc = ComposingNormalizerBorrowed::new_nfc();
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = format!("x{c}x");
            let composed = nfc.normalize(&text).chars().count();
            assert_eq!(fold(&text).chars().count(), composed, "{c:?}");
        }
    }
}
