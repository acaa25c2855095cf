//! The switches by which a monitor sends to destinations, as they are written and as they hold.

pub(crate) mod raw;
pub(crate) mod validate;
