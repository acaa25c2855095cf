//! The pages as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pages that show what is known: state, trends, seats, releases. They have no login and change nothing: leave them
/// on loopback, or put a proxy with authentication before them.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::config) struct Web {
    /// Serve the pages. Off by default: nothing listens unless it is asked to.
    pub(in crate::config) enable: bool,
    /// IP address to listen on. Default `127.0.0.1`, this machine only.
    pub(in crate::config) host: String,
    /// Port to listen on. 0 takes any free one and logs it. Default 8080.
    #[schemars(range(min = 0, max = 65535), extend("x-noun" = "a port"))]
    pub(in crate::config) port: i64,
    /// Name the people who hold seats. Off by default: pages have no login, and everybody who is logged on to this
    /// machine reaches its loopback. Without it a person is shown by the beginning of an id, and can't be searched for.
    pub(in crate::config) show_names: bool,
}

impl Default for Web {
    fn default() -> Self {
        Self { enable: false, host: "127.0.0.1".to_owned(), port: 8080, show_names: false }
    }
}
