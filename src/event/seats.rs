//! Who has the seats, and what changed.

use serde::{Deserialize, Serialize};

/// How the seats are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatActivity {}

impl SeatActivity {
    pub fn summary(&self) -> String {
        String::new()
    }
}

/// What changed since the lists were read before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatChanges {}

impl SeatChanges {
    pub fn summary(&self) -> String {
        String::new()
    }
}
