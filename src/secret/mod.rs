//! Text that must not be printed, and the one place where it is taken out of what others say.
//!
//! A server may repeat what it was sent: the line of a login, a header, an address. So whoever loads
//! settings [keeps](keep) every form in which their secrets travel, and every text from outside passes
//! [`mask()`] where it enters, before it is cut, stored or told. What leaves (lines of the log, output of
//! commands, the page) passes [`mask_own`] besides.

mod forms;
mod mask;
mod unescape;

use std::fmt;

pub use forms::Forms;
pub use mask::{Echo, beginning, keep, keep_passing, mask, mask_own};

/// A password, token or key. `Debug` and `Display` mask it; only [`reveal`](Secret::reveal) shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
