//! Patterns with `*` (anything, also nothing) and `?` (one character). Nothing else is special.

/// A pattern, with the bytes at its ends where they are literal: most texts don't fit there already.
#[derive(Debug, Clone)]
pub struct Glob {
    pattern: Box<str>,
    first: Option<u8>,
    last: Option<u8>,
}

impl Glob {
    pub fn new(pattern: &str) -> Self {
        let literal = |byte: Option<&u8>| byte.copied().filter(|b| !b"*?".contains(b));
        let bytes = pattern.as_bytes();
        Self { first: literal(bytes.first()), last: literal(bytes.last()), pattern: pattern.into() }
    }

    /// Whether all of `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        (self.first.is_none() || self.first.as_ref() == bytes.first())
            && (self.last.is_none() || self.last.as_ref() == bytes.last())
            && matches(&self.pattern, text)
    }
}

/// Whether a text is a pattern at all.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// After a mismatch the last `*` takes one character more, so the work is at most the product of both
/// lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last_star = None;
    loop {
        let before = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                text = before;
                last_star = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
            (None, None) => return true,
            // Too long a pattern; a `*` that takes more makes the rest only shorter.
            (Some(_), None) => return false,
            _ => {
                let Some((after_star, rest)) = &mut last_star else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, text) = (after_star.clone(), rest.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, fits) in [
            ("svc_*", "svc_backup", true),
            ("svc_*", "svc_", true),
            ("svc_*", "svc", false),
            ("svc_*", "my_svc_backup", false),
            ("*svc*", "my_svc_backup", true),
            ("*", "", true),
            ("*", "anna", true),
            ("**", "anna", true),
            ("?", "", false),
            ("?", "a", true),
            ("?", "ab", false),
            ("?", "ü", true),
            ("t?st-??", "test-01", true),
            ("t?st-??", "test-1", false),
            ("*a*b", "aab", true),
            ("*a*b", "aabb", true),
            ("*a*b", "aba", false),
            ("*ab", "aab", true),
            ("a*?", "a", false),
            ("a*?", "ab", true),
            ("a*b*", "acbd", true),
            ("", "", true),
            ("", "a", false),
            ("a.b", "axb", false),
            ("[ab]", "a", false),
            (r"a\*", r"a\b", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), fits, "{pattern} and {text}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let text = "a".repeat(2_000);
        assert!(!Glob::new(&format!("{}b*", "*a".repeat(50))).matches(&text));
    }

    /// By the definition, as slow as it may be.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|n| by_definition(rest, &text[n..])),
            (Some((p, pattern)), Some((t, text))) => {
                (*p == '?' || p == t) && by_definition(pattern, text)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn means_what_the_definition_says(pattern in "[abü*?]{0,7}", text in "[abü*]{0,9}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                Glob::new(&pattern).matches(&text),
                by_definition(&chars(&pattern), &chars(&text))
            );
        }
    }
}
