//! `configQRS` and `cert`, validated.

use super::{Connection, raw};
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
    let file = |key: &str, text: &str, what: &str| {
        if !raw.use_ssl {
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
        port: check.port(raw.port),
        use_ssl: raw.use_ssl,
        client_cert: file("clientCert", &files.client_cert, "the client certificate"),
        client_key: file("clientCertKey", &files.client_cert_key, "the client certificate's key"),
        ca_cert: file("clientCertCA", &files.client_cert_ca, "the root certificate"),
        reject_unauthorized: raw.reject_unauthorized,
        tls_server_name: check.server_name(&qrs.get("tlsServerName"), &raw.tls_server_name),
        headers: headers(check, &qrs.at("headers.static"), &raw.headers.fixed),
        connect_timeout: check.seconds(raw.connect_timeout_seconds),
        request_timeout: check.seconds(raw.request_timeout_seconds),
        max_concurrency: usize::try_from(raw.max_concurrency).unwrap_or(1),
        missing: None,
    }
}

const USER: &str = "X-Qlik-User";
const USER_FIX: &str = "write name: X-Qlik-User with the value UserDirectory=INTERNAL; UserId=sa_repository, or another user that may read licenses";

fn headers(check: &Check<'_>, at: &At<'_>, raw: &[raw::SiteHeader]) -> Vec<(String, String)> {
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
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(USER)) {
        check.error(at, format!("the header {USER} is missing"), USER_FIX);
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
