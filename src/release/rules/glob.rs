//! Patterns with `*` (anything, also nothing) and `?` (one character). Nothing else is special.

/// Patterns, and what belongs to each.
#[derive(Debug, Clone)]
pub(crate) struct Globs<T> {
    entries: Vec<(Box<str>, T)>,
    /// The first and last byte of each pattern where they are literal: most texts differ from it
    /// there already.
    ends: Vec<[Option<u8>; 2]>,
}

impl<T> Globs<T> {
    pub(crate) fn new(entries: Vec<(Box<str>, T)>) -> Self {
        let literal = |byte: &u8| !b"*?".contains(byte);
        let ends =
            entries.iter().map(|(pattern, _)| ends(pattern).map(|byte| byte.filter(literal)));
        Self { ends: ends.collect(), entries }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What belongs to the patterns that all of `text` fits.
    pub(crate) fn matching(&self, text: &str) -> impl Iterator<Item = &T> {
        let [first, last] = ends(text);
        let may_fit = move |wanted: &[Option<u8>; 2]| {
            (wanted[0].is_none() || wanted[0] == first)
                && (wanted[1].is_none() || wanted[1] == last)
        };
        let candidates = self.ends.iter().zip(&self.entries).filter(move |(ends, _)| may_fit(ends));
        candidates
            .filter(move |(_, (pattern, _))| matches(pattern, text))
            .map(|(_, (_, belongs))| belongs)
    }
}

/// The first and the last byte.
fn ends(text: &str) -> [Option<u8>; 2] {
    let bytes = text.as_bytes();
    [bytes.first().copied(), bytes.last().copied()]
}

/// Whether a text is a pattern at all.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether all of `text` fits. After a mismatch the last `*` takes one character more, so the work
/// is at most the product of both lengths.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
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

    fn fits_glob(pattern: &str, text: &str) -> bool {
        let globs = Globs::new(vec![("x".into(), 1), (pattern.into(), 2), ("".into(), 3)]);
        globs.matching(text).any(|belongs| *belongs == 2)
    }

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
            assert_eq!(fits_glob(pattern, text), fits, "{pattern} and {text}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let text = "a".repeat(2_000);
        assert!(!fits_glob(&format!("{}b*", "*a".repeat(50)), &text));
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
                fits_glob(&pattern, &text),
                by_definition(&chars(&pattern), &chars(&text))
            );
        }
    }
}
