//! Answers of the repository service as types. Unknown fields are ignored; what old servers don't
//! send is optional; codes stay numbers, because new ones appear with new versions.

use serde::Deserialize;

/// `GET /qrs/about`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Version of the repository service, such as `31.62.0.0`; not the product's.
    pub build_version: String,
    #[serde(default)]
    pub database_provider: Option<String>,
    #[serde(default)]
    pub node_type: Option<i64>,
    #[serde(default)]
    pub shared_persistence: Option<bool>,
    /// The service waits for its certificates: nothing else will work.
    #[serde(default)]
    pub requires_bootstrap: Option<bool>,
    #[serde(default)]
    pub single_node_only: Option<bool>,
}

/// The answer of any `/count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Count {
    pub value: u64,
}
