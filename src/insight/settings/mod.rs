//! `cost`, as it is written and validated: [`Prices`](super::cost::Prices).

pub(crate) mod raw;
pub(crate) mod validate;
