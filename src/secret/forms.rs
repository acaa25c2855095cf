//! The forms in which a secret travels.

use std::collections::BTreeSet;

use url::Url;

use super::unescape::unescaped;

/// Texts that give secrets away, wherever they stand.
#[derive(Debug, Clone, Default)]
pub struct Forms(pub(super) BTreeSet<Form>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) bytes: Box<[u8]>,
    pub(super) kind: Kind,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "*** ({:?})", self.kind)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Wherever it stands.
    Text,
    /// Part of a longer run of Base64, all of which goes: its neighbours hold bits of the secret.
    Base64,
}

/// Shorter ones are only meant where they stand as words.
pub(super) const SHORTEST: usize = 4;

/// A part of an address that is as long may be a token.
const TOKEN: usize = 8;

/// Headers whose values everybody may see.
const OPEN_HEADERS: [&str; 14] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-type",
    "host",
    "origin",
    "referer",
    "user-agent",
    "x-qlik-user",
    "x-qlik-xrfkey",
    "x-requested-with",
];

impl Forms {
    pub(super) const fn none() -> Self {
        Self(BTreeSet::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A password, token or key.
    pub fn secret(&mut self, secret: &str) {
        let lines: Vec<&str> = secret.lines().map(str::trim).collect();
        for text in [secret, secret.trim()].into_iter().chain(lines) {
            self.one(text);
        }
    }

    fn one(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return;
        }
        self.text(text);
        if text.contains(' ') {
            self.text(&text.replace(' ', "+"));
        }
        if bytes.len() < SHORTEST {
            return;
        }
        self.text(&percent(text));
        for escaped in [json(text), html(text)] {
            self.text(&escaped);
        }
        // Who looks through escapes sees the secret's own signs resolved, too.
        let mut before: Box<[u8]> = bytes.into();
        while let Some(view) = unescaped(&before) {
            before = view.bytes.into();
            if before.len() >= SHORTEST {
                self.0.insert(Form { bytes: before.clone(), kind: Kind::Text });
            }
        }
        self.text(&hex::encode(bytes));
        self.text(&hex::encode_upper(bytes));
        self.base64(bytes);
    }

    /// A user's name and password, which travel together, too.
    pub fn login(&mut self, user: &str, password: &str) {
        if password.is_empty() {
            return;
        }
        self.secret(password);
        for pair in [format!("{user}:{password}"), format!("\0{user}\0{password}")] {
            self.base64(pair.as_bytes());
            self.text(&pair);
            self.text(&percent(&pair));
        }
    }

    /// The value of a header, unless everybody may see it.
    pub fn header(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim();
        if OPEN_HEADERS.contains(&name.as_str()) || name.starts_with("x-forwarded-") {
            return;
        }
        self.secret(value);
        if let Some((scheme, rest)) = value.split_once(' ') {
            let rest = rest.trim();
            if rest.len() >= SHORTEST {
                self.secret(rest);
            }
            let pair = Some(rest).filter(|_| scheme.eq_ignore_ascii_case("basic"));
            let pair = pair.and_then(base64_decoded).and_then(|pair| String::from_utf8(pair).ok());
            if let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                self.login(user, password);
            }
        }
        if name == "cookie" {
            let values = value.split(';').filter_map(|part| part.split_once('='));
            for (_, value) in values.filter(|(_, value)| value.trim().len() >= TOKEN) {
                self.secret(value.trim());
            }
        }
    }

    /// An address: its path, query and user may be what lets a sender in.
    pub fn address(&mut self, url: &Url) {
        let plain = |text: &str| {
            let bytes = unescaped(text.as_bytes()).map_or_else(|| text.into(), |view| view.bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let query = url.query().unwrap_or_default();
        if url.path().len() > 1 || !query.is_empty() {
            let target = if query.is_empty() {
                url.path().to_owned()
            } else {
                format!("{}?{query}", url.path())
            };
            // The path alone may be as common as `/hook`.
            if target.len() >= 2 * TOKEN {
                self.text(&target);
            }
        }
        for (_, value) in url.query_pairs().filter(|(_, value)| value.len() >= SHORTEST) {
            self.secret(&value);
        }
        for part in url.path_segments().into_iter().flatten().map(plain) {
            let token = part.len() >= 2 * TOKEN
                || part.len() >= TOKEN && part.bytes().any(|b| b.is_ascii_digit());
            if token {
                self.secret(&part);
            }
        }
        let user = plain(url.username());
        match url.password().map(plain) {
            Some(password) => self.login(&user, &password),
            None => self.secret(&user),
        }
    }

    fn text(&mut self, text: &str) {
        self.0.insert(Form { bytes: text.as_bytes().into(), kind: Kind::Text });
    }

    /// What of its Base64 is the same whatever stands before and behind it, also where that travels
    /// in Base64 or hexadecimal once more: who repeats a header repeats what is Base64 already.
    fn base64(&mut self, bytes: &[u8]) {
        self.base64_of(bytes, true);
    }

    fn base64_of(&mut self, bytes: &[u8], again: bool) {
        for before in 0..3 {
            let core = base64_core(bytes, before);
            if core.len() < SHORTEST {
                continue;
            }
            let for_urls = core.replace('+', "-").replace('/', "_");
            for bytes in [core.into_bytes(), for_urls.into_bytes()] {
                if again && bytes.len() >= 2 * SHORTEST {
                    self.base64_of(&bytes, false);
                    self.text(&hex::encode(&bytes));
                    self.text(&hex::encode_upper(&bytes));
                }
                self.0.insert(Form { bytes: bytes.into(), kind: Kind::Base64 });
            }
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The characters that hold nothing but bits of these bytes, when so many others stand before them.
fn base64_core(bytes: &[u8], before: usize) -> String {
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    // Bits up to the next character's.
    let skipped = (6 - before * 8 % 6) % 6;
    let whole = (bytes.len() * 8).saturating_sub(skipped) / 6;
    (0..whole)
        .map(|i| {
            let value = (0..6).fold(0, |value, j| value << 1 | bit(skipped + i * 6 + j));
            char::from(BASE64[value])
        })
        .collect()
}

fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        let c = match c {
            b'-' => b'+',
            b'_' => b'/',
            c => c,
        };
        let value = BASE64.iter().position(|known| *known == c)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}

/// All but the unreserved characters of RFC 3986 encoded.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_in_the_base64_of_everything_around_it() {
        // Within czNjcjN0, eHMzY3IzdHl5 (x before it) and eHhzM2NyM3R5eQ== (xx before it).
        for (before, core) in [(0, "czNjcjN0"), (1, "MzY3Izd"), (2, "zM2NyM3")] {
            assert_eq!(base64_core(b"s3cr3t", before), core);
        }
        assert_eq!(base64_core(b"bursar:s3cr3t", 0), "YnVyc2FyOnMzY3Izd");
        assert_eq!(base64_decoded("YnVyc2FyOnMzY3IzdA==").unwrap(), b"bursar:s3cr3t");
        assert_eq!(base64_decoded("not base64"), None);
    }
}
