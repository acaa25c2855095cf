//! Qlik's License Monitor app.

use serde::{Deserialize, Serialize};

/// How the app is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitorApp {}

impl MonitorApp {
    pub fn summary(&self) -> String {
        String::new()
    }
}
