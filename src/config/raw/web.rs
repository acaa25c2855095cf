//! The status page as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page that shows what is known right now. It has no login: leave it on loopback, or put a
/// proxy with authentication before it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Web {
    /// Serve the page. Off by default: nothing listens unless it is asked to.
    pub(in crate::config) enable: bool,
    /// IP address to listen on. Default `127.0.0.1`, this machine only.
    pub(in crate::config) host: String,
    /// Port to listen on. 0 takes any free one and logs it. Default 8080.
    #[schemars(range(min = 0, max = 65535), extend("x-noun" = "a port"))]
    pub(in crate::config) port: i64,
}

impl Default for Web {
    fn default() -> Self {
        Self { enable: false, host: "127.0.0.1".to_owned(), port: 8080 }
    }
}
