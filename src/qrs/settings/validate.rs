//! `configQRS` and `cert`, validated.

use super::raw::Authentication;
use super::{Connection, Entry, raw};
use crate::secret::Secret;
use crate::settings::{At, Check, is_token};

/// How to reach a site; of one among several, with its own keys in place of the common ones.
pub(crate) fn connection(check: &Check<'_>, qrs: &At<'_>, cert: &At<'_>) -> Connection {
    let raw: raw::ConfigQrs = qrs.read();
    let files: raw::Cert = cert.read();
    if !raw.use_ssl {
        check.warn(&qrs.get("useSSL"), "the site is called in clear text", "set useSSL: true");
    } else if !raw.reject_unauthorized {
        check.warn(
            &qrs.get("rejectUnauthorized"),
            "the server's certificate is not verified: anybody in between can read and change what is sent",
            "set it to true, and tlsServerName to the name in the server's certificate",
        );
    }
    let entry = entry(check, qrs, &raw);
    let file = |key: &str, text: &str, what: &str| {
        if !raw.use_ssl || !entry.has_certificate() {
            return check.path(text);
        }
        check.required_path(
            &cert.get(key),
            text,
            &format!("write the path of {what}, as exported from the Qlik Management Console"),
        )
    };
    Connection {
        host: check.host(&qrs.get("host"), &raw.host, "port"),
        port: match (entry.has_certificate(), qrs.get("port").node) {
            (false, None) => HTTPS,
            _ => check.port(raw.port),
        },
        use_ssl: raw.use_ssl,
        client_cert: file("clientCert", &files.client_cert, "the client certificate"),
        client_key: file("clientCertKey", &files.client_cert_key, "the client certificate's key"),
        ca_cert: file("clientCertCA", &files.client_cert_ca, "the root certificate"),
        reject_unauthorized: raw.reject_unauthorized,
        tls_server_name: check.server_name(&qrs.get("tlsServerName"), &raw.tls_server_name),
        headers: headers(check, &qrs.at("headers.static"), &raw.headers.fixed, raw.authentication),
        connect_timeout: check.seconds(raw.connect_timeout_seconds),
        request_timeout: check.seconds(raw.request_timeout_seconds),
        max_concurrency: usize::try_from(raw.max_concurrency).unwrap_or(1),
        entry,
        missing: None,
    }
}

/// Of a proxy.
const HTTPS: u16 = 443;

fn entry(check: &Check<'_>, qrs: &At<'_>, raw: &raw::ConfigQrs) -> Entry {
    let proxy = &raw.virtual_proxy;
    let (prefix_at, token_at) = (qrs.at("virtualProxy.prefix"), qrs.at("virtualProxy.token"));
    let (prefix, token) = (proxy.prefix.trim().trim_matches('/'), proxy.token.0.trim());
    if raw.authentication == Authentication::Certificates {
        if !prefix.is_empty() || !token.is_empty() {
            check.warn(
                &qrs.get("virtualProxy"),
                "it is not used: authentication is certificates",
                "set authentication: jwt or header, or remove it",
            );
        }
        return Entry::Certificates;
    }
    if !raw.use_ssl {
        check.error(
            &qrs.get("useSSL"),
            "who Bursar is would be told to the proxy in clear text",
            "set useSSL: true",
        );
    }
    if !prefix.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~/".contains(c)) {
        check.error(
            &prefix_at,
            format!("{} can't be the prefix of a virtual proxy", prefix_at.quoted(prefix)),
            "write it as the Qlik Management Console has it, such as bursar",
        );
    }
    let token = match raw.authentication {
        Authentication::Jwt => {
            let fix = "write the token that the virtual proxy takes, best as ${file:/path}";
            check.required(&token_at, token, fix);
            let parts = token.split('.').filter(|part| !part.is_empty()).count();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
            if !token.is_empty() && (parts != 3 || !token.chars().all(plain)) {
                check.error(
                    &token_at,
                    "this is no token (JWT): it has three parts of letters and digits with points between",
                    "write the token alone, without Bearer",
                );
            }
            Some(Secret::new(token))
        }
        _ if !token.is_empty() => {
            check.warn(&token_at, "it is not used: authentication is header", "remove it");
            None
        }
        _ => None,
    };
    Entry::Proxy { prefix: Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()), token }
}

const USER: &str = "X-Qlik-User";
const USER_FIX: &str = "write name: X-Qlik-User with the value UserDirectory=INTERNAL; UserId=sa_repository, or another user that may read licenses";

fn headers(
    check: &Check<'_>,
    at: &At<'_>,
    raw: &[raw::SiteHeader],
    authentication: Authentication,
) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (header, at) in raw.iter().zip(at.items()) {
        let (name, value) = (header.name.trim(), header.value.trim());
        if !is_token(name) {
            check.error(
                &at.get("name"),
                format!("\"{name}\" is not the name of a header"),
                "use letters, digits and - only",
            );
        }
        if value.contains(char::is_control) {
            check.error(
                &at.get("value"),
                "a header can't hold a line break",
                "write it on one line",
            );
        }
        if name.eq_ignore_ascii_case("X-Qlik-Xrfkey") {
            check.error(
                &at.get("name"),
                "Bursar sets this header itself, anew for each request",
                "remove the entry",
            );
        }
        if name.eq_ignore_ascii_case(USER) && !is_user(value) {
            check.error(
                &at.get("value"),
                format!("{} does not name a user", at.get("value").quoted(value)),
                "write it as UserDirectory=...; UserId=...",
            );
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    match authentication {
        Authentication::Certificates
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(USER)) =>
        {
            check.error(at, format!("the header {USER} is missing"), USER_FIX);
        }
        Authentication::Header if headers.is_empty() => {
            check.error(
                at,
                "the header in which the proxy looks for the name of the user is missing",
                "write its name as the virtual proxy has it, and the user as the value",
            );
        }
        _ => {}
    }
    headers
}

/// `UserDirectory=...; UserId=...`, in either case.
fn is_user(value: &str) -> bool {
    let Some((directory, id)) = value.split_once(';') else { return false };
    let value_of = |part: &str, key: &str| {
        part.trim()
            .split_once('=')
            .is_some_and(|(k, v)| k.trim().eq_ignore_ascii_case(key) && !v.trim().is_empty())
    };
    value_of(directory, "UserDirectory") && value_of(id, "UserId")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_as_qlik_reads_them() {
        assert!(is_user("UserDirectory=INTERNAL; UserId=sa_repository"));
        assert!(is_user("userdirectory=CORP;userid=a=b"));
        for bad in [
            "",
            "INTERNAL\\sa_repository",
            "UserDirectory=INTERNAL",
            "UserDirectory=; UserId=a",
            "UserId=a; UserDirectory=b",
        ] {
            assert!(!is_user(bad), "{bad}");
        }
    }
}
