//! The license domain, free of I/O.
//!
//! [`server`] is what `GET /qrs/license` says, [`pools`] is what
//! `GET /qrs/license/accesstypeoverview` says.

pub mod pools;
pub mod server;

pub use pools::Pools;
pub use server::{Expiry, ServerLicense};
