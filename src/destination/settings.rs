//! What the settings of several destinations have.

use crate::secret::Secret;

#[derive(Debug, Clone, PartialEq)]
pub struct BasicAuth {
    pub username: String,
    pub password: Secret,
}
