//! Finding what is kept, in what others say.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use super::forms::{Form, Forms, Kind, SHORTEST};
use super::unescape::{View, unescaped};

/// What stands in the place of a secret.
const MASK: &str = "***";

/// How often a text may have been escaped: an address in JSON in HTML.
const ROUNDS: usize = 3;

/// Longer texts are only searched as they are and for the usual escapes.
const LONGEST_UNESCAPED: usize = 256 * 1024;

/// What is as long doesn't stand in a text by chance.
const NOT_BY_CHANCE: usize = 12;

/// Secrets that servers made up, such as sessions: the last so many are known.
const MOST_PASSING: usize = 2048;

/// All that was kept in this process.
static KEPT: RwLock<Kept> =
    RwLock::new(Kept { always: Forms::none(), passing: VecDeque::new(), search: None });

struct Kept {
    /// Those of the settings.
    always: Forms,
    /// Oldest first.
    passing: VecDeque<Forms>,
    search: Option<Arc<Search>>,
}

impl Kept {
    fn search_anew(&mut self) {
        let mut all = self.always.clone();
        self.passing.iter().for_each(|forms| all.add(forms.clone()));
        self.search = (!all.is_empty()).then(|| Arc::new(Search::new(all)));
    }
}

/// From now on these are masked. What was kept before stays: what was sent once may come back late.
pub fn keep(forms: Forms) {
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if !forms.0.is_subset(&kept.always.0) {
        kept.always.add(forms);
        kept.search_anew();
    }
}

/// The same of a secret that a server made up, and that another will follow.
pub fn keep_passing(forms: Forms) {
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if kept.passing.len() == MOST_PASSING {
        kept.passing.pop_front();
    }
    kept.passing.push_back(forms);
    kept.search_anew();
}

fn kept() -> Option<Arc<Search>> {
    KEPT.read().unwrap_or_else(PoisonError::into_inner).search.clone()
}

/// A text from outside without the secrets that somebody repeats in it, in whatever form.
pub fn mask(text: &str) -> Cow<'_, str> {
    match kept() {
        Some(search) => search.masked(text, 0),
        None => Cow::Borrowed(text),
    }
}

/// A text of our own with parts from outside: without secrets that don't stand there by chance.
/// A password such as `site` leaves our words as they are.
pub fn mask_own(text: &str) -> Cow<'_, str> {
    match kept() {
        Some(search) => search.masked(text, NOT_BY_CHANCE),
        None => Cow::Borrowed(text),
    }
}

/// The beginning of a text that was cut here: without its last bytes, which may be the beginning of a
/// secret that is no longer known for one.
pub fn beginning(text: &str) -> &str {
    // The longest escape of one byte has six.
    let reach = kept().map_or(0, |search| search.longest * 6);
    let mut end = text.len().saturating_sub(reach);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Looks for secrets in data that comes in pieces and must not be changed.
#[derive(Debug, Clone)]
pub struct Echo {
    search: Arc<Search>,
    /// The end of what came before.
    tail: Vec<u8>,
}

impl Echo {
    /// Nothing to look for where all of them are so short that they may stand there by chance.
    pub fn of(forms: &Forms) -> Option<Self> {
        let long = forms.0.iter().filter(|form| form.bytes.len() >= NOT_BY_CHANCE);
        let forms = Forms(long.cloned().collect());
        let any = !forms.0.is_empty();
        any.then(|| Self { search: Arc::new(Search::new(forms)), tail: Vec::new() })
    }

    /// Whether one of them ends in this piece.
    pub fn is_in(&mut self, piece: &[u8]) -> bool {
        let mut joint = std::mem::take(&mut self.tail);
        joint.extend_from_slice(piece);
        let found = !self.search.spans(&joint, NOT_BY_CHANCE).is_empty();
        let from = joint.len().saturating_sub(self.search.longest.saturating_sub(1));
        joint.drain(..from);
        self.tail = joint;
        found
    }
}

struct Search {
    forms: Forms,
    /// Those of at least four bytes, by the first four.
    by_start: HashMap<[u8; SHORTEST], Vec<Form>>,
    /// Whether any begins with these two bytes: most places of a text are out of question at once.
    pairs: Box<[u64; 1024]>,
    short: Vec<Form>,
    longest: usize,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "*** ({} forms)", self.forms.0.len())
    }
}

fn pair(text: &[u8]) -> (usize, u64) {
    let number = usize::from(text[0]) << 8 | usize::from(text[1]);
    (number / 64, 1 << (number % 64))
}

impl Search {
    fn new(forms: Forms) -> Self {
        let mut by_start: HashMap<_, Vec<Form>> = HashMap::new();
        let (mut pairs, mut short, mut longest) = (Box::new([0; 1024]), Vec::new(), 0);
        for form in &forms.0 {
            longest = longest.max(form.bytes.len());
            match form.bytes.first_chunk::<SHORTEST>() {
                Some(start) => {
                    let (word, bit) = pair(start);
                    pairs[word] |= bit;
                    by_start.entry(*start).or_default().push(form.clone());
                }
                None => short.push(form.clone()),
            }
        }
        Self { forms, by_start, pairs, short, longest }
    }

    fn masked<'a>(&self, text: &'a str, at_least: usize) -> Cow<'a, str> {
        let mut spans = self.spans(text.as_bytes(), at_least);
        let mut views: Vec<View> = Vec::new();
        while views.len() < ROUNDS && text.len() <= LONGEST_UNESCAPED {
            let before = views.last().map_or(text.as_bytes(), |view| &view.bytes);
            let Some(view) = unescaped(before) else { break };
            for span in self.spans(&view.bytes, at_least) {
                let span = views.iter().rev().fold(view.origin(&span), |span, v| v.origin(&span));
                spans.push(span);
            }
            views.push(view);
        }
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_by_key(|span| span.start);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            if span.end <= at {
                continue;
            }
            // An escape never begins or ends within a character, nor does a secret.
            if span.start >= at {
                out.push_str(text.get(at..span.start).unwrap_or_default());
                out.push_str(MASK);
            }
            at = span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Where forms of at least so many bytes stand.
    fn spans(&self, text: &[u8], at_least: usize) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        // To where the last run of Base64 went: one run is measured once.
        let mut run_end = 0;
        for (at, window) in text.windows(SHORTEST).enumerate() {
            let (word, bit) = pair(window);
            if self.pairs[word] & bit == 0 {
                continue;
            }
            let Some(forms) = self.by_start.get(window) else { continue };
            for form in forms.iter().filter(|form| form.bytes.len() >= at_least) {
                if !text[at..].starts_with(&form.bytes) {
                    continue;
                }
                let end = at + form.bytes.len();
                match form.kind {
                    Kind::Text => spans.push(at..end),
                    Kind::Base64 if end <= run_end => {}
                    Kind::Base64 => {
                        let run = run(text, at, end);
                        run_end = run.end;
                        spans.push(run);
                    }
                }
            }
        }
        for form in self.short.iter().filter(|form| form.bytes.len() >= at_least) {
            let places = text.windows(form.bytes.len()).enumerate();
            for (at, _) in places.filter(|(_, window)| *window == &*form.bytes) {
                let end = at + form.bytes.len();
                let joined = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                if !joined(at.checked_sub(1).and_then(|i| text.get(i))) && !joined(text.get(end)) {
                    spans.push(at..end);
                }
            }
        }
        spans
    }
}

/// The run of Base64 around it.
fn run(text: &[u8], start: usize, end: usize) -> Range<usize> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let before = text[..start].iter().rev().take_while(|byte| is_part(byte)).count();
    let behind = text[end..].iter().take_while(|byte| is_part(byte)).count();
    let padding = text[end + behind..].iter().take(2).take_while(|byte| **byte == b'=').count();
    start - before..end + behind + padding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(fill: impl FnOnce(&mut Forms)) -> Search {
        let mut forms = Forms::default();
        fill(&mut forms);
        Search::new(forms)
    }

    #[test]
    fn a_secret_is_found_in_every_form_it_travels_in() {
        let search = search(|forms| forms.login("bursar", "p\"ä s&<t/7+é"));
        for text in [
            "p\"ä s&<t/7+é",
            "p%22%C3%A4%20s%26%3Ct%2F7%2B%C3%A9",
            "p%22%c3%a4+s%26%3ct%2f7%2b%c3%a9",
            "p%22%C3%A4 s&%3Ct/7+%c3%A9",
            r#"p\"ä s&<t/7+é"#,
            r"p\u0022\u00e4 s\u0026\u003ct\/7+\u00E9",
            "p&quot;ä s&amp;&lt;t/7+é",
            "p&#34;&#xe4; s&#38;&#60;t/7+&eacute;".replace("&eacute;", "é").as_str(),
            // An address in JSON in HTML.
            "p%22%C3%A4%20s%26%3Ct\\/7%2B%C3%A9",
            "p\\&quot;ä s\\u0026amp;&lt;t/7+é",
        ] {
            let said = search.masked(text, 0);
            assert_eq!(said, "***", "{text}");
            let said = format!("535 {text}, no");
            assert_eq!(search.masked(&said, 0), "535 ***, no", "{text}");
        }
    }

    #[test]
    fn signs_that_look_like_escapes_are_found_among_escapes() {
        let search = search(|forms| forms.secret("a%2Fb\\n&amp;/c"));
        for text in ["a%2Fb\\n&amp;/c", "a%2Fb\\n\\u0026amp;/c", "a%252Fb%5Cn%26amp%3B/c"] {
            assert_eq!(search.masked(text, 0), "***", "{text}");
        }
    }

    #[test]
    fn base64_is_found_with_all_its_neighbours() {
        let search = search(|forms| forms.login("bursar", "s3cr3t"));
        for text in [
            // bursar:s3cr3t, \0bursar\0s3cr3t, s3cr3t alone.
            "YnVyc2FyOnMzY3IzdA==",
            "YnVyc2FyOnMzY3IzdA",
            "AGJ1cnNhcgBzM2NyM3Q=",
            "czNjcjN0",
            // {"password":"s3cr3t"} and x, xx, xxx before it.
            "eyJwYXNzd29yZCI6InMzY3IzdCJ9",
            "eHMzY3IzdHl5",
            "eHhzM2NyM3R5eQ==",
            "eHh4czNjcjN0eXk=",
        ] {
            let said = format!("AUTH PLAIN {text} (no)");
            assert_eq!(search.masked(&said, 0), "AUTH PLAIN *** (no)", "{text}");
        }
        // What was sent, encoded again by who repeats it.
        for again in [
            "QmFzaWMgWW5WeWMyRnlPbk16WTNJemRBPT0=",
            "426173696320596e5679633246794f6e4d7a5933497a64413d3d",
            "QVVUSCBQTEFJTiBBR0oxY25OaGNnQnpNMk55TTNRPQ==",
        ] {
            let masked = search.masked(again, 0);
            assert!(masked.contains("***") && masked.len() < again.len() / 2 + 10, "{masked}");
        }
        let percent = "Authorization=Basic+YnVyc2FyOnMzY3IzdA%3D%3D";
        assert!(!search.masked(percent, 0).contains("YnVy"), "{}", search.masked(percent, 0));
    }

    #[test]
    fn short_ones_are_found_as_words_and_what_is_by_chance_stays_in_our_own_words() {
        let search = search(|forms| forms.login("me", "pw"));
        assert_eq!(search.masked("no pw, spwan", 0), "no ***, spwan");
        assert_eq!(search.masked("Basic bWU6cHc=", 0), "Basic ***");
        assert_eq!(search.masked("pw", NOT_BY_CHANCE), "pw");
    }

    #[test]
    fn addresses_and_headers_give_away_what_is_in_them() {
        let search = search(|forms| {
            forms.address(&"https://me:se%40cret@h/hook/T0ABC123XYZ?code=a%2Fb.c".parse().unwrap());
            forms.address(&"https://tokentoken@h/".parse().unwrap());
            forms.header("Authorization", "Bearer abc.def");
            forms.header("Proxy-Authorization", "Basic YnVyc2FyOnMzY3IzdA==");
            forms.header("X-Qlik-User", "UserDirectory=A; UserId=b");
            forms.header("Cookie", "a=12345678; b=1");
        });
        for (text, said) in [
            ("GET /hook/T0ABC123XYZ?code=a%2Fb.c HTTP", "GET *** HTTP"),
            ("no hook T0ABC123XYZ", "no hook ***"),
            ("code a/b.c is wrong", "code *** is wrong"),
            ("me, se@cret", "me, ***"),
            ("tokentoken", "***"),
            ("token abc.def is unknown", "token *** is unknown"),
            ("bursar and s3cr3t", "bursar and ***"),
            ("UserDirectory=A; UserId=b", "UserDirectory=A; UserId=b"),
            ("session 12345678", "session ***"),
            ("a hook", "a hook"),
        ] {
            assert_eq!(search.masked(text, 0), said);
        }
    }

    #[test]
    fn an_echo_is_seen_across_pieces() {
        let mut forms = Forms::default();
        forms.header("X-Api-Key", "0123456789abcdef");
        let mut echo = Echo::of(&forms).unwrap();
        for piece in ["{\"name\":\"01234", "56789", "abcde"] {
            assert!(!echo.is_in(piece.as_bytes()), "{piece}");
        }
        assert!(echo.is_in(b"f\"}"));
        let mut short = Forms::default();
        short.header("X-Api-Key", "0123456789");
        assert!(!Echo::of(&short).is_some_and(|mut echo| echo.is_in(b"0123456789")));
    }

    #[test]
    fn a_text_full_of_beginnings_takes_no_longer() {
        let search = search(|forms| (0..1000).for_each(|i| forms.secret(&format!("aaaaaaa{i}"))));
        let text = "a".repeat(16 * 1024);
        assert_eq!(search.masked(&text, 0), text);
        let text = "%61".repeat(5 * 1024);
        assert_eq!(search.masked(&text, 0), text);
    }

    #[test]
    fn what_was_cut_ends_before_a_secret_that_may_begin() {
        let mut forms = Forms::default();
        forms.secret("a-secret-of-a-cut-text");
        keep(forms);
        let text = format!("{}a-secret-of", "x".repeat(4000));
        assert!(!beginning(&text).contains("a-secret"));
        assert_eq!(mask("it was a-secret-of-a-cut-text."), "it was ***.");
        assert_eq!(mask_own("it was a-secret-of-a-cut-text."), "it was ***.");
    }
}
