//! `web`.

use std::net::{IpAddr, SocketAddr};

use super::super::raw;
use super::super::settings::Web;
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
    if !ip.is_loopback() {
        check.warn(
            &at.get("host"),
            "the pages have no login and can be reached from other machines",
            "put a proxy with authentication before them, or write 127.0.0.1",
        );
        if raw.show_names {
            check.warn(
                &at.get("showNames"),
                "everybody who reaches the pages reads the names of people",
                "leave showNames out, unless the proxy lets in only who may see them",
            );
        }
    }
    Some(Web { address: SocketAddr::new(ip, check.port(raw.port)), show_names: raw.show_names })
}
