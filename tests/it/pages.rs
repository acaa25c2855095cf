//! The pages, asked over HTTP.

mod after_a_run;
pub(crate) mod demo;
mod fresh;
mod seats;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// An answer, taken apart.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What a person reads: without markup, blanks as one.
    fn words(&self) -> String {
        words(&self.text)
    }
}

fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        // Code is a part of its sentence.
        if !tag.trim_start_matches('/').starts_with("code>") {
            text.push(' ');
        }
        rest = tag.split_once('>').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    let text = text.replace("&#39;", "'").replace("&#34;", "\"").replace("&lt;", "<");
    let text = text.replace("&gt;", ">").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) async fn get(base: &str, path: &str) -> Got {
    get_with(base, path, &[]).await
}

pub(crate) async fn get_with(base: &str, path: &str, headers: &[(&str, &str)]) -> Got {
    bursar::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    Got { status, headers, text: answer.text().await.unwrap() }
}

/// How many seats a page of them says there are: `1,203`.
fn found(page: &Got) -> &str {
    let head = page.text.split("<h2 id=\"found\">").nth(1).unwrap_or_default();
    head.split(" seat").next().unwrap_or_default()
}

/// The addresses that a page leads to.
fn links(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(|link| link.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// What holds for every page.
fn assert_sound(path: &str, page: &Got) {
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("style-src 'self'; script-src 'self'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
    assert_eq!(page.header("cache-control"), "no-store", "{path}");
    for inline in [" style=", "<style", " onclick=", " onload=", "javascript:", "http-equiv"] {
        assert!(!page.text.contains(inline), "{path} has {inline}");
    }
    let scripts = page.text.matches("<script").count();
    assert_eq!(scripts, page.text.matches("<script src=\"/assets/bursar-").count(), "{path}");
    for part in [
        "<html lang=\"en\"",
        "class=\"skip\"",
        "<main id=\"main\"",
        "<nav aria-label",
        "id=\"needs\"",
    ] {
        assert_eq!(page.text.matches(part).count(), 1, "{path}: {part}");
    }
    assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
    let mut ids: Vec<_> =
        page.text.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{path}: an id stands twice");
}
