//! What two texts have in common that a person takes for one name and Qlik doesn't: only to find
//! rules that were meant for somebody else than they name, never to protect.

use icu_normalizer::DecomposingNormalizerBorrowed;

use super::fold::fold_char;

/// Without case, accents, blanks, invisible characters and quotes; `ß` is `ss`, all dashes are one,
/// full width is no other letter. `*` and `?` stay.
pub(super) fn loose(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return text.to_ascii_lowercase();
    }
    let mut loose = String::with_capacity(text.len());
    for c in DecomposingNormalizerBorrowed::new_nfkd().normalize(text).chars() {
        match c {
            _ if c.is_whitespace() || is_mark(c) || is_invisible(c) || is_quote(c) => {}
            'ß' | 'ẞ' => loose.push_str("ss"),
            'æ' | 'Æ' => loose.push_str("ae"),
            'œ' | 'Œ' => loose.push_str("oe"),
            'ø' | 'Ø' => loose.push('o'),
            'ł' | 'Ł' => loose.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => loose.push('d'),
            'þ' | 'Þ' => loose.push_str("th"),
            'ı' => loose.push('i'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => loose.push('-'),
            _ => loose.push(fold_char(c)),
        }
    }
    loose
}

/// As [`loose`], with umlauts as two letters: `mueller`.
pub(super) fn spelt_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(text).chars() {
        match c {
            'ä' | 'Ä' => out.push_str("ae"),
            'ö' | 'Ö' => out.push_str("oe"),
            'ü' | 'Ü' => out.push_str("ue"),
            'å' | 'Å' => out.push_str("aa"),
            _ => out.push(c),
        }
    }
    loose(&out)
}

/// Put on top of other letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '´' | '\u{2018}'..='\u{201f}' | '«' | '»')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_alike() {
        for (one, other) in [
            ("Jürgen", "jurgen"),
            ("groß", "GROSS"),
            ("Anna Maria", "annamaria"),
            ("an\u{200b}na", "anna"),
            ("\u{ff41}nna", "anna"),
            ("svc–backup", "svc-backup"),
            ("“anna”", "anna"),
            ("Søren", "soren"),
            ("O'Neill", "oneill"),
            ("svc_*", "SVC_*"),
        ] {
            assert_eq!(loose(one), loose(other), "{one} and {other}");
        }
        assert_eq!(spelt_out("MÜLLER"), loose("Mueller"));
        assert_eq!(spelt_out("Mu\u{308}ller"), loose("Mueller"));
        for (one, other) in [("anna", "anne"), ("svc_a", "svc-a"), ("a1", "al")] {
            assert_ne!(loose(one), loose(other), "{one} and {other}");
        }
    }
}
