//! How to reach a site.

pub(crate) mod raw;
pub(crate) mod validate;

use std::path::PathBuf;
use std::time::Duration;

use crate::secret::{Forms, Secret};

/// How to reach a site's repository service (`configQRS`, `cert`).
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Address to connect to: a name or an IP address.
    pub host: String,
    pub port: u16,
    /// Plain HTTP when false, as Butler has it. For tests behind a proxy only.
    pub use_ssl: bool,
    pub client_cert: PathBuf,
    pub client_key: PathBuf,
    pub ca_cert: PathBuf,
    /// Verify the server's certificate.
    pub reject_unauthorized: bool,
    /// The name expected in the server's certificate, when it isn't `host`.
    pub tls_server_name: Option<String>,
    /// Fixed request headers; contains `X-Qlik-User`.
    pub headers: Vec<(String, String)>,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    /// Requests at the same time.
    pub max_concurrency: usize,
    /// How Bursar gets in.
    pub entry: Entry,
    /// What the settings of the site refer to and isn't there. Nothing is sent to the site then.
    pub missing: Option<String>,
}

/// How Bursar gets in (`configQRS.authentication`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Entry {
    /// To the repository service itself, with a client certificate.
    #[default]
    Certificates,
    /// Through a virtual proxy of Qlik's.
    Proxy {
        /// The part of its addresses before `/qrs/`; `None`: there is none.
        prefix: Option<String>,
        /// A signed token (JWT) that says who asks; `None`: a fixed header does.
        token: Option<Secret>,
    },
}

impl Entry {
    /// Whether a client certificate is shown.
    pub fn has_certificate(&self) -> bool {
        *self == Self::Certificates
    }
}

impl Connection {
    /// What the site is sent and nobody may see: headers of a gateway before it.
    pub fn secrets(&self) -> Forms {
        let mut forms = Forms::default();
        for (name, value) in &self.headers {
            forms.header(name, value);
        }
        if let Entry::Proxy { token: Some(token), .. } = &self.entry {
            forms.secret(token.reveal());
        }
        forms
    }
}
