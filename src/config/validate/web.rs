//! `web`.

use std::net::{IpAddr, SocketAddr};

use super::super::raw;
use super::super::settings::{Network, Reach, Web, WebProxy, WebTls};
use super::{At, Check};

pub(super) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<Web> {
    let raw: raw::Web = at.read();
    if !raw.enable {
        return None;
    }
    let Ok(ip) = raw.host.trim().parse::<IpAddr>() else {
        check.error(
            &at.get("host"),
            format!("{:?} is not an IP address", raw.host),
            "write 127.0.0.1 for this machine only, or 0.0.0.0 for every address of it",
        );
        return None;
    };
    let hosts = hosts(check, &at.get("hosts"), &raw.hosts);
    let tls = tls(check, &at.get("tls"), &raw.tls);
    let proxy = proxy(check, &at.get("proxy"), &raw.proxy);
    let reach = match () {
        () if raw.require_login || proxy.is_some() => Reach::LoggedIn,
        () if ip.is_loopback() => Reach::Anybody,
        () if tls.is_some() => Reach::LoggedIn,
        () if !hosts.is_empty() => Reach::Anybody,
        () => Reach::Nobody,
    };
    // A login is needed there in any case, and a password never travels in the clear.
    let is_open = tls.is_some() || proxy.is_some() || !hosts.is_empty();
    let reach = if ip.is_loopback() || is_open { reach } else { Reach::Nobody };
    if reach == Reach::Nobody {
        check.warn(
            &at.get("host"),
            "the pages can be reached from other machines and have neither TLS nor a proxy before them: nobody is \
             answered but /health",
            "name a certificate in Butler.web.tls and make a user (bursar user add), or the proxy in \
             Butler.web.proxy, or the name it is asked by in Butler.web.hosts; or write 127.0.0.1",
        );
    } else if reach == Reach::Anybody && !ip.is_loopback() {
        check.warn(
            &at.get("host"),
            "whoever reaches this address reads the pages",
            "let only a proxy with authentication reach it, or set Butler.web.requireLogin: true",
        );
        if raw.show_names {
            check.warn(
                &at.get("showNames"),
                "everybody who reaches the pages reads the names of people",
                "leave showNames out, unless the proxy lets in only who may see them",
            );
        }
    }
    Some(Web {
        address: SocketAddr::new(ip, check.port(raw.port)),
        show_names: raw.show_names,
        hosts,
        tls,
        proxy,
        reach,
    })
}

fn hosts(check: &Check<'_>, at: &At<'_>, raw: &[String]) -> Vec<String> {
    let name = |text: &String| {
        let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.len() <= 253
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !is_name {
            check.error(
                at,
                format!("{} is not the name of a machine", at.quoted(text)),
                "write the name alone, such as bursar.example.com, without scheme, port and path",
            );
        }
        is_name.then_some(name)
    };
    raw.iter().filter_map(name).collect()
}

fn tls(check: &Check<'_>, at: &At<'_>, raw: &raw::WebTls) -> Option<WebTls> {
    let is_written = |text: &str| !text.trim().is_empty();
    match (is_written(&raw.cert), is_written(&raw.key)) {
        (false, false) => None,
        (true, true) => {
            let (cert, key) = (check.path(&raw.cert), check.path(&raw.key));
            Some(WebTls { cert, key, hsts: raw.hsts })
        }
        (has_cert, _) => {
            let missing = if has_cert { "key" } else { "cert" };
            let fix = "name both files: the certificate and its key";
            check.error(&at.get(missing), "this is missing", fix);
            None
        }
    }
}

fn proxy(check: &Check<'_>, at: &At<'_>, raw: &raw::WebProxy) -> Option<WebProxy> {
    if raw.from.is_empty() {
        if !raw.operators.is_empty() {
            check.error(
                &at.get("from"),
                "operators are named by a proxy, and there is none",
                "name the addresses of the proxy, or leave operators out (bursar user add makes users)",
            );
        }
        return None;
    }
    let mut from = Vec::new();
    for text in &raw.from {
        match Network::parse(text.trim()) {
            Some(network) if network.has_loopback() => {
                check.warn(
                    &at.get("from"),
                    "whoever is logged on to this machine can ask from this address, and say to be an operator",
                    "let nobody else on to this machine, or run the proxy on another one",
                );
                from.push(network);
            }
            Some(network) => from.push(network),
            None => check.error(
                &at.get("from"),
                format!("{} is not an address", at.quoted(text)),
                "write an address such as 10.0.0.5, or a network such as 10.0.0.0/24",
            ),
        }
    }
    let header = raw.user_header.trim().to_ascii_lowercase();
    let is_header = !header.is_empty()
        && header.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_header || ["authorization", "cookie", "host", "origin"].contains(&header.as_str()) {
        check.error(
            &at.get("userHeader"),
            format!("{} can't be the header with the user", at.quoted(&raw.user_header)),
            "write the name of the header in which the proxy names the user, such as X-Forwarded-User",
        );
    }
    let operators = raw.operators.iter().map(|name| name.trim().to_owned()).collect();
    Some(WebProxy { from, header, operators })
}
