mod announcements;
mod corrections;
mod json;
mod limits;
mod notes;
mod properties;
mod reasons;
pub(in crate::release) mod support;
mod table;
