//! The license domain, free of I/O.
//!
//! [`server`] is what `GET /qrs/license` says, [`status`] what that means on a given day, [`pools`]
//! is what `GET /qrs/license/accesstypeoverview` says, [`seat`] the single seats and their people,
//! [`changes`] what became of them between two readings, [`monitor_app`] the app by which Qlik Sense
//! itself watches its licenses, [`version`] which Qlik Sense a site runs, `identity` by what sites are
//! told apart.

pub mod changes;
mod date;
mod identity;
mod key_details;
mod lef;
mod lines;
pub mod monitor_app;
pub mod pools;
#[cfg(test)]
mod samples;
pub mod seat;
mod seat_type;
pub mod server;
pub mod status;
mod stored;
pub mod version;
pub mod wire;

pub use changes::{Change, ChangeKind, SeatRow};
pub use date::DateOrder;
pub use identity::{Sameness, SiteIdentity};
pub use pools::Pools;
pub(crate) use seat::write_some_time;
pub use seat::{Holder, Moment, Person, PersonRead, Seat};
pub use seat_type::SeatType;
pub use server::{Expiry, ServerLicense};
pub use status::{LicenseState, ServerLicenseStatus, assess, today};
pub use version::{EndOfSupport, SenseVersion, Support};

/// An answer is JSON, but not what it should be. Never repeats a value of the answer: it may be a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ShapeError {
    pub expected: String,
    pub found: String,
}

impl ShapeError {
    pub fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}

/// A JSON value's type in words.
pub(crate) fn kind_of(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
