//! Rules without patterns.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fold;
use super::fold::has_odd_blanks;

/// What belongs to each of some texts, which are found without regard to letter case.
///
/// Sorted: for some dozens of rules that is as fast as hashing. Most texts that are looked for are
/// none of these, which their length alone tells.
#[derive(Debug, Clone)]
pub(crate) struct Exact<T> {
    entries: Vec<(Box<str>, T)>,
    /// Bit n: one of the texts has n bytes; the last one stands for all longer ones.
    lengths: u64,
}

impl<T> Exact<T> {
    /// Of folded texts. Of those that are there more than once the first one stays.
    fn new(mut entries: Vec<(Box<str>, T)>) -> Self {
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        entries.dedup_by(|(later, _), (first, _)| later == first);
        let lengths = entries.iter().fold(0, |lengths, (text, _)| lengths | bit(text));
        Self { entries, lengths }
    }

    /// What belongs to this text, folded or not.
    pub(crate) fn get(&self, text: &str) -> Option<&T> {
        // Folding doesn't change the length of ASCII, except for odd blanks.
        if text.is_ascii() && self.lengths & bit(text.trim_ascii()) == 0 && !has_odd_blanks(text) {
            return None;
        }
        let folded = fold(text);
        let place = self.entries.binary_search_by(|(entry, _)| (**entry).cmp(&folded)).ok()?;
        Some(&self.entries[place].1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

impl Exact<Box<str>> {
    /// Each text with itself as it was written. Blank ones are left out.
    pub(crate) fn of_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        let entries = texts.into_iter().map(|text| (fold(text).into(), text.trim().into()));
        Self::new(entries.filter(|(folded, _): &(Box<str>, _)| !folded.is_empty()).collect())
    }
}

impl Exact<Exact<Box<str>>> {
    /// By the first text of each pair, then by the second one.
    pub(crate) fn of_pairs(pairs: Vec<(Cow<'_, str>, Cow<'_, str>, Box<str>)>) -> Self {
        let mut grouped = BTreeMap::<Box<str>, Vec<_>>::new();
        for (one, other, written) in pairs {
            grouped.entry(one.into()).or_default().push((other.into(), written));
        }
        Self::new(grouped.into_iter().map(|(one, others)| (one, Exact::new(others))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Exact<Box<str>> {
        Exact::of_texts(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn finds_whatever_the_letter_case_and_tells_what_was_written() {
        let exact = texts(&["Keep", " KEEP ", "Geschützt", "", "  ", "z"]);
        let get = |text| exact.get(text).map(|written| &**written);
        assert_eq!(get(" kEEp"), Some("Keep"));
        assert_eq!(get("GESCHÜTZT"), Some("Geschützt"));
        assert_eq!(get("Z"), Some("z"));
        for other in ["", " ", "kee", "keeps", "sleep", "kept", "geschutzt", "y"] {
            assert_eq!(get(other), None, "{other}");
        }
        assert!(!exact.is_empty());
        assert!(texts(&["", " "]).is_empty());
    }

    #[test]
    fn texts_of_any_length_are_found() {
        let all: Vec<_> = (1..200).map(|n| "é".repeat(n % 3) + &"X".repeat(n)).collect();
        let exact = Exact::of_texts(&all);
        for text in &all {
            assert_eq!(exact.get(&text.to_lowercase()).map(|written| &**written), Some(&**text));
            assert_eq!(exact.get(&format!("{text}y")), None);
        }
    }

    #[test]
    fn a_character_that_folds_to_a_shorter_one_is_found() {
        // The sign for kelvin has three bytes, `k` has one.
        assert!(texts(&["\u{212a}"]).get("k").is_some());
        assert!(texts(&["k"]).get("\u{212a}").is_some());
    }

    #[test]
    fn pairs_belong_together() {
        let pairs = [("a", "x", "1"), ("a", "y", "2"), ("b", "z", "3"), ("a", "x", "4")];
        let pairs = pairs.map(|(one, other, written)| (one.into(), other.into(), written.into()));
        let exact = Exact::of_pairs(pairs.into());
        let get = |one, other| Some(&**exact.get(one)?.get(other)?);
        assert_eq!(get("A", "X"), Some("1"));
        assert_eq!(get("a", "y"), Some("2"));
        assert_eq!(get("b", "z"), Some("3"));
        assert_eq!(get("b", "x"), None);
        assert_eq!(get("a", "z"), None);
    }
}
