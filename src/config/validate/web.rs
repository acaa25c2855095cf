//! `web`.

use std::net::{IpAddr, SocketAddr};

use super::super::raw;
use super::{At, Check};

pub(super) fn settings(check: &Check<'_>, at: &At<'_>) -> Option<SocketAddr> {
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
    if !ip.is_loopback() {
        check.warn(
            &at.get("host"),
            "the status page has no login and can be reached from other machines",
            "put a proxy with authentication before it, or write 127.0.0.1",
        );
    }
    Some(SocketAddr::new(ip, check.port(raw.port)))
}
