//! Everything that comes from outside has a bound, with its figure.

mod answers;
#[cfg(target_os = "linux")]
mod files;
mod lists;
#[cfg(target_os = "linux")]
mod many_sites;
mod page;

use std::time::Duration;

use bursar::qrs::settings::Connection;

/// To a server without TLS.
fn connection(port: u16) -> Connection {
    Connection {
        host: "127.0.0.1".into(),
        port,
        use_ssl: false,
        client_cert: "".into(),
        client_key: "".into(),
        ca_cert: "".into(),
        reject_unauthorized: true,
        tls_server_name: None,
        headers: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(60),
        max_concurrency: 4,
        entry: Default::default(),
        missing: None,
    }
}
