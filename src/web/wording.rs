//! Numbers, days and times as `Butler.locale` writes them, on the pages. Files for programs don't use these. And texts as
//! pages show them: what is meant to be typed as code, and no more than there is place for.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::plain::{one_line, shortened};
use crate::words::{self, Locale};

tokio::task_local! {
    /// Of the page that is made.
    static LOCALE: Locale;
}

/// Makes an answer with a locale.
pub(super) async fn with(locale: Locale, request: Request, next: Next) -> Response {
    LOCALE.scope(locale, next.run(request)).await
}

/// That of the page that is made; the default where none is.
pub(super) fn locale() -> Locale {
    LOCALE.try_with(|locale| *locale).unwrap_or_default()
}

/// `12,345.6`.
pub(super) fn number(value: f64) -> String {
    locale().number(value)
}

/// A time to the second, with the abbreviation of the zone.
pub(super) fn local(time: DateTime<Utc>, zone: Tz) -> String {
    locale().moment(time, zone)
}

/// `5 March 2027`.
pub(super) fn date(day: NaiveDate) -> String {
    locale().date(day)
}

/// `1 day`, `1,234 days`.
pub(super) fn days(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", words::counted(locale(), count.unsigned_abs(), "day", "days"))
}

/// A text as markup, with what stands between two backticks as code.
pub(super) fn marked(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let mut out = String::with_capacity(text.len() + 32);
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        let is_closed = parts.peek().is_some();
        match (is_code, is_closed) {
            (true, true) => out.extend(["<code>", &escaped(part), "</code>"]),
            // It stands alone, and is a sign like any other.
            (true, false) => out.extend(["`", &escaped(part)]),
            (false, _) => out.push_str(&escaped(part)),
        }
        is_code = !is_code;
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

/// The beginning of a text on one line, of at most `limit` characters: whole words, and whole pieces of code.
pub(super) fn excerpt(text: &str, limit: usize) -> String {
    let text = one_line(text);
    let (mut end, mut is_code) = (0, false);
    for (n, (at, letter)) in text.char_indices().enumerate() {
        match letter {
            _ if n >= limit => {
                if letter == ' ' && !is_code {
                    end = at;
                }
                return match text[..end].trim_end_matches([' ', ',', ';', ':', '(']) {
                    "" => shortened(&text, limit),
                    cut => format!("{cut} …"),
                };
            }
            '`' => is_code = !is_code,
            ' ' if !is_code => end = at,
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_all_else_is_text() {
        for (text, shown) in [
            ("run `bursar check` now", "run <code>bursar check</code> now"),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("`<b>` & \"<i>\"", "<code>&#60;b&#62;</code> &#38; &#34;&#60;i&#62;&#34;"),
            ("one ` alone <b>", "one ` alone &#60;b&#62;"),
            ("`a` and ` alone", "<code>a</code> and ` alone"),
            ("", ""),
        ] {
            assert_eq!(marked(text), shown, "{text}");
        }
    }

    #[test]
    fn an_excerpt_ends_between_words_and_cuts_no_code() {
        for (text, limit, shown) in [
            ("short enough", 12, "short enough"),
            ("one two, three", 10, "one two …"),
            ("raise `Butler.a maxReleases` now", 20, "raise …"),
            ("raise `Butler.a` now or then", 20, "raise `Butler.a` now …"),
            ("a\nb c", 5, "a b c"),
            ("oneverylongword", 5, "oneve..."),
        ] {
            assert_eq!(excerpt(text, limit), shown, "{text}");
        }
    }

    #[test]
    fn one_day_is_one() {
        assert_eq!([-1, 0, 1, 2].map(days), ["-1 day", "0 days", "1 day", "2 days"]);
    }
}
